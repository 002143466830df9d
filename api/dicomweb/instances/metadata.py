"""Metadata of instances as DICOM JSON, made once and kept by series in the object store.

An object `metadata/v1/<study>/<series>.gz` holds a line for each instance: the
key of its content, a space, its JSON. A line is found by the content
that the index names now, so it can not go stale; a series that grew
or whose instance was replaced only lacks lines, which are then added.
"""

import gzip
import hashlib
import time
import zlib
from collections.abc import Sequence
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

import storage.dicom.unpadded_reading  # noqa: F401
from api.dicomweb.formats.dicom_json import Path, dataset_to_json
from api.dicomweb.formats.responses import gzip_bytes, json_bytes
from api.dicomweb.instances import large_headers
from api.dicomweb.instances.cache import ByteCache
from api.dicomweb.instances.headers import read_header
from api.dicomweb.instances.large_headers import Room, one_at_a_time
from api.dicomweb.lookups import content_key, instance_path
from storage.container.has import HasDamaged, HasInstances, HasObjects
from storage.core.entities import Instance
from storage.core.errors import (
    InstanceDamaged,
    InvalidInstance,
    LimitExceeded,
    MediViewError,
    NotFound,
)
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Content
from storage.index.unreadable_instances import UnreadableInstances
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.repository import DamagedInstances
from storage.objects.store import ObjectStore

log = structlog.get_logger(__name__)

VERSION = "1"
"""Of the JSON that is made; another one makes other keys."""
_SLOW_S = 0.05
"""An instance that took longer is worth keeping by itself."""
# A quote can not stand unescaped inside a JSON string, so no value of a data set matches this.
_ROOT_MARK = "{dicom-web}"
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_MARKED_URI = b'"BulkDataURI":"' + _ROOT_MARK.encode()

_damaged: ByteCache[str, bool] = ByteCache(max_bytes=10_000, pauses=False)
"""By content, so that each is tried once: what cannot be decoded is often slow, too."""

_omitted: ByteCache[str, int] = ByteCache(max_bytes=10_000, pauses=False)
"""How many instances an answer of that key lacks, as they would make it too long."""

_bodies: ByteCache[tuple[str, str, bool], bytes] = ByteCache(max_bytes=16 * 1024 * 1024)


def metadata_key(instances: Sequence[Instance] | Sequence[Content]) -> str:
    """A digest of what the metadata of these instances are made of, and so of their ETag."""
    names = "\n".join([VERSION, *(content_key(instance) for instance in instances)])
    return hashlib.sha256(names.encode()).hexdigest()[:40]


def is_undecodable(instance: Instance) -> bool:
    """Whether it is known that it cannot be decoded: each is tried once."""
    return _damaged.get(content_key(instance)) is not None


def with_root(line: bytes, root_url: str) -> bytes:
    """With the addresses of bulk data under `root_url`."""
    return line.replace(_MARKED_URI, b'"BulkDataURI":"' + root_url.encode())


def cached_metadata(key: str, root_url: str, *, gzipped: bool) -> bytes | None:
    """What `make_metadata` has made for that key, while it is still in memory."""
    body = _bodies.get((key, root_url, gzipped))
    if body is None and not gzipped:
        packed = _bodies.get((key, root_url, True))
        if packed is not None:
            body = gzip.decompress(packed)
            _bodies.put((key, root_url, False), body, len(body))
    return body


class MetadataStorage(HasInstances, HasObjects, HasDamaged, Protocol):
    """What of the storage layer metadata is made of."""

    @property
    def unreadable(self) -> UnreadableInstances: ...


def make_metadata(
    storage: MetadataStorage, instances: Sequence[Instance], root_url: str, *, gzipped: bool
) -> bytes:
    """The JSON array for `instances`, with bulk data under `root_url`.

    An instance that cannot be decoded is left out (`left_out` names it), so that it does not
    take the others with it. Raises InvalidInstance where it is the only one that is asked for.
    """
    reader = storage.instances.of_one_moment()
    instances = reader.as_corrected(instances)
    key = metadata_key(instances)
    plain = _bodies.get((key, root_url, False))
    is_whole = True
    if plain is None:
        with Room() as room:
            plain = _plain(storage, reader, instances, root_url, room)
        is_whole = not room.omitted_count and not lost_among(storage.damaged, instances)
    body = gzip_bytes(plain) if gzipped else plain
    if is_whole:
        _bodies.put((key, root_url, gzipped), body, len(body))
    return body


def _plain(
    storage: MetadataStorage,
    reader: InstanceReader,
    instances: Sequence[Instance],
    root_url: str,
    room: Room,
) -> bytes:
    lines = _lines(reader, storage.unreadable, storage.objects, instances, room)
    if not lines and room.omitted_count:
        raise LimitExceeded(
            f"The metadata take more than {large_headers.MOST_JSON_BYTES >> 20} MiB.",
            remedy="Retrieve the instance as stored; it has very many values.",
        )
    _omitted.put(metadata_key(instances), room.omitted_count, 1)
    if not lines and len(instances) == 1:
        raise InvalidInstance(
            f"The stored instance {instances[0].sop_instance_uid} cannot be decoded.",
            remedy="Retrieve it as stored; the sending system wrote it against the standard.",
        )
    body = b"[" + b",".join(lines) + b"]"
    return with_root(body, root_url)


