"""What may have come first of its series, in volumes and in the bucket, by headers alone."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from storage.index.insert_instance import NewInstance
from storage.maintenance.reindexing.conflicts import header_of_record
from storage.maintenance.reindexing.known_deletions import KnownDeletions
from storage.maintenance.reindexing.objects import instance_of_object
from storage.objects.keys import series_of_key
from storage.objects.local_copy import local_copy
from storage.objects.store import ObjectStore, Stored
from storage.reconciliation.first_received import Candidate, FirstOfSeries, with_headers
from storage.volumes.files import translated_os_errors
from storage.volumes.scan import Record, is_unfinished, scan, volumes_in


def offer_volumes(firsts: FirstOfSeries, folder: Path, deletions: KnownDeletions) -> None:
    """Raises StorageUnavailable."""
    with translated_os_errors(folder):
        for path in volumes_in(folder):
            if not is_unfinished(path):
                _offer_volume(firsts, path, deletions, None)


def offer_bucket(
    firsts: FirstOfSeries,
    engine: Engine,
    bucket: ObjectStore,
    volumes: Iterable[str],
    single: Iterable[Stored],
    deletions: KnownDeletions,
) -> None:
    """The keys of volumes, and the objects of single instances. Raises StorageUnavailable."""
    for key in volumes:
        with local_copy(bucket, key) as path:
            if not is_unfinished(path):
                _offer_volume(firsts, path, deletions, (bucket, key))
    for one in single:
        if series := series_of_key(one.key):
            load = partial(instance_of_object, engine, bucket, one)
            firsts.offer(series, Candidate(("", 0, one.key), one.received_at, load))


def _offer_volume(
    firsts: FirstOfSeries,
    path: Path,
    deletions: KnownDeletions,
    copy: tuple[ObjectStore, str] | None,
) -> None:
    key = "" if copy is None else copy[1]
    records = (
        one
        for one in scan(path, mends=True)
        if one.note.kind == "instance" and not one.note.is_aside
    )
    for record, header in with_headers(path, records):
        place = path.name, record.location.offset, key
        load = partial(_instance_of, path if copy is None else copy, record)
        firsts.offer(
            (header.study_instance_uid, header.series_instance_uid),
            Candidate(place, record.note.received_at, load),
            partial(deletions.cover, header.sop_instance_uid, record),
        )


def _instance_of(source: Path | tuple[ObjectStore, str], record: Record) -> NewInstance | None:
    start, length = record.location.offset, record.location.length
    if isinstance(source, Path):
        name, key = source.name, ""
        with source.open("rb") as file:
            file.seek(start)
            part10 = file.read(length)
    else:
        bucket, key = source
        name = key.rpartition("/")[2]
        part10 = bucket.get_range(key, start, length)
    with memoryview(part10) as view:
        header = header_of_record(view, record.digest)
    if header is None:
        return None
    location = replace(record.location, volume=name, object_key=key)
    return NewInstance.of_note(header, location, record.digest, record.note)
