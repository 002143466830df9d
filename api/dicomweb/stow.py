"""STOW-RS: instances come in, part by part, through the same door as C-STORE (PS3.18 10.5)."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pydicom
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydicom.errors import InvalidDicomError

from api.dicomweb.deps import StorageDep
from api.dicomweb.dicom_json import JsonDataset, row_to_json
from api.dicomweb.errors import unsupported_media_type
from api.dicomweb.lookups import service_url
from api.dicomweb.multipart import MultipartReader, Part, parse_content_type
from api.dicomweb.negotiation import DICOM, DICOM_JSON, MULTIPART_RELATED
from api.dicomweb.responses import json_bytes
from storage.errors import (
    InvalidInstance,
    InvalidRequest,
    LimitExceeded,
    MediViewError,
    StorageFull,
    StorageUnavailable,
    UidConflict,
)
from storage.opening import Storage
from storage.part10 import read_header
from storage.uids import check_uid

router = APIRouter()
log = structlog.get_logger(__name__)

_FEED_BYTES = 1024 * 1024

# Failure reasons of PS3.18 Table I.2-2.
_PROCESSING_FAILURE = 0x0110
_DUPLICATE_SOP_INSTANCE = 0x0111
_OUT_OF_RESOURCES = 0xA700
_MISMATCH = 0xA900
_CANNOT_UNDERSTAND = 0xC000

_REASONS: tuple[tuple[type[MediViewError], int], ...] = (
    (StorageFull, _OUT_OF_RESOURCES),
    (StorageUnavailable, _PROCESSING_FAILURE),
    (UidConflict, _DUPLICATE_SOP_INSTANCE),
    (InvalidInstance, _CANNOT_UNDERSTAND),
    (LimitExceeded, _OUT_OF_RESOURCES),
)


@dataclass
class _Report:
    """What became of each part, in the terms of the Store Instances Response Module (I.2)."""

    referenced: list[JsonDataset] = field(default_factory=list)
    failed: list[JsonDataset] = field(default_factory=list)
    unidentified: list[JsonDataset] = field(default_factory=list)
    study_instance_uids: set[str] = field(default_factory=set)
    reasons: set[int] = field(default_factory=set)

    def fail(self, sop_class_uid: str, sop_instance_uid: str, reason: int) -> None:
        self.reasons.add(reason)
        row: dict[str, Any] = {"FailureReason": reason}
        if sop_class_uid and sop_instance_uid:
            row["ReferencedSOPClassUID"] = sop_class_uid
            row["ReferencedSOPInstanceUID"] = sop_instance_uid
            self.failed.append(row_to_json(row))
        else:
            self.unidentified.append(row_to_json(row))

    @property
    def status(self) -> int:
        if not (self.failed or self.unidentified):
            return 200
        if self.referenced:
            return 202
        # Nothing came in for want of resources: the same request may succeed later.
        return 503 if self.reasons <= {_OUT_OF_RESOURCES, _PROCESSING_FAILURE} else 409

    def to_json(self, root_url: str) -> JsonDataset:
        elements: JsonDataset = {}
        if len(self.study_instance_uids) == 1:
            (uid,) = self.study_instance_uids
            elements["00081190"] = {"vr": "UR", "Value": [f"{root_url}/studies/{uid}"]}
        for tag, items in (
            ("00081198", self.failed),
            ("00081199", self.referenced),
            ("0008119A", self.unidentified),
        ):
            if items:
                elements[tag] = {"vr": "SQ", "Value": items}
        return elements


@router.post("/studies")
async def store_instances(request: Request, storage: StorageDep) -> Response:
    """Keep the instances of the body, whatever their studies."""
    return await _store(request, storage, "")


@router.post("/studies/{study_instance_uid}")
async def store_into_study(
    study_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Keep those instances of the body that belong to that study."""
    try:
        check_uid(study_instance_uid, "StudyInstanceUID")
    except InvalidInstance as error:
        raise InvalidRequest(error.message, remedy=error.remedy) from error
    return await _store(request, storage, study_instance_uid)


