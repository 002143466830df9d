"""WADO-RS: whole instances and their metadata (PS3.18 10.4)."""

import json
from collections.abc import Callable, Sequence
from typing import Protocol

from fastapi import Request, Response

from api.access.policy import READERS, policy
from api.audit_rules import RETRIEVED, Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.held_answers import held_answer, held_stream, holding
from api.dicomweb.formats.negotiation import (
    DICOM_JSON,
    DICOM_XML,
    accepted,
    choose_instances,
    choose_model,
    wants_zip,
)
from api.dicomweb.formats.responses import accepts_gzip, caching_headers, matches_etag, not_modified
from api.dicomweb.formats.xml_answers import xml_answer
from api.dicomweb.instances.metadata import (
    MetadataStorage,
    cached_metadata,
    keep_metadata,
    left_out,
    lost_among,
    make_metadata,
    metadata_key,
)
from api.dicomweb.instances.metadata_stream import HELD_BYTES, as_json, begin_metadata
from api.dicomweb.lookups import find_instance, find_instances, service_url
from api.dicomweb.retrieval.archive import study_archive
from api.dicomweb.retrieval.instance_answers import send_instances
from api.dicomweb.routing import dicomweb_router
from api.request_rules.warning_header import warning_of
from storage.audit import Code
from storage.container.has import HasOtherInstances, HasSettings
from storage.core.entities import Instance
from storage.index.repository import Content
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.repository import DamagedInstances
from storage.objects.store import ObjectStore
from storage.settings import Settings

router = dicomweb_router()

_ROW_BYTES = 2048
"""Of an instance in memory."""


