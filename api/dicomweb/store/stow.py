"""STOW-RS: instances come in, part by part, through the same door as C-STORE (PS3.18 10.5)."""

from collections.abc import AsyncIterator
from typing import Protocol

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from api.access.policy import WRITERS, policy
from api.access.principal import PrincipalDep, source_of_notes
from api.audit_rules import STORES
from api.dicomweb.deps import StorageDep
from api.dicomweb.errors import unsupported_media_type
from api.dicomweb.formats.multipart import MultipartReader, parse_content_type
from api.dicomweb.formats.native_xml import dataset_to_xml
from api.dicomweb.formats.negotiation import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    MULTIPART_RELATED,
    accepted,
    choose_model,
)
from api.dicomweb.formats.responses import json_bytes
from api.dicomweb.lookups import service_url
from api.dicomweb.routing import dicomweb_router
from api.dicomweb.store.metadata import keep_described
from api.dicomweb.store.parts import InstancePart
from api.dicomweb.store.report import CANNOT_UNDERSTAND, Report
from api.dicomweb.store.spool import Spool, SpooledPart
from api.errors import ApiProblem
from storage.container.has import HasIngest, HasSettings, HasVolumes
from storage.core.errors import InvalidInstance, InvalidRequest, LimitExceeded
from storage.core.uids import check_uid
from storage.ingest.service import Ingest

router = dicomweb_router()

_FEED_BYTES = 1024 * 1024
# Each is answered for, and costs memory until then.
_MAX_PARTS = 100_000
# A few bytes each, and each costs a line of the answer and of the log.
_MAX_UNIDENTIFIED_PARTS = 1000


class StowStorage(HasSettings, HasIngest, HasVolumes, Protocol):
    """What of the storage layer STOW-RS stores with."""


@router.post("/studies")
@policy(WRITERS, "dicomweb:write", STORES)
async def store_instances(
    request: Request, storage: StorageDep, principal: PrincipalDep
) -> Response:
    """Keep the instances of the body, whatever their studies."""
    return await _store(request, storage, "", source_of_notes(principal, "stow"))


@router.post("/studies/{study_instance_uid}")
@policy(WRITERS, "dicomweb:write", STORES)
async def store_into_study(
    study_instance_uid: str, request: Request, storage: StorageDep, principal: PrincipalDep
) -> Response:
    """Keep those instances of the body that belong to that study."""
    try:
        check_uid(study_instance_uid, "StudyInstanceUID")
    except InvalidInstance as error:
        raise InvalidRequest(error.message, remedy=error.remedy) from error
    return await _store(request, storage, study_instance_uid, source_of_notes(principal, "stow"))


async def _store(
    request: Request, storage: StowStorage, study_instance_uid: str, note_source: str
) -> Response:
    settings, ingest = storage.settings, storage.ingest
    report = Report(service_url(request, settings))
    media_type, parameters = parse_content_type(request.headers.get("content-type", ""))
    of_type = parameters.get("type", DICOM).lower()
    if media_type == DICOM:
        await _read_single(request, ingest, study_instance_uid, report, note_source)
    elif media_type != MULTIPART_RELATED:
        raise _unsupported(media_type or "no media type")
    elif of_type == DICOM:
        await _read_instances(
            request, ingest, study_instance_uid, _boundary(parameters), report, note_source
        )
    elif of_type in (DICOM_JSON, DICOM_XML):
        await _read_described(
            request, storage, study_instance_uid, _boundary(parameters), report, note_source
        )
    else:
        raise _unsupported(f"multipart/related of {of_type}")
    if report.is_empty:
        raise InvalidRequest(
            "The body is empty, or holds no instance.",
            remedy="Send each instance as a part of type application/dicom.",
        )
    if report.only_too_large is not None:
        raise report.only_too_large
    return _answer(request, report)


def _answer(request: Request, report: Report) -> Response:
    headers = {"Retry-After": "60"} if report.status == 503 else {}
    if report.warning:
        headers["Warning"] = report.warning
    try:
        model = choose_model(accepted(request))
    except ApiProblem:
        # The instances are stored: that is answered even where the form asked for is not known.
        model = DICOM_JSON
    elements = report.elements()
    body = dataset_to_xml(elements) if model == DICOM_XML else json_bytes(elements)
    return Response(body, report.status, headers, model)