async def _store(request: Request, storage: Storage, study_instance_uid: str) -> Response:
    report = _Report()
    root_url = service_url(request, storage)

    def take(part: Part) -> None:
        _keep(part, storage, study_instance_uid, root_url, report)

    media_type, parameters = parse_content_type(request.headers.get("content-type", ""))
    if media_type == DICOM:
        await _read_single(request, storage, take)
    elif media_type == MULTIPART_RELATED:
        await _read_parts(request, storage, parameters, take, report)
    else:
        raise _unsupported(media_type or "no media type")
    if not (report.referenced or report.failed or report.unidentified):
        raise InvalidRequest(
            "The body holds no instance.",
            remedy="Send each instance as a part of type application/dicom.",
        )
    body = json_bytes(report.to_json(root_url))
    return Response(body, status_code=report.status, media_type=DICOM_JSON)


async def _read_single(request: Request, storage: Storage, take: Callable[[Part], None]) -> None:
    """A body that is one instance by itself: outside the standard, and common."""
    settings = storage.settings
    part = Part({"content-type": DICOM}, settings.data_dir / "spool", settings.max_instance_bytes)

    def write(data: bytes) -> None:
        part.write(memoryview(data))

    def finish() -> None:
        if part.size_bytes:
            take(part)

    try:
        async for data in _blocks(request):
            await run_in_threadpool(write, data)
        await run_in_threadpool(finish)
    finally:
        part.close()


async def _read_parts(
    request: Request,
    storage: Storage,
    parameters: dict[str, str],
    take: Callable[[Part], None],
    report: _Report,
) -> None:
    boundary = parameters.get("boundary", "")
    if not 0 < len(boundary) <= 200:
        raise InvalidRequest(
            "The Content-Type names no boundary.",
            remedy='Send multipart/related; type="application/dicom"; boundary=….',
        )
    if parameters.get("type", DICOM).lower() != DICOM:
        raise _unsupported(f"multipart/related of {parameters['type']}")
    settings = storage.settings
    reader = MultipartReader(boundary, settings.data_dir / "spool", settings.max_instance_bytes)

    def feed(data: bytes) -> None:
        for part in reader.feed(data):
            try:
                take(part)
            finally:
                part.close()

    try:
        async for data in _blocks(request):
            await run_in_threadpool(feed, data)
    finally:
        reader.close()
    if not reader.finished:
        # The last part never ended; what came before it has been kept and is reported.
        report.fail("", "", _CANNOT_UNDERSTAND)


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


def _keep(
    part: Part, storage: Storage, study_instance_uid: str, root_url: str, report: _Report
) -> None:
    if part.content_type not in (DICOM, ""):
        report.fail("", "", _CANNOT_UNDERSTAND)
        return
    with part.body() as body:
        try:
            if study_instance_uid:
                header = read_header(body)
                if header.study_instance_uid != study_instance_uid:
                    report.fail(header.sop_class_uid, header.sop_instance_uid, _MISMATCH)
                    return
            accepted = storage.ingest.accept(body, "stow")
        except MediViewError as error:
            reason = next(
                (code for cause, code in _REASONS if isinstance(error, cause)),
                _PROCESSING_FAILURE,
            )
            log.warning("stow_instance_refused", code=error.code, failure_reason=reason)
            report.fail(*_identify(body), reason)
            return
    if accepted.outcome == "conflict":
        # Kept aside, yet not what a query will find under this UID from now on.
        report.fail(accepted.sop_class_uid, accepted.sop_instance_uid, _DUPLICATE_SOP_INSTANCE)
        return
    report.study_instance_uids.add(accepted.study_instance_uid)
    report.referenced.append(
        row_to_json(
            {
                "ReferencedSOPClassUID": accepted.sop_class_uid,
                "ReferencedSOPInstanceUID": accepted.sop_instance_uid,
                "RetrieveURL": f"{root_url}/studies/{accepted.study_instance_uid}"
                f"/series/{accepted.series_instance_uid}/instances/{accepted.sop_instance_uid}",
            }
        )
    )


def _identify(body: memoryview) -> tuple[str, str]:
    """SOP class and instance of what was refused, as far as they can be read."""
    try:
        dataset = pydicom.dcmread(
            BytesIO(body[: 64 * 1024]),
            stop_before_pixels=True,
            specific_tags=["SOPClassUID", "SOPInstanceUID"],
        )
        return (
            check_uid(str(dataset.get("SOPClassUID", "")), "SOPClassUID"),
            check_uid(str(dataset.get("SOPInstanceUID", "")), "SOPInstanceUID"),
        )
    except (InvalidDicomError, InvalidInstance, EOFError, ValueError, KeyError, TypeError):
        return "", ""


def _unsupported(what: str) -> Exception:
    return unsupported_media_type(
        f"This service does not read {what}.",
        'Send multipart/related; type="application/dicom" with one instance in each part.',
    )