@router.get("/studies/{study_instance_uid}")
@policy(READERS, "dicomweb:read", RETRIEVED)
def retrieve_study(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """All instances of a study, streamed, or as a ZIP archive with a DICOMDIR."""
    if wants_zip(accepted(request)):
        return study_archive(request, storage.index, storage.instances, study_instance_uid)
    return _instances(
        request,
        storage.settings,
        storage.instances,
        storage.objects,
        find_instances(storage.index, study_instance_uid),
    )


@router.get("/studies/{study_instance_uid}/series/{series_instance_uid}")
@policy(READERS, "dicomweb:read", RETRIEVED)
def retrieve_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """All instances of a series, streamed."""
    found = find_instances(storage.index, study_instance_uid, series_instance_uid)
    return _instances(request, storage.settings, storage.instances, storage.objects, found)


@router.get(
    "/studies/{study_instance_uid}/series/{series_instance_uid}/instances/{sop_instance_uid}"
)
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="instances"))
def retrieve_instance(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """One instance, as a part or, where `application/dicom` is asked for, by itself."""
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    return _instances(request, storage.settings, storage.instances, storage.objects, [instance])


@router.get("/studies/{study_instance_uid}/metadata")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="metadata"))
def study_metadata(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """The metadata of a study's instances."""
    contents = storage.index.contents_of(study_instance_uid)
    return _metadata(
        request, storage, contents, lambda: find_instances(storage.index, study_instance_uid)
    )


@router.get("/studies/{study_instance_uid}/series/{series_instance_uid}/metadata")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="metadata"))
def series_metadata(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """The metadata of a series' instances."""
    contents = storage.index.contents_of(study_instance_uid, series_instance_uid)
    return _metadata(
        request,
        storage,
        contents,
        lambda: find_instances(storage.index, study_instance_uid, series_instance_uid),
    )


@router.get(
    "/studies/{study_instance_uid}/series/{series_instance_uid}"
    "/instances/{sop_instance_uid}/metadata"
)
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="metadata"))
def instance_metadata(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """The metadata of one instance, the whole content tree of an SR included."""
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    return _metadata(request, storage, [instance], lambda: [instance])


class StudyMetadataStorage(MetadataStorage, HasOtherInstances, HasSettings, Protocol):
    """What of the storage layer the metadata of one moment are made of."""


def _metadata(
    request: Request,
    storage: StudyMetadataStorage,
    contents: Sequence[Instance] | Sequence[Content],
    find: Callable[[], Sequence[Instance]],
) -> Response:
    """`contents` tell whether what was made before still holds; `find` is asked if not."""
    model = choose_model(accepted(request))
    key = metadata_key(contents)
    gzipped = model == DICOM_JSON and accepts_gzip(request)
    suffix = "-gz" if gzipped else "-xml" if model == DICOM_XML else ""
    etag = f'"{key}{suffix}"'
    if contents and matches_etag(request, etag) and not lost_among(storage.damaged, contents):
        return not_modified(etag)
    root_url = service_url(request, storage.settings)
    body = None
    if contents and model != DICOM_XML:
        body = cached_metadata(key, root_url, gzipped=gzipped)
    if body is not None:
        headers = _headers(storage.damaged, contents, etag, root_url)
        return _whole(body, headers, gzipped=gzipped)
    # Of most studies a MiB, of 200,000 instances all that may be held.
    rows_bytes = len(contents) * _ROW_BYTES
    return _made(request, storage, find, model, suffix, rows_bytes)


def _made(
    request: Request,
    storage: StudyMetadataStorage,
    find: Callable[[], Sequence[Instance]],
    model: str,
    suffix: str,
    rows_bytes: int,
) -> Response:
    root_url = service_url(request, storage.settings)
    gzipped = model == DICOM_JSON and accepts_gzip(request)
    # The patient may have been corrected since, and the name of the answer is of its content.
    storage = storage.with_instances(storage.instances.of_one_moment())
    instances, unreadable = storage.instances, storage.unreadable
    with holding(rows_bytes):
        found = instances.as_corrected(find())
        etag = f'"{metadata_key(found)}{suffix}"'
        if len(found) == 1 and model != DICOM_XML:
            body = make_metadata(storage, found, root_url, gzipped=gzipped)
            return _whole(body, _headers(storage.damaged, found, etag, root_url), gzipped=gzipped)
        begun = begin_metadata(instances, unreadable, storage.objects, found, root_url)
    is_long = begun.rest is not None
    headers = _headers(
        storage.damaged, found, etag, root_url, is_long=is_long, damaged_count=len(begun.damaged)
    )
    if model == DICOM_XML:
        if not begun.first and len(found) == 1:
            # Says why.
            make_metadata(storage, found, root_url, gzipped=False)
        return xml_answer(map(json.loads, begun.lines), headers)
    pieces = as_json(begun.lines, gzipped=gzipped)
    if is_long:
        if gzipped:
            headers["Content-Encoding"] = "gzip"
        return held_stream(pieces, HELD_BYTES + rows_bytes, DICOM_JSON, headers)
    body = b"".join(pieces)
    if not (begun.damaged or lost_among(storage.damaged, found)):
        keep_metadata(metadata_key(found), root_url, body, gzipped=gzipped)
    return _whole(body, headers, gzipped=gzipped)


def _whole(body: bytes, headers: dict[str, str], *, gzipped: bool) -> Response:
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return held_answer(body, DICOM_JSON, headers)


def _headers(
    damaged: DamagedInstances,
    contents: Sequence[Instance] | Sequence[Content],
    etag: str,
    root_url: str,
    *,
    is_long: bool = False,
    damaged_count: int = 0,
) -> dict[str, str]:
    """Say how many instances an answer lacks (RFC 7234 5.5.7: 299 is any warning).

    Of a long one it is not known yet, unless it was asked for before.

    What lacks damaged ones is not to be kept: they may be repaired under the same ETag. Of
    `damaged_count` some may have a right copy that only another host reaches.
    """
    known_count = lost_among(damaged, contents)
    lost_count = max(known_count, damaged_count)
    headers = {"Cache-Control": "no-store"} if lost_count else caching_headers(etag)
    count = left_out(damaged, contents) + lost_count - known_count
    if is_long and not count:
        sentence = "instances that cannot be decoded are left out; the next answer says how many"
        headers["Warning"] = warning_of(root_url, sentence)
    elif count:
        sentence = (
            "1 instance is left out: it cannot be decoded, is damaged, or is too long"
            if count == 1
            else f"{count} instances are left out: they cannot be decoded, are damaged, or too long"
        )
        headers["Warning"] = warning_of(root_url, sentence)
    return headers


def _instances(
    request: Request,
    settings: Settings,
    instance_reader: InstanceReader,
    objects: ObjectStore,
    instances: Sequence[Instance],
) -> Response:
    stored = frozenset(instance.transfer_syntax_uid for instance in instances)
    return send_instances(
        request,
        settings,
        instance_reader,
        objects,
        instances,
        choose_instances(accepted(request), stored),
    )
