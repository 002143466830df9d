"""Uploads in parts: resumed where they broke off, for archives that take a while.

Create it, ask for the URLs of parts, PUT them in any order, complete it. Which parts
have arrived is answered to GET, so that a client that comes back sends only the rest. With
S3 the parts go to the bucket; with the filesystem store the node takes them itself.
"""

import hashlib
import re
import tempfile
from datetime import timedelta
from functools import partial
from typing import Annotated, BinaryIO

import structlog
from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.access.policy import ANYONE, WRITERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import NOT_IN_YET, UIDS_ALONE, Audited
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import UploadId, problems
from api.router_factory import new_router
from api.uploads.ownership import own_upload
from api.uploads.progress import check_whole, part_count, part_size, size_of_part, upload_payload
from api.uploads.room import check_may_begin, check_room
from api.uploads.routes import BINARY_BODY, own_store, receive, verified
from api.uploads.schemas import (
    PARTS_MAX,
    NewMultipartUpload,
    PartUrl,
    PartUrls,
    ReceivedPart,
    UploadPayload,
    WantedParts,
)
from storage.audit import Code
from storage.core.clock import utcnow
from storage.core.entities import Upload, UploadState
from storage.core.errors import InvalidRequest, NotFound
from storage.core.state_words import state_word
from storage.crypto.upload_tokens import PresignedClaim
from storage.objects.filesystem import FilesystemObjects
from storage.objects.multipart import Part
from storage.objects.store import ObjectStore
from storage.uploads.repository import Uploads, new_upload_id, object_key_of

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/uploads", tags=["uploads"])

_WAITING: tuple[UploadState, ...] = ("PRESIGNED",)
_NOT_STARTED: tuple[UploadState, ...] = ("PRESIGNED", "RECEIVED", "ABORTED")
_PART_KEY = re.compile(r"uploads/([A-Za-z0-9-]{1,64})/([0-9a-f]{32})/(\d{1,5})")


@router.post(
    "/multipart",
    status_code=201,
    summary="Begin an upload in parts",
    responses=problems(413, 429, 507),
)
@policy(WRITERS, "api:write", NOT_IN_YET)
def begin_upload(
    storage: StorageDep,
    settings: SettingsDep,
    principal: PrincipalDep,
    response: Response,
    wanted: NewMultipartUpload,
) -> UploadPayload:
    """It may break off and go on until `expires_at`."""
    check_may_begin(storage, principal.identity, wanted.size_bytes)
    part_size_bytes = wanted.part_size_bytes or part_size(wanted.size_bytes)
    if wanted.size_bytes > part_size_bytes * PARTS_MAX:
        raise InvalidRequest(
            f"That would be more than {PARTS_MAX} parts.", remedy="Ask for larger parts."
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
        created_by=principal.identity,
    )
    response.headers["Location"] = f"/api/uploads/{upload_id}"
    return upload_payload(upload, [])


@router.get("/{upload_id}", summary="How far an upload is", responses=problems(404))
@policy(WRITERS, "api:write", UIDS_ALONE)
def get_upload(storage: StorageDep, principal: PrincipalDep, upload_id: UploadId) -> UploadPayload:
    """Its state, the parts that have arrived, and how far its unpacking is.

    It is there for who began it, and for administrators; so is all that follows.
    """
    upload = own_upload(storage.uploads, principal, upload_id)
    parts: list[Part] = []
    if upload.multipart_id and upload.state == "PRESIGNED":
        try:
            parts = list(storage.objects.parts(upload.object_key, upload.multipart_id))
        except NotFound:
            # Completed or dropped between the two questions.
            upload = storage.uploads.get(upload_id)
    return upload_payload(upload, parts)


