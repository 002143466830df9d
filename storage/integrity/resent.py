"""Whether an instance that arrives again is to be stored again."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, exists, select

from storage import tables as t
from storage.core.entities import Location
from storage.db.engine import reading
from storage.integrity.copies import state_of_record

# Of larger instances the header of the record: their sender waits for the answer.
_COMPARED_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class _Stored:
    location: Location
    digest: str
    transfer_syntax_uid: str


def needs_bytes(engine: Engine, sop_instance_uid: str, folder: Path) -> bool:
    """Whether damage was noted, or the volume that alone has it has not what arrived.

    The record is read and compared, as nobody may have read it since it was damaged. Raises
    StorageUnavailable, OSError.
    """
    of, noted = t.instance.c, t.damaged_instance.c.sop_instance_uid
    query = select(
        of.volume,
        of.volume_offset,
        of.size_bytes,
        of.digest,
        of.transfer_syntax_uid,
        of.object_key,
        exists().where(noted == of.sop_instance_uid).label("is_noted"),
    ).where(of.sop_instance_uid == sop_instance_uid)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        return False
    if row.is_noted or row.object_key:
        return bool(row.is_noted)
    location = Location(row.volume, row.volume_offset, row.size_bytes)
    stored = _Stored(location, row.digest, row.transfer_syntax_uid)
    try:
        fd = os.open(folder / row.volume, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return state_of_record(fd, stored, compared_max_bytes=_COMPARED_MAX_BYTES) != "whole"
    finally:
        os.close(fd)
