"""Check that everything that the index names is there and unchanged, and say what to do if not."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import (
    InvalidInstance,
    LimitExceeded,
    NotFound,
)
from storage.db.engine import reading
from storage.dicom.digests import proves
from storage.dicom.part10 import read_header
from storage.index.insert_instance import find_known
from storage.index.repository import Index
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.index.tombstones import is_covered
from storage.integrity.copies import READABLE, state_in_bucket, state_in_volume
from storage.objects.filesystem import ObjectStore
from storage.reconciliation.covered_rows import covered
from storage.reconciliation.moved_rows import moved_to
from storage.volumes.deletion_counter import NAME, counter_damage
from storage.volumes.files import SUFFIX
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import (
    Record,
    is_being_written,
    is_unfinished,
    scan,
    torn_bytes,
    volumes_in,
)
from storage.volumes.writer import VolumeWriter

ProblemKind = Literal[
    "record_damaged",
    "record_missing",
    "record_moved",
    "tail_torn",
    "record_covered",
    "counter_damaged",
    "not_indexed",
    "object_missing",
    "object_size",
    "object_damaged",
]
_PLACE_PROBLEMS: tuple[ProblemKind, ...] = ("record_missing", "object_missing", "object_size")
_HEADS_AT_ONCE = 8
_PORTION = 500
_SEND_AGAIN = "Have the instance sent to this node again, which repairs it."
COUNTER_REMEDY = "The next start of the node writes it again, as does 'mediview storage repair'."
_RENEW = (
    "A rebuilt index would take it for deleted: 'mediview storage verify --repair' writes the"
    " record again."
)
_MOVE = (
    "Another volume has the instance: 'mediview storage verify --repair' lets the index name it"
    " there."
)
_UPLOADED_SOON = "The volume has the bytes: the running node uploads them again within minutes."
_REPAIRED_SOON = "The bytes are right; the running node writes the record again within minutes."


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be. `place` is a volume and offset, or an object key."""

    kind: ProblemKind
    place: str
    sop_instance_uid: str
    remedy: str


Tell = Callable[[tuple[int, int]], None]
"""Called with how many bytes of volumes were looked at, of how many."""


def verify_storage(
    engine: Engine,
    index: Index,
    objects: ObjectStore,
    volumes: VolumeWriter,
    tell: Tell = lambda _: None,
    *,
    read_objects: bool = False,
) -> Iterator[Problem]:
    """Read every record and ask for the size of every object; safe beside a node at work.

    `read_objects`: fetch each object, too, and compare the instances in it with their digests.
    Raises StorageUnavailable where database or bucket do not answer.
    """
    folder = volumes.folder
    if damage := counter_damage(folder):
        yield Problem("counter_damaged", f"{NAME}: {damage}", "", COUNTER_REMEDY)
    paths = volumes_in(folder)
    total = sum(path.stat().st_size for path in paths if path.exists())
    done = 0
    elsewhere: set[str] = set()
    reader = VolumeReader(folder)
    try:
        for path in paths:
            try:
                size_bytes = path.stat().st_size
                yield from _check_volume(engine, index, objects, path, reader)
                elsewhere |= moved_to(engine, path)
            except FileNotFoundError:
                continue  # compacted or dropped meanwhile
            done += size_bytes
            tell((done, total))
        local = {path.name for path in paths}
        read_by = reader if read_objects else None
        for problem in _check_rows(engine, index, objects, volumes, local, read_by):
            is_elsewhere = problem.sop_instance_uid in elsewhere
            is_moved = is_elsewhere and problem.kind in _PLACE_PROBLEMS
            yield replace(problem, kind="record_moved", remedy=_MOVE) if is_moved else problem
    finally:
        reader.close()


