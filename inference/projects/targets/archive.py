"""An export whose instances go to a DICOMweb archive, with tables and certificate in a folder.

An archive takes instances alone (STOW-RS, PS3.18 10.5). The folder has all else.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

import pydicom

from dicom_node.peers import PeerFailed, PeerLacksService
from inference.deliveries.destinations.stow import StowDestination
from inference.projects.targets.folder import FolderTarget
from inference.projects.targets.target import NotTaken
from storage.core.clock import utcnow
from storage.core.entities import Instance, Location
from storage.core.errors import InvalidInstance
from storage.dicom.file_meta import make_file_meta, read_file_meta
from storage.dicom.value_errors import UNREADABLE
from storage.peers.entities import KnownPeer
from storage.projects.entities import ExportedInstance
from storage.settings import Settings

_INSTANCE = ".dcm"
# PS3.18 has no bound for a query; some servers have.
_ASKED_AT_ONCE = 1000
_MOST_BYTES = 4 << 30


@dataclass(frozen=True)
class _Made:
    """Instances that are in memory, for a destination that opens what it sends."""

    settings: Settings
    part10: bytes = b""

    @property
    def instances(self) -> "_Made":
        return self

    def open(self, instance: Instance) -> BinaryIO:
        return io.BytesIO(self.part10)


class ArchiveTarget:
    transfer = "STOW-RS"

    def __init__(self, settings: Settings, peer: KnownPeer, beside: FolderTarget) -> None:
        """Raises InvalidRequest where the operator does not allow the host (any more)."""
        self._settings = settings
        self._peer = peer
        self._archive = StowDestination(_Made(settings), peer)
        self._beside = beside

    def __str__(self) -> str:
        return f"{self._archive} with {self._beside}"

    def begin(self, export_id: str) -> None:
        self._beside.begin(export_id)

    def write(self, name: str, data: bytes) -> None:
        if not name.endswith(_INSTANCE):
            self._beside.write(name, data)
            return
        # What it does with an instance that it has already, it says as of a new one.
        sending = StowDestination(_Made(self._settings, data), self._peer)
        (outcome,) = sending.send([_instance(name)])
        if outcome.is_refused:
            # "Processing failure" (0110) may have passed.
            (outcome,) = sending.send([_instance(name)])
        if outcome.is_refused:
            raise NotTaken(outcome.error)
        if not outcome.ok:
            raise PeerFailed(outcome.error)

    def missing(self, files: Sequence[ExportedInstance]) -> list[ExportedInstance]:
        by_series: dict[PurePosixPath, list[ExportedInstance]] = {}
        for one in files:
            by_series.setdefault(PurePosixPath(one.name).parent, []).append(one)
        lacking: list[ExportedInstance] = []
        for series in by_series.values():
            # An archive without any list has answered success to each; nobody can ask for more.
            with suppress(PeerLacksService):
                listed = self._archive.listed([_instance(one.name) for one in series])
                lacking += [one for one in series if PurePosixPath(one.name).stem not in listed]
        return lacking

    def end(self) -> None:
        self._beside.end()

    def read(self, name: str) -> bytes | None:
        return self._beside.read(name)

    def digests(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        yield from self._beside.digests([one for one in names if not one.endswith(_INSTANCE)])
        instances = [one for one in names if one.endswith(_INSTANCE)]
        for start in range(0, len(instances), _ASKED_AT_ONCE):
            portion = instances[start : start + _ASKED_AT_ONCE]
            lacking = {
                one.name for one in self.missing([ExportedInstance("", "", one) for one in portion])
            }
            for name in portion:
                if name not in lacking:
                    yield name, hashlib.sha256(self._as_sent(name)).hexdigest()

    def names(self) -> Iterable[str]:
        """Of the folder: what else the archive has is no business of this export."""
        return self._beside.names()

    def _as_sent(self, name: str) -> bytes:
        """What the archive gives back, behind the file meta information that this node writes.

        That of an archive is its own (PS3.18 10.4.3). What cannot be read is given as it is.
        """
        found = bytearray()
        self._archive.fetch(_instance(name), _bounded(found, name))
        try:
            meta = read_file_meta(found)
            stated = pydicom.dcmread(io.BytesIO(found), specific_tags=["SOPClassUID"])
            uid = PurePosixPath(name).stem
            header = make_file_meta(str(stated.SOPClassUID), uid, meta.transfer_syntax_uid)
        except (InvalidInstance, *UNREADABLE):
            return bytes(found)
        return header + bytes(memoryview(found)[meta.dataset_offset :])


def _bounded(found: bytearray, name: str) -> Callable[[bytes], None]:
    def write(piece: bytes) -> None:
        found.extend(piece)
        if len(found) > _MOST_BYTES:
            raise PeerFailed(f"The archive answered more than {_MOST_BYTES} bytes as {name}.")

    return write


def _instance(name: str) -> Instance:
    """By its name, `PATIENT/STUDY/SERIES/INSTANCE.dcm`; destinations ask for UIDs alone."""
    path = PurePosixPath(name)
    return Instance(
        sop_instance_uid=path.stem,
        series_instance_uid=path.parts[-2],
        study_instance_uid=path.parts[-3],
        sop_class_uid="",
        transfer_syntax_uid="",
        instance_number=None,
        rows=None,
        columns=None,
        number_of_frames=None,
        size_bytes=0,
        digest="",
        source="",
        received_at=utcnow(),
        location=Location("", 0, 0),
    )
