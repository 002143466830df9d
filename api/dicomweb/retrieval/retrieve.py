"""WADO-RS: whole instances and their metadata (PS3.18 10.4)."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.access.policy import READERS, policy
from api.audit.rules import RETRIEVED, Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.negotiation import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    InstanceFormat,
    accepted,
    choose_instances,
    choose_model,
    wants_zip,
)
from api.dicomweb.formats.responses import accepts_gzip, caching_headers, matches_etag, not_modified
from api.dicomweb.formats.xml_answers import xml_answer
from api.dicomweb.lookups import find_instance, find_instances, service_url
from api.dicomweb.retrieval.archive import study_archive
from api.dicomweb.retrieval.byte_ranges import requested_span
from api.dicomweb.retrieval.metadata import (
    kept_metadata,
    left_out,
    lost_among,
    make_metadata,
    metadata_key,
)
from api.dicomweb.retrieval.pieces import Piece, PiecesResponse, Stored, whole
from api.dicomweb.retrieval.redirect import to_bucket
from api.dicomweb.retrieval.transcode import transcoded
from api.dicomweb.routing import dicomweb_router
from api.errors import ApiProblem
from storage.audit import Code
from storage.container import Storage
from storage.core.entities import Instance
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Content
from storage.integrity.instance_reader import InstanceReader

router = dicomweb_router()

_PIECE_BYTES = 1024 * 1024


@router.get("/studies/{study_instance_uid}")
@policy(READERS, "dicomweb:read", RETRIEVED)
def retrieve_study(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """All instances of a study, streamed, or as a ZIP archive with a DICOMDIR."""
    if wants_zip(accepted(request)):
        return study_archive(request, storage, study_instance_uid)
    return _instances(request, storage, find_instances(storage.index, study_instance_uid))


@router.get("/studies/{study_instance_uid}/series/{series_instance_uid}")
@policy(READERS, "dicomweb:read", RETRIEVED)
def retrieve_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """All instances of a series, streamed."""
    found = find_instances(storage.index, study_instance_uid, series_instance_uid)
    return _instances(request, storage, found)


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
    instance = find_instance(storage, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _instances(request, storage, [instance])


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
    instance = find_instance(storage, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _metadata(request, storage, [instance], lambda: [instance])


def _metadata(
    request: Request,
    storage: Storage,
    contents: Sequence[Instance] | Sequence[Content],
    find: Callable[[], Sequence[Instance]],
) -> Response:
    """`contents` tell whether what was made before still holds; `find` is asked if not."""
    model = choose_model(accepted(request))
    key = metadata_key(contents)
    gzipped = model == DICOM_JSON and accepts_gzip(request)
    etag = f'"{key}{"-gz" if gzipped else "-xml" if model == DICOM_XML else ""}"'
    if contents and matches_etag(request, etag):
        return not_modified(etag)
    root_url = service_url(request, storage.settings)
    if model == DICOM_XML:
        found = find()
        # Made now, so that what cannot be decoded is known before the answer begins.
        make_metadata(storage, found, root_url, gzipped=False)
        # A series at a time, so that a large study is not held in all its forms at once.
        return xml_answer(
            (
                elements
                for _, members in groupby(found, attrgetter("series_instance_uid"))
                for elements in json.loads(
                    make_metadata(storage, list(members), root_url, gzipped=False)
                )
            ),
            _headers(storage, found, etag, root_url),
        )
    body = kept_metadata(key, root_url, gzipped=gzipped) if contents else None
    if body is None:
        body = make_metadata(storage, find(), root_url, gzipped=gzipped)
    headers = _headers(storage, contents, etag, root_url)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=DICOM_JSON, headers=headers)


def _headers(
    storage: Storage,
    contents: Sequence[Instance] | Sequence[Content],
    etag: str,
    root_url: str,
) -> dict[str, str]:
    """Say how many instances an answer lacks (RFC 7234 5.5.7: 299 is any warning).

    What lacks damaged ones is not to be kept: they may be repaired under the same ETag.
    """
    lost = lost_among(storage.damaged, contents)
    headers = {"Cache-Control": "no-store"} if lost else caching_headers(etag)
    count = left_out(storage.damaged, contents)
    if count:
        sentence = (
            "1 instance is left out: it cannot be decoded or is damaged"
            if count == 1
            else f"{count} instances are left out: they cannot be decoded or are damaged"
        )
        headers["Warning"] = f'299 {root_url} "{sentence}"'
    return headers


def _instances(request: Request, storage: Storage, instances: Sequence[Instance]) -> Response:
    stored = frozenset(instance.transfer_syntax_uid for instance in instances)
    return send_instances(request, storage, instances, choose_instances(accepted(request), stored))


def send_instances(
    request: Request, storage: Storage, instances: Sequence[Instance], answer: InstanceFormat
) -> Response:
    """Whole instances in the format that was settled."""
    variant = f"{answer.transfer_syntax_uid or 'stored'}-{'m' if answer.multipart else 's'}"
    etag = f'"{metadata_key(instances)}-{variant}"'
    if matches_etag(request, etag):
        return not_modified(etag)
    headers = caching_headers(etag)
    if answer.transfer_syntax_uid:
        return _transcoded(storage, instances, answer, headers)
    if not answer.multipart:
        instance = _only(instances)
        media_type = _part_type(instance.transfer_syntax_uid)
        elsewhere = to_bucket(request, storage, instance, media_type)
        if elsewhere is not None:
            return elsewhere
        span = requested_span(request, instance.size_bytes, etag)
        headers["Accept-Ranges"] = "bytes"
        (prepared,) = storage.instances.prepare([instance])
        if span is not None:
            headers["Content-Range"] = span.content_range
            part = Stored(prepared.instance, span.start, span.length)
            return PiecesResponse(
                storage.instances, [part], media_type=media_type, headers=headers, status_code=206
            )
        return PiecesResponse(
            storage.instances, [whole(prepared)], media_type=media_type, headers=headers
        )
    writer = MultipartWriter(DICOM)
    pieces: list[Piece] = []
    for prepared in storage.instances.prepare(instances):
        stored = whole(prepared)
        part_type = _part_type(prepared.instance.transfer_syntax_uid)
        pieces += [writer.part_header(part_type, stored.length), stored]
    pieces.append(writer.end)
    return PiecesResponse(
        storage.instances, pieces, media_type=writer.content_type, headers=headers
    )


def _only(instances: Sequence[Instance]) -> Instance:
    if len(instances) != 1:
        raise not_acceptable(
            f"{len(instances)} instances cannot leave as one application/dicom.",
            'Accept multipart/related; type="application/dicom".',
        )
    return instances[0]


def _part_type(transfer_syntax_uid: str) -> str:
    return f"{DICOM}; transfer-syntax={transfer_syntax_uid}"


def _transcoded(
    storage: Storage, instances: Sequence[Instance], answer: InstanceFormat, headers: dict[str, str]
) -> Response:
    """Instances in a transfer syntax that was asked for, one in memory at a time.

    One that cannot be brought into it is refused; among several it leaves as
    stored, as its part says, so that the others are not lost with it.
    """
    syntax = answer.transfer_syntax_uid
    if len(instances) == 1 or not answer.multipart:
        body = transcoded(storage.instances, _only(instances), syntax)
        if not answer.multipart:
            return Response(body, media_type=_part_type(syntax), headers=headers)
    else:
        storage.instances.prepare(instances)
    writer = MultipartWriter(DICOM)

    def parts() -> Iterator[bytes]:
        if len(instances) == 1:
            yield writer.part_header(_part_type(syntax), len(body)) + body
        else:
            for instance in instances:
                yield from _in_syntax_or_stored(storage.instances, instance, syntax, writer)
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=headers)


def _in_syntax_or_stored(
    instances: InstanceReader, instance: Instance, syntax: str, writer: MultipartWriter
) -> Iterator[bytes]:
    try:
        body = transcoded(instances, instance, syntax)
    except (ApiProblem, *DAMAGED):
        instance = instances.checked(instance)
        yield writer.part_header(_part_type(instance.transfer_syntax_uid), instance.size_bytes)
        for start in range(0, instance.size_bytes, _PIECE_BYTES):
            yield instances.read(instance, start, _PIECE_BYTES)
        return
    yield writer.part_header(_part_type(syntax), len(body)) + body
