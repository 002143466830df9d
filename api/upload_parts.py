"""Uploads in parts: resumed where they broke off, for archives that take a while.

Create it, ask for the URLs of parts, PUT them in any order, complete it. Which parts
have arrived is told by GET, so that a client that comes back sends only the rest. With
S3 the parts go to the bucket; with the filesystem store the node takes them itself.
"""

import hashlib
import re
import tempfile
from datetime import datetime, timedelta
from typing import Annotated, BinaryIO, Literal

import structlog
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import UploadId, problems
from api.payloads.base import Payload
from api.uploads import BINARY_BODY, check_size, own_store, receive, verified
from storage.clock import utcnow
from storage.entities import Upload, UploadState
from storage.errors import InvalidRequest, NotFound
from storage.opening import Storage
from storage.parts import Part
from storage.settings import MIB
from storage.signing import PresignedClaim
from storage.uploads import new_upload_id, object_key_of

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/api/uploads", tags=["uploads"])

# S3's own bounds: 5 MiB but for the last part, 10,000 parts.
_PART_MIN_BYTES = 5 * MIB
_PART_MAX_BYTES = 512 * MIB
_PARTS_MAX = 10_000
_PART_BYTES = 16 * MIB
_WAITING: tuple[UploadState, ...] = ("PRESIGNED",)
_NOT_STARTED: tuple[UploadState, ...] = ("PRESIGNED", "RECEIVED", "ABORTED")
_PART_KEY = re.compile(r"uploads/([A-Za-z0-9-]{1,64})/([0-9a-f]{32})/(\d{1,5})")


class NewMultipartUpload(Payload):
    filename: str = Field(min_length=1, max_length=255, examples=["study.zip"])
    content_type: str = Field(
        "application/octet-stream",
        max_length=100,
        pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$",
        examples=["application/zip"],
    )
    size_bytes: int = Field(gt=0, lt=2**53, description="Exact.")
    part_size_bytes: int | None = Field(
        None,
        ge=_PART_MIN_BYTES,
        le=_PART_MAX_BYTES,
        description="Of all parts but the last; the node chooses where it is left out.",
    )


class ReceivedPart(Payload):
    part_number: int = Field(description="Counts from 1.")
    size_bytes: int
    etag: str


class UploadPayload(Payload):
    """An upload, how far it is, and what became of it."""

    upload_id: str
    state: UploadState
    reason: str
    size_bytes: int | None
    received_bytes: int | None = Field(description="Of an upload in parts, what has arrived.")
    part_size_bytes: int | None
    part_count: int | None
    parts: list[ReceivedPart] = Field(description="Those that have arrived.")
    files_done: int = Field(description="Unpacked so far, once it is started.")
    files_total: int
    created_at: datetime
    expires_at: datetime


class WantedParts(Payload):
    part_numbers: list[Annotated[int, Field(ge=1, le=_PARTS_MAX)]] = Field(
        min_length=1, max_length=1000, examples=[[1, 2, 3]]
    )


class PartUrl(Payload):
    """Where to PUT the bytes of one part: exactly `size_bytes` of them, from `offset_bytes`."""

    part_number: int
    method: Literal["PUT"] = "PUT"
    url: str
    offset_bytes: int
    size_bytes: int
    expires_at: datetime


class PartUrls(Payload):
    items: list[PartUrl]


@router.post(
    "/multipart", status_code=201, summary="Begin an upload in parts", responses=problems(413)
)
def begin_upload(
    storage: StorageDep, settings: SettingsDep, response: Response, wanted: NewMultipartUpload
) -> UploadPayload:
    """It may break off and go on until `expires_at`."""
    check_size(settings, wanted.size_bytes)
    part_size_bytes = wanted.part_size_bytes or _part_size(wanted.size_bytes)
    if wanted.size_bytes > part_size_bytes * _PARTS_MAX:
        raise InvalidRequest(
            f"That would be more than {_PARTS_MAX} parts.", remedy="Ask for larger parts."
        )
    upload_id = new_upload_id()
    key = object_key_of(upload_id)
    multipart_id = storage.objects.begin_parts(key, wanted.content_type)
    upload = storage.uploads.create(
        wanted.filename.replace("\0", ""),
        wanted.content_type,
        utcnow() + timedelta(seconds=settings.upload_parts_expiry_s),
        size_bytes=wanted.size_bytes,
        upload_id=upload_id,
        multipart_id=multipart_id,
        part_size_bytes=part_size_bytes,
    )
    response.headers["Location"] = f"/api/uploads/{upload_id}"
    return _payload(upload, [])


