"""What is acknowledged as written is synced: the file, and each name that leads to it."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from inference.models.model_folders import files_of, install
from inference.projects.folder import write_file
from storage.audit import Actor, AuditEvent, Code, Type
from storage.audit.spool import Spool
from storage.backup.places import FolderPlace
from storage.container import Storage, open_storage
from storage.core.errors import StorageUnavailable
from storage.core.untrusted_input.folder_walk import remove_tree
from storage.crypto.secret_files import load_secret
from storage.crypto.upload_tokens import TokenSigner
from storage.maintenance.export import Export, plan_export, write_folder, write_zip
from storage.objects.filesystem import FilesystemObjects
from storage.settings import load_settings
from storage.volumes.deletion_counter import Generation
from storage.volumes.durable_names import make_folder
from tests.migrated import upgrade
from tests.storage.deletion.test_deleting import STUDY
from tests.storage.instances import part10

pytestmark = pytest.mark.fault


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Storage]:
    settings = load_settings(data_dir=tmp_path / "node", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(), "stow")
        yield storage


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The inodes of what was synced."""
    found: set[int] = set()
    for name in ("fsync", "fdatasync"):

        def noted(fd: int, sync: Callable[[int], None] = getattr(os, name)) -> None:
            sync(fd)
            found.add(os.fstat(fd).st_ino)

        monkeypatch.setattr(os, name, noted)
    return found


def objects(folder: Path) -> FilesystemObjects:
    signer = TokenSigner(b"x" * 32)
    return FilesystemObjects(folder, signer=signer, public_url="http://127.0.0.1")


def model(root: Path) -> None:
    source = root.parent / "model"
    (source / "fold_0").mkdir(parents=True, exist_ok=True)
    (source / "fold_0" / "weights.pth").write_bytes(b"w")
    settings = load_settings(data_dir=root.parent / "node", models_dir=root / "models")
    install(settings, source, "name@1", files_of(source), keep_digests=True)


def test_a_model_is_added_and_replaced_however_deep_its_folders_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # for its pace
    deep = Path(*["d"] * 1100)
    make_folder(tmp_path / "model" / deep)
    (tmp_path / "model" / deep / "weights.pth").write_bytes(b"w")
    for _ in range(2):
        model(tmp_path / "root")
    added = tmp_path / "root" / "models" / "name@1"
    assert (added / deep / "weights.pth").read_bytes() == b"w"
    for folder in (added, tmp_path / "model"):
        remove_tree(folder)


def spooled(root: Path) -> None:
    actor = Actor("node", "node")
    event = AuditEvent(Code.APPLICATION_ACTIVITY, "E", actor, type=Type.APPLICATION_START)
    Spool(root / "audit" / "spool").put([event])


WRITTEN: dict[str, Callable[[Path, Storage], object]] = {
    "a file of a project's export": lambda root, _: write_file(root / "x" / "y", "a/b/c.dcm", b"c"),
    "an exported folder": lambda root, storage: write_folder(
        storage.instances, export_of(storage), root / "x" / "exported"
    ),
    "an exported ZIP": lambda root, storage: write_zip(
        storage.instances, export_of(storage), root / "x" / "y" / "exported.zip"
    ),
    "an object": lambda root, _: objects(root / "objects").put("a/b/c", b"c"),
    "the beginning of an upload": lambda root, _: objects(root / "objects").begin_parts("a", "x/y"),
    "a piece of a backup": lambda root, _: FolderPlace(root / "x").put("a/b", b"c"),
    "a model": lambda root, _: model(root),
    "audit events": lambda root, _: spooled(root),
    "the secret": lambda root, _: load_secret(root / "x" / "secret"),
}


def export_of(storage: Storage) -> Export:
    return plan_export(storage.index, storage.instances, STUDY, dicomdir=False)


@pytest.mark.parametrize("what", WRITTEN)
def test_the_file_and_each_folder_above_it_are_synced(
    tmp_path: Path, stored: Storage, synced: set[int], what: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    WRITTEN[what](root, stored)
    # An empty folder is there by its name alone.
    made = [path for path in (root, *root.rglob("*")) if path.is_file() or any(path.iterdir())]
    assert len(made) > 1
    assert [path for path in made if path.stat().st_ino not in synced] == []


def test_the_name_of_the_folder_of_volumes_is_synced(tmp_path: Path, synced: set[int]) -> None:
    settings = load_settings(data_dir=tmp_path / "node", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(), "stow")
        for path in (settings.data_dir, *settings.data_dir.glob("volumes/**")):
            assert path.stat().st_ino in synced, path


@contextmanager
def no_sync() -> Iterator[None]:
    """The disk makes no names durable."""
    sync = os.fsync

    def fails(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(fd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        yield


AGAIN: dict[str, Callable[[Path], object]] = {
    "a folder": lambda root: make_folder(root / "x" / "y"),
    "the counter of deletions": lambda root: Generation(root / "x").current(),
    "the secret": lambda root: load_secret(root / "x" / "secret"),
}


@pytest.mark.parametrize("what", AGAIN)
def test_a_name_whose_sync_failed_is_synced_when_it_is_asked_for_again(
    tmp_path: Path, synced: set[int], what: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for _ in range(2):
        with no_sync(), pytest.raises((OSError, StorageUnavailable)):
            AGAIN[what](root)
    with no_sync(), suppress(OSError, StorageUnavailable):
        (root / "x").mkdir()
        AGAIN[what](root)
    synced.clear()
    AGAIN[what](root)
    assert {root.stat().st_ino, (root / "x").stat().st_ino} <= synced


@pytest.mark.parametrize("what", ["an object", "parts"])
def test_what_is_removed_for_good_does_not_come_back_with_the_power(
    tmp_path: Path, synced: set[int], what: str
) -> None:
    store = objects(tmp_path / "objects")
    store.put("uploads/x", b"a patient's picture")
    multipart_id = store.begin_parts("uploads/y", "image/png")
    folder = tmp_path / "objects" / ("uploads" if what == "an object" else ".parts")

    def remove() -> None:
        if what == "an object":
            store.delete("uploads/x")
        else:
            store.drop_parts("uploads/y", multipart_id)

    with no_sync(), pytest.raises(StorageUnavailable):
        remove()
    synced.clear()
    remove()
    assert folder.stat().st_ino in synced
    assert list(folder.iterdir()) == []
    store.delete("nothing/of/it")


def test_a_folder_that_another_thread_is_making_is_synced(tmp_path: Path, synced: set[int]) -> None:
    (tmp_path / "x").mkdir()
    make_folder(tmp_path / "x")
    assert tmp_path.stat().st_ino in synced
    synced.clear()
    make_folder(tmp_path / "x")
    assert synced == set(), "once is enough"
