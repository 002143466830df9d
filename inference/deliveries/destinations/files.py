"""Instances as files elsewhere: where each lies, and whether its bytes are there."""

import io
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from dicom_node.network.throttle import PIECE_BYTES, Throttle
from storage.core.entities import Instance
from storage.core.uids import check_uid


def path_of(instance: Instance) -> PurePosixPath:
    """`STUDY/SERIES/INSTANCE.dcm`. Raises InvalidRequest where a received UID is none."""
    return PurePosixPath(
        check_uid(instance.study_instance_uid, "StudyInstanceUID"),
        check_uid(instance.series_instance_uid, "SeriesInstanceUID"),
        f"{check_uid(instance.sop_instance_uid, 'SOPInstanceUID')}.dcm",
    )


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


def copy(source: Readable, target: Writable, throttle: Throttle | None) -> None:
    while piece := source.read(PIECE_BYTES):
        if throttle is not None:
            throttle.wait_for(len(piece))
        target.write(piece)


def give(source: Readable, write: Callable[[bytes], None]) -> None:
    while piece := source.read(PIECE_BYTES):
        write(piece)


def size_of(file: BinaryIO) -> int:
    """What leaves may be longer than what is stored: it has the patient as corrected."""
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size_bytes


def same_bytes(ours: BinaryIO, theirs: Readable) -> bool:
    """`theirs` may give less than is asked for."""
    while piece := ours.read(PIECE_BYTES):
        got = bytearray()
        while len(got) < len(piece) and (part := theirs.read(len(piece) - len(got))):
            got += part
        if got != piece:
            return False
    return not theirs.read(1)
