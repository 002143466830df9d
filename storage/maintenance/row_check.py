"""Look whether there is what the rows of the index name: volumes, and objects of the bucket."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from storage import tables as t
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.db.engine import reading
from storage.index.repository import Index
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.integrity.copies import READABLE, state_in_bucket, state_in_volume
from storage.maintenance.problems import SEND_AGAIN, Problem, ProblemKind, is_moved
from storage.objects.store import ObjectStore
from storage.volumes.files import SUFFIX
from storage.volumes.reader import VolumeReader
from storage.volumes.writer import VolumeWriter

_HEADS_AT_ONCE = 8
_PORTION = 500
_UPLOADED_SOON = "The volume has the bytes: the running node uploads them again within minutes."


def check_rows(
    engine: Engine,
    index: Index,
    objects: ObjectStore,
    volumes: VolumeWriter,
    local: set[str],
    read_by: VolumeReader | None,
    is_elsewhere: Callable[[str], bool] = lambda _volume: False,
) -> Iterator[Problem]:
    """Rows whose volume is not here, and objects that must be in the bucket.

    What another host alone has its own check finds.
    """
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
            looked_at = [
                one
                for one in map(to_instance, rows)
                if one.location.object_key or not is_elsewhere(one.location.volume)
            ]
            for problems in pool.map(
                lambda one: _check_row(index, objects, volumes, one, local, read_by), looked_at
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
        if here or is_moved(index, instance):
            return []
        place = f"{location.volume}:{location.offset}"
        return [Problem("record_missing", place, instance.sop_instance_uid, SEND_AGAIN)]
    try:
        size_bytes = objects.size(location.object_key)
    except NotFound:
        if is_moved(index, instance):
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
        else SEND_AGAIN
    )
    return [Problem(kind, location.object_key, instance.sop_instance_uid, remedy)]


def _read_object(
    index: Index, objects: ObjectStore, instance: Instance, reader: VolumeReader
) -> list[Problem]:
    if state_in_bucket(objects, instance) == "whole" or is_moved(index, instance):
        return []
    is_here = bool(instance.location.volume) and state_in_volume(reader, instance) in READABLE
    return [
        Problem(
            "object_damaged",
            instance.location.object_key,
            instance.sop_instance_uid,
            _UPLOADED_SOON if is_here else SEND_AGAIN,
        )
    ]
