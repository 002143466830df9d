"""What a record of a volume looks like on disk.

A fixed header, a small JSON note (source and time) and the part 10 bytes. A
record begins right behind the one before it, or at the next block of
`BLOCK_BYTES` with zeros in between: what was written together is padded to whole
blocks, so that bytes on disk are never written again and can bypass the page cache.
"""

import json
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from storage.core.entities import NO_ASSOCIATION, Location, Origin, StoreAssociation

MAGIC = b"MVR1"
# magic; crc32 of what follows in the header, the note and the file meta; lengths of the
# note, the file meta and the whole part 10 payload; digest of the data set
HEADER = struct.Struct("<4sIIIQ32s")
NOTE_MAX_BYTES = 64 * 1024
PLAUSIBLE_GENERATIONS = 1 << 40
"""More deletions than this, a thousand a second for 34 years, come of damaged bytes."""
# A multiple of the sectors of every disk there is, and of a memory page.
BLOCK_BYTES = 4096

RecordKind = Literal["instance", "tombstone"]
_encode_json = json.JSONEncoder(separators=(",", ":")).encode
_LENGTHS = struct.Struct("<IIQ32s")
_CHECKSUM = struct.Struct("<I")


@lru_cache(maxsize=256)
def _note_beginning(source: str, origin: str, association: StoreAssociation) -> str:
    """An open JSON object: the same for all that one peer sends."""
    stated = {name: value for name, value in association._asdict().items() if value}
    return _encode_json({"source": source, "origin": origin, **stated})[:-1] + ","


@dataclass(frozen=True, slots=True)
class Note:
    """What a record says beside the bytes, so that the index can be rebuilt from it."""

    source: str
    origin: Origin
    received_at: datetime
    generation: int = 0
    """How many deletions there had been (`deletion_counter`): orders both without a clock."""
    kind: RecordKind = "instance"
    is_aside: bool = False
    """Whether other content was stored under its UID already: orders both without a clock."""
    association: StoreAssociation = NO_ASSOCIATION

    def encode(self) -> bytes:
        rest = f',"generation":{self.generation}' if self.generation else ""
        if self.kind != "instance":
            rest += f',"kind":"{self.kind}"'
        if self.is_aside:
            rest += ',"aside":true'
        beginning = _note_beginning(self.source, self.origin, self.association)
        return f'{beginning}"received_at":"{self.received_at.isoformat()}"{rest}}}'.encode()

    @classmethod
    def decode(cls, data: bytes) -> "Note":
        fields = json.loads(data)
        return cls(
            fields["source"],
            fields["origin"],
            datetime.fromisoformat(fields["received_at"]),
            plausible(fields.get("generation", 0)),
            fields.get("kind", "instance"),
            fields.get("aside", False),
            StoreAssociation(fields.get("called_ae_title", ""), fields.get("peer_address", "")),
        )


def plausible(generation: int) -> int:
    """Without the bit that a damaged counter had too many; 0 where more of it is wrong."""
    high, rest = divmod(generation, PLAUSIBLE_GENERATIONS)
    return 0 if high & (high - 1) else rest


@dataclass(frozen=True, slots=True)
class Appended:
    location: Location
    note: Note


@dataclass(frozen=True, slots=True)
class ToAppend:
    """A record to be written as it stands: a copy of another, or a tombstone."""

    note: Note
    payload: bytes | memoryview
    dataset_offset: int
    digest: bytes
    """Of the payload from `dataset_offset` on (`storage.dicom.digests`)."""


def encode_header(
    note: bytes, file_meta: bytes | memoryview, payload_length: int, digest: bytes
) -> bytes:
    """The record's header and note; `digest` leaves `file_meta` out of the payload."""
    rest = _LENGTHS.pack(len(note), len(file_meta), payload_length, digest)
    checksum = zlib.crc32(file_meta, zlib.crc32(note, zlib.crc32(rest)))
    return b"".join((MAGIC, _CHECKSUM.pack(checksum), rest, note))


def whole_blocks(length: int) -> int:
    """`length` rounded up to whole blocks."""
    return -(-length // BLOCK_BYTES) * BLOCK_BYTES
