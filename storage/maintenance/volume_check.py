"""Read every record of a volume, and compare it with its digest and its row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.db.engine import reading
from storage.dicom.digests import proves
from storage.dicom.part10 import read_header
from storage.index.insert_instance import find_known
from storage.index.repository import Index
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.index.tombstones import is_covered
from storage.integrity.copies import READABLE, state_in_volume
from storage.maintenance.problems import Problem, ProblemKind, is_moved, remedy_for
from storage.objects.store import ObjectStore
from storage.reconciliation.covered_rows import covered
from storage.reconciliation.refused_rows import REMEDY as REFUSED
from storage.reconciliation.refused_rows import refused_rows
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import (
    Record,
    hides_records,
    is_being_written,
    is_unfinished,
    scan,
    torn_bytes,
)

_RENEW = (
    "A rebuilt index would take it for deleted: 'mediview storage verify --repair' writes the"
    " record again."
)
_KILLED = (
    "Nothing, if the node was killed or lost power at that time: what follows was never"
    " acknowledged. Rows below name what was lost otherwise."
)
_HIDING = (
    "A damaged header hides the records behind it from a rebuilt index. The running node writes"
    " those that have a row again within minutes."
)
_INDEX = "Run 'mediview migrate', or start the node."
_REPAIRED_SOON = "The bytes are right; the running node writes the record again within minutes."


def check_volume(
    engine: Engine, index: Index, objects: ObjectStore, path: Path, reader: VolumeReader
) -> Iterator[Problem]:
    end = 0
    # Looked at first: what is written later has its row later.
    written = is_being_written(path)
    if is_unfinished(path):
        return
    found: set[int] = set()
    for record in scan(path):
        end = record.location.offset + record.location.length
        found.add(record.location.offset)
        yield from _check_record(engine, index, objects, path, record, reader, written=written)
    if not written and torn_bytes(path, end):
        remedy = _HIDING if hides_records(path, end) else _KILLED
        yield Problem("tail_torn", f"{path.name}:{end}", "", remedy)
    # A damaged header hides the records behind it from a scan, but not from their rows.
    rows = _instances(engine, t.instance.c.volume == path.name)
    for instance in rows:
        if instance.location.offset not in found and not written:
            yield from _check_hidden(index, objects, instance, reader)


def _check_record(
    engine: Engine,
    index: Index,
    objects: ObjectStore,
    path: Path,
    record: Record,
    reader: VolumeReader,
    *,
    written: bool,
) -> Iterator[Problem]:
    place = f"{path.name}:{record.location.offset}"
    part10 = reader.read(record.location, 0, record.location.length)
    uid = ""
    header = None
    if record.note.kind == "instance":
        try:
            header = read_header(part10)
            uid = header.sop_instance_uid
        except (InvalidInstance, LimitExceeded):
            uid = _row_at(engine, record) or record.media_storage_sop_instance_uid
    if not proves(record.digest, memoryview(part10)[record.dataset_offset :]):
        if _is_replaced(engine, uid, record):
            return
        yield Problem("record_damaged", place, uid, remedy_for(index, objects, uid))
        return
    if header is None or written:
        return
    if covered(engine, [record]):
        yield Problem("record_covered", place, uid, _RENEW)
    with reading(engine) as connection:
        known = find_known(connection, uid)
        if known is None and not is_covered(connection, uid, record.note.generation, record.digest):
            offset = record.location.offset
            is_refused = any(one.offset == offset for one in refused_rows(engine, path.name))
            yield Problem("not_indexed", place, uid, REFUSED if is_refused else _INDEX)


def _is_replaced(engine: Engine, uid: str, record: Record) -> bool:
    """Whether the instance lies elsewhere by now, or was deleted: then compacting drops this."""
    with reading(engine) as connection:
        row = connection.execute(
            select(t.instance.c.volume, t.instance.c.volume_offset).where(
                t.instance.c.sop_instance_uid == uid
            )
        ).first()
        if row is None:
            return is_covered(connection, uid, record.note.generation, record.digest)
    return tuple(row) != (record.location.volume, record.location.offset)


def _check_hidden(
    index: Index, objects: ObjectStore, instance: Instance, reader: VolumeReader
) -> Iterator[Problem]:
    """A row whose record the scan did not come to: its bytes may be right all the same."""
    location = instance.location
    place, uid = f"{location.volume}:{location.offset}", instance.sop_instance_uid
    state = state_in_volume(reader, instance)
    if state in READABLE:
        yield Problem("record_damaged", place, uid, _REPAIRED_SOON)
    elif not is_moved(index, instance):
        kind: ProblemKind = "record_damaged" if state == "damaged" else "record_missing"
        yield Problem(kind, place, uid, remedy_for(index, objects, uid))


def _instances(engine: Engine, condition: Any) -> list[Instance]:
    with reading(engine) as connection:
        rows = connection.execute(select_stored_instances(condition)).mappings()
        return [to_instance(row) for row in rows]


def _row_at(engine: Engine, record: Record) -> str:
    with reading(engine) as connection:
        uid = connection.execute(
            select(t.instance.c.sop_instance_uid).where(
                t.instance.c.volume == record.location.volume,
                t.instance.c.volume_offset == record.location.offset,
            )
        ).scalar()
    return uid or ""