@router.get("/{upload_id}", summary="How far an upload is", responses=problems(404))
def get_upload(storage: StorageDep, upload_id: UploadId) -> UploadPayload:
    """Its state, the parts that have arrived, and how far its unpacking is."""
    upload = storage.uploads.get(upload_id)
    parts: list[Part] = []
    if upload.multipart_id and upload.state == "PRESIGNED":
        try:
            parts = list(storage.objects.parts(upload.object_key, upload.multipart_id))
        except NotFound:
            # Completed or dropped between the two questions.
            upload = storage.uploads.get(upload_id)
    return _payload(upload, parts)


@router.post(
    "/{upload_id}/parts",
    summary="Ask where to send parts",
    responses=problems(404, 409, 422),
)
def presign_parts(
    storage: StorageDep, settings: SettingsDep, upload_id: UploadId, wanted: WantedParts
) -> PartUrls:
    """One URL for each; a part that is sent again replaces the one before."""
    upload = _open_upload(storage, upload_id)
    count = _part_count(upload)
    beyond = [number for number in wanted.part_numbers if number > count]
    if beyond:
        raise ApiProblem(
            422,
            "no_such_part",
            f"The upload has {count} parts; there is no part {beyond[0]}.",
            remedy="Count parts from 1.",
        )
    items = []
    for number in dict.fromkeys(wanted.part_numbers):
        offset_bytes = (number - 1) * upload.part_size_bytes
        size_bytes = _size_of_part(upload, number)
        presigned = storage.objects.presign_part(
            upload.object_key,
            upload.multipart_id,
            number,
            size_bytes,
            settings.upload_url_expiry_s,
        )
        items.append(
            PartUrl(
                part_number=number,
                url=presigned.url,
                offset_bytes=offset_bytes,
                size_bytes=size_bytes,
                expires_at=presigned.expires_at,
            )
        )
    return PartUrls(items=items)


@router.put(
    "/parts",
    summary="Take the bytes of one part (filesystem store only)",
    responses=problems(400, 403, 404, 409, 413, 507),
    openapi_extra={"requestBody": BINARY_BODY},
)
async def put_part(
    request: Request,
    response: Response,
    storage: StorageDep,
    token: Annotated[str, Query(max_length=2000, description="From the part's URL.")],
) -> ReceivedPart:
    """Exactly as many bytes as the part has; its MD5 comes back as `ETag`, as S3 does it."""
    claim, multipart_id, number = await run_in_threadpool(_claim, storage, token)
    with tempfile.TemporaryFile(dir=storage.settings.data_dir) as file:
        digest = hashlib.md5(usedforsecurity=False)
        try:
            size_bytes = await receive(request, file, claim.max_bytes, digest.update)
        except ClientDisconnect as error:
            raise ApiProblem(
                400, "upload_broken_off", "The part ended early.", remedy="Send it again."
            ) from error
        if size_bytes != claim.max_bytes:
            raise ApiProblem(
                400,
                "part_incomplete",
                f"The part has {claim.max_bytes} bytes; {size_bytes} came.",
                remedy="Send the whole part.",
            )
        etag = digest.hexdigest()
        await run_in_threadpool(_keep, storage, multipart_id, number, file, etag)
    response.headers["ETag"] = f'"{etag}"'
    return ReceivedPart(part_number=number, size_bytes=size_bytes, etag=etag)


@router.post("/{upload_id}/complete", summary="Join the parts", responses=problems(404, 409, 507))
def complete_upload(storage: StorageDep, upload_id: UploadId) -> UploadPayload:
    """Then POST /api/analyze/start. Completing it again is harmless."""
    upload = storage.uploads.get(upload_id)
    if upload.multipart_id and upload.state in ("RECEIVED", "ACCEPTED"):
        return _payload(upload, [])
    upload = _open_upload(storage, upload_id)
    try:
        parts = list(storage.objects.parts(upload.object_key, upload.multipart_id))
        _check_whole(upload, parts)
        storage.objects.join_parts(upload.object_key, upload.multipart_id, parts)
    except NotFound:
        # Joined by another call, or by one whose answer was lost.
        if not storage.objects.exists(upload.object_key):
            raise
    storage.uploads.set_state(upload_id, "RECEIVED", only=_WAITING)
    log.info("upload_received", upload_id=upload_id, size_bytes=upload.size_bytes)
    return _payload(storage.uploads.get(upload_id), [])


