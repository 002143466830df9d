"""A folder below the export folder: one part-10 file an instance, whole or not there."""

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dicom_node.network.throttle import Throttle
from dicom_node.peers import PeerFailed, PeerLacksService
from inference.deliveries.destinations.files import (
    copy,
    give,
    is_abandoned,
    part_name,
    path_of,
    same_bytes,
    size_of,
)
from inference.deliveries.destinations.kind import DestinationKind, FormField, PeerAddress, require
from inference.deliveries.destinations.protocol import InstanceStorage, Outcome, TestResult
from inference.failures import explain
from storage.commitment.entities import CommitmentRequest
from storage.core.data_folder import private_folder
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, MediViewError
from storage.peers.entities import KnownPeer
from storage.settings import Settings
from storage.volumes.durable_names import sync_folder


class FolderDestination:
    query = "reading"

    def __init__(self, storage: InstanceStorage, peer: KnownPeer) -> None:
        self._storage = storage
        self._swept: set[Path] = set()
        self._throttle = Throttle(peer.sending_bytes_per_s) if peer.sending_bytes_per_s else None
        root = storage.settings.resolved_export_dir.resolve()
        self._folder = (root / peer.folder).resolve()
        # A symbolic link may have been put there since.
        if self._folder == root or not self._folder.is_relative_to(root):
            raise InvalidRequest(
                f"The folder of destination {peer.name} is not below {root}.",
                remedy="Name a folder below MEDIVIEW_EXPORT_DIR.",
            )

    def __str__(self) -> str:
        return f"the folder {self._folder}"

    def send(self, instances: Sequence[Instance]) -> list[Outcome]:
        outcomes = []
        for instance in instances:
            try:
                self._write(instance)
                outcomes.append(Outcome(instance.sop_instance_uid))
            except (OSError, MediViewError) as error:
                sentence = explain(error).sentence
                outcomes.append(Outcome(instance.sop_instance_uid, f"{self}: {sentence}"))
        return outcomes

    def commit(self, instances: Sequence[Instance]) -> CommitmentRequest | None:
        raise PeerLacksService(f"{self} has no storage commitment.")

    def listed(self, instances: Sequence[Instance]) -> set[str]:
        try:
            return {one.sop_instance_uid for one in instances if self._is_there(one)}
        except OSError as error:
            raise PeerFailed(f"{self} cannot be read: {explain(error).sentence}") from error

    def fetch(self, instance: Instance, write: Callable[[bytes], None]) -> None:
        try:
            with self._path(instance).open("rb") as file:
                give(file, write)
        except OSError as error:
            raise PeerFailed(f"{self} cannot be read: {explain(error).sentence}") from error

    def test(self) -> TestResult:
        probe = self._folder / part_name()
        try:
            self._make(self._folder)
            with probe.open("xb") as file:
                file.write(b"MediViewAI")
                os.fsync(file.fileno())
            probe.unlink()
            free_mib = shutil.disk_usage(self._folder).free >> 20
        except OSError as error:
            return TestResult(False, f"{self} cannot be written: {explain(error).sentence}")
        return TestResult(True, f"{self} can be written; {free_mib} MiB are free.")

    def _path(self, instance: Instance) -> Path:
        return self._folder / path_of(instance)

    def _write(self, instance: Instance) -> None:
        path = self._path(instance)
        # A program that fetches the files may write there as well.
        if path.parent.resolve() != path.parent:
            raise InvalidRequest(f"{path.parent} is, or lies below, a symbolic link; remove it.")
        self._make(path.parent)
        self._sweep(path.parent)
        part = path.parent / part_name()
        try:
            with self._storage.instances.open(instance) as source, part.open("xb") as target:
                copy(source, target, self._throttle)
                target.flush()
                os.fsync(target.fileno())
            self._let_others_read(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)

    def _sweep(self, folder: Path) -> None:
        """Remove what killed senders left there, once for each folder."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        # Another sender may be quicker.
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if is_abandoned(entry.name, age_s):
                    Path(entry.path).unlink()

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            # A study may leave the node once its files are there: a lost name would lose them.
            sync_folder(folder.parent)
            self._let_others_read(folder)

    def _let_others_read(self, path: Path) -> None:
        """Another program fetches it, unless it lies in the node's own folder."""
        if not path.absolute().is_relative_to(self._storage.settings.data_dir.absolute()):
            private_folder.as_usual(path)

    def _is_there(self, instance: Instance) -> bool:
        path = self._path(instance)
        if not path.is_file():
            return False
        with self._storage.instances.open(instance) as ours, path.open("rb") as theirs:
            return size_of(ours) == path.stat().st_size and same_bytes(ours, theirs)


_SCHEME = "folder:"
_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def _check(peer: KnownPeer, settings: Settings) -> None:
    require(
        len(peer.folder) <= 200
        and _PATH.fullmatch(peer.folder)
        and not {".", ".."} & set(PurePosixPath(peer.folder).parts),
        "folder",
        "a path below MEDIVIEW_EXPORT_DIR, such as research or archive/2024",
    )


def _read_address(text: str) -> PeerAddress | None:
    return {"folder": text.removeprefix(_SCHEME)} if text.startswith(_SCHEME) else None


KIND = DestinationKind(
    name="folder",
    title="Folder",
    address="folder:PATH below MEDIVIEW_EXPORT_DIR",
    service="`STUDY/SERIES/INSTANCE.dcm`, written aside and renamed",
    proof="the file is read again and compared",
    fields=(FormField("folder", "Folder", max_length=200),),
    open=FolderDestination,
    check=_check,
    read_address=_read_address,
    show_address=lambda peer: f"{_SCHEME}{peer.folder}",
    is_export=True,
)