@router.post(
    "/{upload_id}/parts",
    summary="Ask where to send parts",
    responses=problems(404, 409, 422),
)
@policy(WRITERS, "api:write", NOT_IN_YET)
def presign_parts(
    storage: StorageDep,
    settings: SettingsDep,
    principal: PrincipalDep,
    upload_id: UploadId,
    wanted: WantedParts,
) -> PartUrls:
    """One URL for each; a part that is sent again replaces the one before."""
    upload = _open(own_upload(storage.uploads, principal, upload_id))
    count = part_count(upload)
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
        size_bytes = size_of_part(upload, number)
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
@policy(ANYONE, "api:write", NOT_IN_YET)
async def put_part(
    request: Request,
    response: Response,
    storage: StorageDep,
    token: Annotated[str, Query(max_length=2000, description="From the part's URL.")],
) -> ReceivedPart:
    """Exactly as many bytes as the part has; its MD5 comes back as `ETag`, as S3 does it."""
    claim, multipart_id, number = await run_in_threadpool(
        _claim, storage.objects, storage.uploads, token
    )
    with tempfile.TemporaryFile(dir=storage.settings.data_dir) as file:
        digest = hashlib.md5(usedforsecurity=False)
        try:
            size_bytes = await receive(
                request, file, claim.max_bytes, partial(check_room, storage), digest.update
            )
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
        await run_in_threadpool(_keep, storage.objects, multipart_id, number, file, etag)
    response.headers["ETag"] = f'"{etag}"'
    return ReceivedPart(part_number=number, size_bytes=size_bytes, etag=etag)


@router.post("/{upload_id}/complete", summary="Join the parts", responses=problems(404, 409, 507))
@policy(WRITERS, "api:write", Audited(Code.IMPORT, "C"))
def complete_upload(
    storage: StorageDep, principal: PrincipalDep, upload_id: UploadId
) -> UploadPayload:
    """Then POST /api/analyze/start. Completing it again is harmless."""
    upload = own_upload(storage.uploads, principal, upload_id)
    if upload.multipart_id and upload.state in ("RECEIVED", "ACCEPTED"):
        return upload_payload(upload, [])
    upload = _open(upload)
    try:
        parts = list(storage.objects.parts(upload.object_key, upload.multipart_id))
        check_whole(upload, parts)
        if isinstance(storage.objects, FilesystemObjects):
            check_room(storage, upload.size_bytes or 0, copies=1)
        storage.objects.join_parts(upload.object_key, upload.multipart_id, parts)
    except NotFound:
        # Joined by another call, or by one whose answer was lost.
        if not storage.objects.exists(upload.object_key):
            raise
    storage.uploads.set_state(upload_id, "RECEIVED", only=_WAITING)
    log.info("upload_received", upload_id=upload_id, size_bytes=upload.size_bytes)
    return upload_payload(storage.uploads.get(upload_id), [])


@router.delete(
    "/{upload_id}", status_code=204, summary="Give an upload up", responses=problems(404, 409)
)
@policy(WRITERS, "api:write", Audited(Code.IMPORT, "D"))
def abort_upload(storage: StorageDep, principal: PrincipalDep, upload_id: UploadId) -> Response:
    """Its bytes are dropped. One that was started stays, with what came of it."""
    upload = own_upload(storage.uploads, principal, upload_id)
    ended = storage.uploads.set_state(
        upload_id, "ABORTED", reason="It was given up.", only=_NOT_STARTED
    )
    if not ended:
        raise ApiProblem(
            409,
            "upload_ended",
            f"The upload is {state_word(upload.state)}.",
            remedy="There is nothing to give up.",
        )
    if upload.multipart_id:
        storage.objects.drop_parts(upload.object_key, upload.multipart_id)
    storage.objects.delete(upload.object_key)
    return Response(status_code=204)


def _open(upload: Upload) -> Upload:
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


def _claim(objects: ObjectStore, uploads: Uploads, token: str) -> tuple[PresignedClaim, str, int]:
    claim = verified(objects, token)
    match = _PART_KEY.fullmatch(claim.key)
    if match is None:
        raise ApiProblem(
            403,
            "upload_url_refused",
            "The URL is not for a part of an upload.",
            remedy="Use each URL that the node gave for a part, as it is, for that part.",
        )
    _open(uploads.get(match[1]))
    return claim, match[2], int(match[3])


def _keep(objects: ObjectStore, multipart_id: str, number: int, file: BinaryIO, etag: str) -> None:
    file.seek(0)
    own_store(objects).put_part(multipart_id, number, file, etag)