def _check_volume(
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
        yield Problem(
            "tail_torn", f"{path.name}:{end}", "",
            "Nothing, if the node was killed or lost power at that time: what follows was never"
            " acknowledged. Rows below name what was lost otherwise.",
        )  # fmt: skip
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
        yield Problem("record_damaged", place, uid, _remedy(index, objects, uid))
        return
    if header is None or written:
        return
    if covered(engine, [record]):
        yield Problem("record_covered", place, uid, _RENEW)
    with reading(engine) as connection:
        known = find_known(connection, uid)
        if known is None and not is_covered(connection, uid, record.note.generation, record.digest):
            yield Problem("not_indexed", place, uid, "Run 'mediview migrate', or start the node.")


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
    elif not _moved(index, instance):
        kind: ProblemKind = "record_damaged" if state == "damaged" else "record_missing"
        yield Problem(kind, place, uid, _remedy(index, objects, uid))


def _check_rows(
    engine: Engine,
    index: Index,
    objects: ObjectStore,
    volumes: VolumeWriter,
    local: set[str],
    read_by: VolumeReader | None,
) -> Iterator[Problem]:
    """Rows whose volume is not here, and objects that must be in the bucket."""
    last = 0
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        while True:
            with reading(engine) as connection:
                rows = (
                    connection.execute(
                        select_stored_instances(t.instance.c.id > last)
                        .order_by(t.instance.c.id)
                        .limit(_PORTION)
                    )
                    .mappings()
                    .all()
                )
            if not rows:
                return
            last = rows[-1]["id"]
            for problems in pool.map(
                lambda row: _check_row(index, objects, volumes, to_instance(row), local, read_by),
                rows,
            ):
                yield from problems


def _check_row(
    index: Index,
    objects: ObjectStore,
    volumes: VolumeWriter,
    instance: Instance,
    local: set[str],
    read_by: VolumeReader | None,
) -> list[Problem]:
    location = instance.location
    if not location.object_key:
        here = location.volume in local or (volumes.folder / location.volume).exists()
        if here or _moved(index, instance):
            return []
        place = f"{location.volume}:{location.offset}"
        return [Problem("record_missing", place, instance.sop_instance_uid, _SEND_AGAIN)]
    try:
        size_bytes = objects.size(location.object_key)
    except NotFound:
        if _moved(index, instance):
            return []
        kind: ProblemKind = "object_missing"
    else:
        whole = location.object_key.endswith(SUFFIX)
        wanted = location.offset + location.length if whole else instance.size_bytes
        if size_bytes >= wanted if whole else size_bytes == wanted:
            return [] if read_by is None else _read_object(index, objects, instance, read_by)
        kind = "object_size"
    remedy = (
        "The local volume still has it: 'mediview storage verify --repair' lets it go there again."
        if location.volume in local
        else _SEND_AGAIN
    )
    return [Problem(kind, location.object_key, instance.sop_instance_uid, remedy)]


def _read_object(
    index: Index, objects: ObjectStore, instance: Instance, reader: VolumeReader
) -> list[Problem]:
    if state_in_bucket(objects, instance) == "whole" or _moved(index, instance):
        return []
    is_here = bool(instance.location.volume) and state_in_volume(reader, instance) in READABLE
    return [
        Problem(
            "object_damaged",
            instance.location.object_key,
            instance.sop_instance_uid,
            _UPLOADED_SOON if is_here else _SEND_AGAIN,
        )
    ]


def _moved(index: Index, instance: Instance) -> bool:
    """Whether the row says something else by now."""
    try:
        return index.instance(instance.sop_instance_uid).location != instance.location
    except NotFound:
        return True


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


def _remedy(index: Index, objects: ObjectStore, sop_instance_uid: str) -> str:
    try:
        instance = index.instance(sop_instance_uid)
    except NotFound:
        return "Nothing refers to it; compacting leaves it behind."
    # Of these few the object is read: what it promises has to be there.
    if state_in_bucket(objects, instance) == "whole":
        return "The running node repairs it from the bucket within minutes."
    return _SEND_AGAIN