async def _read_single(
    request: Request, ingest: Ingest, study_instance_uid: str, report: Report, note_source: str
) -> None:
    """A body that is one instance by itself: outside the standard, and common."""
    part = InstancePart(ingest, study_instance_uid, {"content-type": DICOM}, note_source)

    def write(data: bytes) -> None:
        part.write(memoryview(data))

    def finish() -> None:
        if part.size_bytes:
            part.finish(report)

    try:
        async for data in _blocks(request):
            await run_in_threadpool(write, data)
        await run_in_threadpool(finish)
    finally:
        await run_in_threadpool(part.close)


async def _read_instances(
    request: Request,
    ingest: Ingest,
    study_instance_uid: str,
    boundary: str,
    report: Report,
    note_source: str,
) -> None:
    reader = MultipartReader(
        boundary, lambda headers: InstancePart(ingest, study_instance_uid, headers, note_source)
    )

    count = 0

    def feed(data: bytes) -> None:
        nonlocal count
        for part in reader.feed(data):
            try:
                count += 1
                _check_count(count)
                part.finish(report)
            finally:
                part.close()
            if len(report.unidentified) > _MAX_UNIDENTIFIED_PARTS:
                raise InvalidRequest(
                    f"The body has more than {_MAX_UNIDENTIFIED_PARTS} parts that are no instance.",
                    remedy="Send an instance in each part; those before are kept.",
                )

    try:
        async for data in _blocks(request):
            await run_in_threadpool(feed, data)
    finally:
        # Of a body that came whole nothing is left open, which spares a thread its turn.
        if not reader.finished:
            await run_in_threadpool(reader.close)
    reader.check_begun()
    if not reader.finished:
        # The last part never ended; what came before it has been kept and is reported.
        report.fail("", "", CANNOT_UNDERSTAND, "The last part of the body does not end.")


async def _read_described(
    request: Request,
    storage: StowStorage,
    study_instance_uid: str,
    boundary: str,
    report: Report,
    note_source: str,
) -> None:
    """Metadata, and bulk data in parts of their own (PS3.18 10.5.2): all wait for the last."""
    settings = storage.settings
    spool = Spool(settings.data_dir / "spool", settings.max_instance_bytes, storage.volumes)
    reader = MultipartReader(boundary, spool.open_part)
    parts: list[SpooledPart] = []

    def feed(data: bytes) -> None:
        parts.extend(reader.feed(data))
        _check_count(len(parts))

    def keep() -> None:
        keep_described(storage.ingest, study_instance_uid, parts, report, note_source)

    try:
        async for data in _blocks(request):
            await run_in_threadpool(feed, data)
        reader.check_begun()
        if not reader.finished:
            report.fail("", "", CANNOT_UNDERSTAND, "The last part of the body does not end.")
        await run_in_threadpool(keep)
    finally:
        spool.close()


def _check_count(parts: int) -> None:
    if parts > _MAX_PARTS:
        raise LimitExceeded(
            f"The body has more than {_MAX_PARTS} parts.", remedy="Send it in several requests."
        )


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of about a megabyte, so that each costs one hop to a thread."""
    pieces: list[bytes] = []
    size_bytes = 0
    async for piece in request.stream():
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes >= _FEED_BYTES:
            yield b"".join(pieces)
            pieces, size_bytes = [], 0
    if size_bytes:
        yield b"".join(pieces)


def _boundary(parameters: dict[str, str]) -> str:
    boundary = parameters.get("boundary", "")
    if not 0 < len(boundary) <= 200:
        raise InvalidRequest(
            "The Content-Type names no boundary.",
            remedy='Send multipart/related; type="application/dicom"; boundary=….',
        )
    return boundary


def _unsupported(what: str) -> Exception:
    return unsupported_media_type(
        f"This service does not read {what}.",
        'Send multipart/related; type="application/dicom" with one instance in each part.',
    )