@router.delete(
    "/{upload_id}", status_code=204, summary="Give an upload up", responses=problems(404, 409)
)
def abort_upload(storage: StorageDep, upload_id: UploadId) -> Response:
    """Its bytes are dropped. One that was started stays, with what came of it."""
    upload = storage.uploads.get(upload_id)
    ended = storage.uploads.set_state(
        upload_id, "ABORTED", reason="It was given up.", only=_NOT_STARTED
    )
    if not ended:
        raise ApiProblem(
            409,
            "upload_ended",
            f"The upload is {upload.state}.",
            remedy="There is nothing to give up.",
        )
    if upload.multipart_id:
        storage.objects.drop_parts(upload.object_key, upload.multipart_id)
    storage.objects.delete(upload.object_key)
    return Response(status_code=204)


def _part_size(size_bytes: int) -> int:
    """16 MiB, or what keeps an upload of that size within the number of parts."""
    needed = -(-size_bytes // _PARTS_MAX)
    return max(_PART_BYTES, -(-needed // MIB) * MIB)


def _part_count(upload: Upload) -> int:
    return -(-(upload.size_bytes or 0) // upload.part_size_bytes)


def _size_of_part(upload: Upload, number: int) -> int:
    before = (number - 1) * upload.part_size_bytes
    return min(upload.part_size_bytes, (upload.size_bytes or 0) - before)


def _open_upload(storage: Storage, upload_id: str) -> Upload:
    upload = storage.uploads.get(upload_id)
    if not upload.multipart_id:
        raise ApiProblem(
            409,
            "upload_not_in_parts",
            "The upload was presigned as one piece.",
            remedy="Send it to the URL that was answered, or begin with /api/uploads/multipart.",
        )
    if upload.state != "PRESIGNED" or upload.expires_at <= utcnow():
        state = "EXPIRED" if upload.state == "PRESIGNED" else upload.state
        raise ApiProblem(
            409,
            "upload_ended",
            f"The upload is {state}; it takes no more parts.",
            remedy="Start it with POST /api/analyze/start, or begin a new one.",
        )
    return upload


def _check_whole(upload: Upload, parts: list[Part]) -> None:
    sizes = {part.part_number: part.size_bytes for part in parts}
    missing = [
        number
        for number in range(1, _part_count(upload) + 1)
        if sizes.get(number) != _size_of_part(upload, number)
    ]
    if missing:
        raise ApiProblem(
            409,
            "parts_missing",
            f"{len(missing)} of {_part_count(upload)} parts are missing or incomplete.",
            remedy="Send those of 'missing', then complete it again.",
            extra={"missing": missing[:1000]},
        )


def _claim(storage: Storage, token: str) -> tuple[PresignedClaim, str, int]:
    claim = verified(storage, token)
    match = _PART_KEY.fullmatch(claim.key)
    if match is None:
        raise ApiProblem(403, "upload_url_refused", "The URL is not for a part of an upload.")
    _open_upload(storage, match[1])
    return claim, match[2], int(match[3])


def _keep(storage: Storage, multipart_id: str, number: int, file: BinaryIO, etag: str) -> None:
    file.seek(0)
    own_store(storage).put_part(multipart_id, number, file, etag)


def _received_bytes(upload: Upload, parts: list[Part]) -> int:
    if upload.state in ("RECEIVED", "ACCEPTED"):
        return upload.size_bytes or 0
    return sum(part.size_bytes for part in parts)


def _payload(upload: Upload, parts: list[Part]) -> UploadPayload:
    in_parts = bool(upload.multipart_id)
    return UploadPayload(
        upload_id=upload.upload_id,
        state=upload.state,
        reason=upload.reason,
        size_bytes=upload.size_bytes,
        received_bytes=_received_bytes(upload, parts) if in_parts else None,
        part_size_bytes=upload.part_size_bytes if in_parts else None,
        part_count=_part_count(upload) if in_parts else None,
        parts=[
            ReceivedPart(part_number=one.part_number, size_bytes=one.size_bytes, etag=one.etag)
            for one in parts
        ],
        files_done=upload.files_done,
        files_total=upload.files_total,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )
