"""Instances as files elsewhere: where each lies, and whether its bytes are there."""

import io
import re
import uuid
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from dicom_node.network.throttle import PIECE_BYTES, Throttle
from storage.core.entities import Instance
from storage.core.uids import check_uid

_PART = re.compile(r"\.[0-9a-f]{32}\.part")
# Far longer than a sender waits for anything.
_ABANDONED_S = 3600.0


def path_of(instance: Instance) -> PurePosixPath:
    """`STUDY/SERIES/INSTANCE.dcm`. Raises InvalidRequest where a received UID is none."""
    return PurePosixPath(
        check_uid(instance.study_instance_uid, "StudyInstanceUID"),
        check_uid(instance.series_instance_uid, "SeriesInstanceUID"),
        f"{check_uid(instance.sop_instance_uid, 'SOPInstanceUID')}.dcm",
    )


def part_name() -> str:
    """Of a file that is being written, before it gets its own name."""
    return f".{uuid.uuid4().hex}.part"


def is_abandoned(name: str, age_s: float) -> bool:
    """Whether a file is what a process was writing that was killed; `age_s` since its last byte."""
    return age_s > _ABANDONED_S and _PART.fullmatch(name) is not None


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
