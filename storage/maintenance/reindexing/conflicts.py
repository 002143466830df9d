"""Conflicts that the bucket has copies of, for an index that is rebuilt."""

import mmap
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Engine

from storage.core.errors import InvalidInstance, LimitExceeded
from storage.db.engine import writing
from storage.dicom.digests import proves
from storage.dicom.part10 import Header, read_header
from storage.index.insert_instance import NewInstance
from storage.maintenance.conflicts.copies import note_copy
from storage.maintenance.reindexing.known_deletions import KnownDeletions
from storage.maintenance.reindexing.rows import Rebuilt, add_batch
from storage.objects.keys import CONFLICTS, is_conflict_key, without_folders
from storage.objects.local_copy import local_copy
from storage.objects.store import ObjectStore
from storage.volumes.scan import Record, scan

log = structlog.get_logger(__name__)


def add_conflicts_of_bucket(
    engine: Engine, objects: ObjectStore, deletions: KnownDeletions, rebuilt: Rebuilt
) -> None:
    """Behind all that was not kept aside. What was decided is noted, so that its object goes."""
    for key in without_folders(objects.list(CONFLICTS)):
        if not is_conflict_key(key):
            # What somebody else named may name a patient.
            log.error("copied_conflict_misnamed")
            rebuilt.refused += 1
            continue
        with local_copy(objects, key) as path:
            found = _record_of(path)
        if found is None:
            log.error("copied_conflict_damaged", key=key)
            rebuilt.refused += 1
            continue
        record, header = found
        if deletions.cover(header.sop_instance_uid, record):
            rebuilt.deleted += 1
        else:
            location = replace(record.location, volume="", object_key=key)
            new = NewInstance.of_note(header, location, record.digest, record.note)
            add_batch(engine, [new], rebuilt, are_later=True)
        with writing(engine) as connection:
            note_copy(connection, key, header.sop_instance_uid, record)


def _record_of(path: Path) -> tuple[Record, Header] | None:
    """None where it is damaged."""
    record = next(scan(path, mends=True), None)
    if record is None:
        return None
    start = record.location.offset
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
        view[start : start + record.location.length] as part10,
    ):
        header = header_of_record(part10, record.digest)
    return None if header is None else (record, header)


def header_of_record(part10: memoryview, digest: str) -> Header | None:
    """The header of a whole record, None where the disk has changed it."""
    try:
        header = read_header(part10)
    except (InvalidInstance, LimitExceeded):
        return None
    with part10[header.dataset_offset :] as dataset:
        return header if proves(digest, dataset) else None
