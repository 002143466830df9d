"""Instances that have an object of their own in the bucket, for an index that is rebuilt."""

import mmap
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine

from storage.core.entities import Location
from storage.core.errors import InvalidInstance, InvalidRequest, LimitExceeded, NotFound
from storage.db.engine import reading
from storage.dicom.digests import digest_like
from storage.dicom.part10 import read_header
from storage.index.insert_instance import NewInstance, find_known
from storage.objects.keys import object_key, sop_instance_of_key
from storage.objects.store import ObjectStore, Stored
from storage.volumes.records import Note

log = structlog.get_logger(__name__)

_IN_MEMORY_BYTES = 32 << 20


def instance_of_object(engine: Engine, objects: ObjectStore, stored: Stored) -> NewInstance | None:
    """One instance that has an object of its own; None where it cannot be read, or is another
    than its key says. Of one without a note nobody knows who sent it."""
    key = stored.key
    sop_instance_uid = sop_instance_of_key(key)
    try:
        source_of_key = objects.open(key)
    except (InvalidRequest, NotFound):
        # What somebody else named may name a patient.
        log.error("object_unreadable", sop_instance_uid=sop_instance_uid, size_bytes=0)
        return None
    with (
        source_of_key as source,
        tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file,
    ):
        shutil.copyfileobj(source, file, 1 << 20)
        size_bytes = file.tell()
        file.seek(0)
        with _buffer(file) as part10:
            try:
                header = read_header(part10)
            except (InvalidInstance, LimitExceeded):
                log.error(
                    "object_unreadable", sop_instance_uid=sop_instance_uid, size_bytes=size_bytes
                )
                return None
            if object_key(header) != key:
                log.error("object_misnamed", sop_instance_uid=sop_instance_uid)
                return None
            with reading(engine) as connection:
                known = find_known(connection, header.sop_instance_uid)
            with part10[header.dataset_offset :] as dataset:
                digest = digest_like(known, dataset)
    location = Location("", 0, size_bytes, key)
    note = stored.note or Note("bucket", "received", stored.stored_at)
    return NewInstance.of_note(header, location, digest, note)


@contextmanager
def _buffer(file: "tempfile.SpooledTemporaryFile[bytes]") -> Iterator[memoryview]:
    if not file._rolled:  # type: ignore[attr-defined]
        with memoryview(file.read()) as view:
            yield view
        return
    file.flush()
    with (
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield view