def keep_metadata(key: str, root_url: str, body: bytes, *, gzipped: bool) -> None:
    """For `cached_metadata`."""
    _bodies.put((key, root_url, gzipped), body, len(body))


def left_out(damaged: DamagedInstances, instances: Sequence[Instance] | Sequence[Content]) -> int:
    """How many of them could not be decoded when their metadata were made, are damaged, or would
    make the answer too long."""
    undecodable = sum(_damaged.get(content_key(one)) is not None for one in instances)
    omitted_count = _omitted.get(metadata_key(instances)) or 0
    return undecodable + omitted_count + lost_among(damaged, instances)


def lost_among(damaged: DamagedInstances, instances: Sequence[Instance] | Sequence[Content]) -> int:
    """How many of them are damaged and have no right copy: until one is there."""
    return damaged.known.lost_among(one.sop_instance_uid for one in instances)


def _lines(
    instance_reader: InstanceReader,
    unreadable: UnreadableInstances,
    objects: ObjectStore,
    instances: Sequence[Instance],
    room: Room,
) -> list[bytes]:
    """JSON of each instance, from the kept lines where they are there, as far as there is room."""
    by_series: dict[str, list[Instance]] = {}
    for instance in instances:
        by_series.setdefault(instance.series_instance_uid, []).append(instance)
    lines: dict[str, bytes] = {}
    for members in by_series.values():
        lines.update(_series_lines(instance_reader, unreadable, objects, members, room))
    keys = map(content_key, instances)
    return [lines[key] for key in keys if key in lines]


def _series_lines(
    instances: InstanceReader,
    unreadable: UnreadableInstances,
    objects: ObjectStore,
    members: Sequence[Instance],
    room: Room,
) -> dict[str, bytes]:
    object_key = (
        f"metadata/v{VERSION}/{members[0].study_instance_uid}/{members[0].series_instance_uid}.gz"
    )
    kept = _load(objects, object_key)
    # Those may have been made of the wrong bytes.
    doubted = {
        content_key(one): kept.pop(content_key(one))
        for one in members
        if content_key(one) in kept and instances.is_doubted(one)
    }
    missing = [
        instance
        for instance in members
        if content_key(instance) not in kept and not is_undecodable(instance)
    ]
    for name in map(content_key, members):
        if name in kept and not room.take(kept[name]):
            del kept[name]
    slow, refusal = False, None
    for instance in missing:
        started = time.perf_counter()
        try:
            line = instance_json(instances, instance)
            if room.take(line):
                kept[content_key(instance)] = line
        except DAMAGED as error:
            leave_out(unreadable, instance, error)
        except InstanceDamaged as error:
            # Noted, and tried again: it may be repaired.
            refusal = error
        slow = slow or time.perf_counter() - started > _SLOW_S
    # One instance asked for by itself does not rewrite a long series each time.
    is_short = sum(map(len, kept.values())) < large_headers.MOST_JSON_BYTES
    has_wrong = any(kept.get(name) != line for name, line in doubted.items())
    if has_wrong or (missing and is_short and (slow or len(missing) > 1)):
        body = b"\n".join(name.encode() + b" " + line for name, line in kept.items())
        try:
            objects.put(object_key, gzip_bytes(body), "application/gzip")
        except MediViewError as error:
            # The copy only saves time; the answer does not depend on it.
            log.warning("metadata_not_cached", code=error.code)
    if refusal is not None and len(members) == 1:
        raise refusal
    return kept


def leave_out(unreadable: UnreadableInstances, instance: Instance, error: Exception) -> None:
    """Remember an instance that cannot be decoded, here and for administrators."""
    _damaged.put(content_key(instance), True, 1)
    reason = type(error).__name__
    log.error("instance_unreadable", sop_instance_uid=instance.sop_instance_uid, error=reason)
    try:
        unreadable.note(instance, reason)
    except (MediViewError, SQLAlchemyError):
        # It is noted at the next answer of another process; this one does not depend on it.
        log.warning("unreadable_not_noted")


def _load(objects: ObjectStore, object_key: str) -> dict[str, bytes]:
    try:
        packed = objects.get(object_key)
    except NotFound:
        return {}
    unpacking = zlib.decompressobj(_GZIP_WBITS)
    try:
        body = unpacking.decompress(packed, large_headers.MOST_JSON_BYTES)
        if not unpacking.eof:
            raise EOFError
    except (EOFError, zlib.error):
        log.warning("metadata_unreadable", size_bytes=len(packed))
        return {}
    pairs = (line.partition(b" ") for line in body.split(b"\n"))
    return {name.decode("ascii", "replace"): line for name, _, line in pairs if line}


def instance_json(instances: InstanceReader, instance: Instance) -> bytes:
    """DICOM JSON of one instance; bulk data addresses begin with the mark of the root.

    Raises TooManyRequests where another large one takes long, LimitExceeded where it has too many
    values, and what pydicom raises.
    """
    path_of_instance = instance_path(instance)

    def bulk_uri(path: Path) -> str:
        return f"{_ROOT_MARK}{path_of_instance}/bulkdata/{path}"

    with one_at_a_time(instances, instance) as room:
        header, pixels = read_header(instances, instance)
        elements = dataset_to_json(header, bulk_uri, room=room)
        if pixels is not None:
            name, vr = pixels
            elements[name] = {"vr": vr, "BulkDataURI": bulk_uri(Path((name,)))}
        return json_bytes(elements)
