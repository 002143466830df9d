"""Backups of a working node: what is copied, and what a backup does not stumble over."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from storage.backup.taking import take_backup
from storage.backup.verification import prune, verify_backup
from storage.container import open_storage
from storage.core.errors import NotFound, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.locks.advisory_lock import housekeeping_lock
from storage.settings import Settings
from tests.servers import S3Server
from tests.storage.backup.contents import instances
from tests.storage.backup.nodes import (
    MIB,
    Make,
    assert_same,
    backed_up,
    killed,
    restored,
    store_at,
)
from tests.storage.instances import part10


def test_a_bucket_of_its_own_holds_backups_as_a_folder_does(
    node: Settings, make: Make, s3_server: S3Server
) -> None:
    access = {
        "backup_s3_endpoint_url": s3_server.endpoint_url,
        "backup_s3_access_key_id": s3_server.access_key_id,
        "backup_s3_secret_access_key": SecretStr(s3_server.secret_access_key),
    }
    node = node.model_copy(update=access)
    bucket = s3_server.new_bucket()
    place = f"s3://{bucket}/nodes/ct"
    backed_up(node, place)
    second = backed_up(node, place)
    store = store_at(node, place)
    assert store.whole()[-1] == second
    assert list(verify_backup(store, store.manifest())) == []
    other = make("sqlite", "other").model_copy(update=access)
    restored(other, place)
    assert_same(node, other)
    assert prune(store, 1)[0] == 1
    assert store.whole() == [second]
    listed = s3_server.client().list_objects_v2(Bucket=bucket)["Contents"]
    largest = max(listed, key=lambda one: one["Size"])["Key"]
    s3_server.client().delete_object(Bucket=bucket, Key=largest)
    (problem,) = verify_backup(store, store.manifest())
    assert problem.what == f"{largest.removeprefix('nodes/ct/')} is missing in {place}."
    with pytest.raises(StorageUnavailable, match="does not answer as it should"):
        store_at(node, "s3://no-such-bucket/nodes")


def test_what_has_not_changed_is_not_copied_again(node: Settings, place: Path) -> None:
    first = store_at(node, place)
    backed_up(node, place)
    with open_storage(node) as storage:
        storage.ingest.accept(part10(study="later", instance="later"), "stow")
        for path in (node.data_dir / "volumes").glob("*.mvv"):
            os.utime(path, (1, 1))
        manifest = take_backup(storage, store_at(node, place))
    whole = first.manifest(first.whole()[0])
    assert whole.copied_bytes > 9 * MIB
    assert manifest.size_bytes > whole.size_bytes
    assert manifest.copied_bytes < MIB


def test_several_backups_are_each_as_the_node_was(node: Settings, make: Make, place: Path) -> None:
    first = backed_up(node, place)
    with open_storage(node) as storage:
        before = instances(storage)
        storage.ingest.accept(part10(study="later", instance="later"), "stow")
    second = backed_up(node, place)
    for name, more in ((first, 0), (second, 1)):
        other = make("sqlite", f"other-{more}")
        restored(other, place, name)
        with open_storage(other) as storage:
            assert len(instances(storage)) == len(before) + more
    store = store_at(node, place)
    assert prune(store, 1)[0] == 1
    assert store.whole() == [second]
    assert list(verify_backup(store, store.manifest())) == []


def test_a_backup_that_was_cut_off_is_named_and_the_last_whole_one_stays(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = backed_up(node, place)
    with open_storage(node) as storage, monkeypatch.context() as patch:
        storage.ingest.accept(part10(study="later", instance="later"), "stow")
        patch.setattr("storage.backup.snapshot.read_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            take_backup(storage, store_at(node, place))
    store = store_at(node, place)
    (cut_off,) = store.cut_off()
    assert store.whole() == [whole]
    with pytest.raises(NotFound, match="was cut off"):
        store.manifest(cut_off)
    assert list(verify_backup(store, store.manifest())) == []
    backed_up(node, place)
    assert store.cut_off() == []


def test_what_is_deleted_and_compacted_meanwhile_does_no_harm(
    node: Settings, make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study is deleted between the look at the database and the copy of the volumes."""
    from storage.backup import snapshot

    copied = snapshot.volume_files
    with open_storage(node) as storage, open_storage(node) as other_process:
        study = derive_uid("test", "1-1")

        def after_deletion(settings: Settings) -> Iterator[object]:
            other_process.deletions.study(study)
            with housekeeping_lock(other_process.engine, node.data_dir) as is_free:
                assert not is_free, "compaction could remove volumes now"
            return copied(settings)

        monkeypatch.setattr(snapshot, "volume_files", after_deletion)
        manifest = take_backup(storage, store_at(node, place))
    assert manifest.missing == ()
    target = make("sqlite", "other")
    restored(target, place)
    with open_storage(node) as before, open_storage(target) as after:
        assert instances(before) == instances(after)
        with pytest.raises(NotFound):
            after.index.study(study)


def test_links_are_followed_and_sockets_pipes_and_loops_do_no_harm(
    node: Settings, make: Make, place: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "disk" / "liver"
    elsewhere.mkdir(parents=True)
    (elsewhere / "weights.bin").write_bytes(b"liver")
    (node.resolved_models_dir / "liver").symlink_to(elsewhere)
    (elsewhere / "all").symlink_to(node.resolved_models_dir)
    store_at(node, place)
    (node.data_dir / "backups").symlink_to(place)
    os.mkfifo(node.resolved_models_dir / "pipe")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(node.data_dir / "node.socket"))
        backed_up(node, place)
    other = make("sqlite", "other")
    restored(other, place)
    assert (other.resolved_models_dir / "liver" / "weights.bin").read_bytes() == b"liver"
    assert not (other.resolved_models_dir / "liver" / "all").exists()
    assert not (other.data_dir / "backups").exists()


def test_what_cannot_be_read_is_named_before_a_backup_lacks_it(
    node: Settings, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node.resolved_models_dir / "liver").symlink_to(node.data_dir / "gone")
    with pytest.raises(StorageUnavailable, match=r"models/liver cannot be read \(the link leads"):
        backed_up(node, place)
    (node.resolved_models_dir / "liver").unlink()
    closed = node.data_dir / "objects" / "reports"
    scan = os.scandir

    def refused(path: str) -> object:
        # A folder's mode does not keep root out.
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(StorageUnavailable, match=r"objects/reports cannot be read \(Permission"):
        backed_up(node, place)
