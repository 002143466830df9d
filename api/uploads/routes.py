"""Presigned uploads: the bytes go to the object store directly.

With S3 that is the store's own URL. With the filesystem store the node answers
an equivalent of its own: signed, expiring, for one object of a given type and
size.
"""

import re
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, BinaryIO

import structlog
from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.access.policy import ANYONE, WRITERS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import NOT_IN_YET, Audited
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.middleware import limited
from api.parameters import problems
from api.router_factory import new_router
from api.uploads.room import check_may_begin, check_room
from api.uploads.schemas import PresignedUpload, PresignRequest, UploadReceived
from storage.audit import Code
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, LimitExceeded, NotFound
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.crypto.upload_tokens import PresignedClaim
from storage.objects.filesystem import FilesystemObjects
from storage.objects.store import ObjectStore, Presigned
from storage.settings import Settings
from storage.uploads.repository import Uploads

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/uploads", tags=["uploads"])

BINARY_BODY = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_WRITE_AT_ONCE_BYTES = 1024 * 1024
_UPLOAD_KEY = re.compile(r"uploads/([A-Za-z0-9-]{1,100})")


@router.post(
    "/presign",
    summary="Ask where to upload a DICOM file, a ZIP archive, a PNG or a JPEG",
    responses=problems(413, 429, 507),
)
@policy(WRITERS, "api:write", NOT_IN_YET)
def presign_upload(
    storage: StorageDep, settings: SettingsDep, principal: PrincipalDep, wanted: PresignRequest
) -> PresignedUpload:
    """A URL that takes the bytes once; then POST /api/analyze/start with `upload_id`."""
    check_may_begin(storage, principal.identity, wanted.size_bytes)
    upload = storage.uploads.create(
        # NUL is no character to PostgreSQL.
        wanted.filename.replace("\0", ""),
        wanted.content_type,
        utcnow() + timedelta(seconds=settings.upload_url_expiry_s),
        size_bytes=wanted.size_bytes,
        created_by=principal.identity,
    )
    presigned = _presign(storage.settings, storage.objects, upload.object_key, wanted)
    return PresignedUpload(
        upload_id=upload.upload_id,
        object_key=upload.object_key,
        method="POST" if presigned.method == "POST" else "PUT",
        url=presigned.url,
        headers=presigned.headers,
        fields=presigned.fields,
        expires_at=presigned.expires_at,
    )


def _presign(
    settings: Settings, objects: ObjectStore, key: str, wanted: PresignRequest
) -> Presigned:
    presign = objects.presign_plain_put if wanted.method == "PUT" else objects.presign_put
    presigned = presign(key, wanted.content_type, wanted.size_bytes, settings.upload_url_expiry_s)
    if wanted.method not in (None, presigned.method):
        raise InvalidRequest(
            f"This node's object store takes {presigned.method}, not {wanted.method}.",
            remedy="Leave the method out and use the one that is answered.",
        )
    return presigned


@router.put(
    "/content",
    summary="Take the bytes of a presigned upload (filesystem store only)",
    responses=problems(403, 409, 413, 415, 507),
    openapi_extra={"requestBody": BINARY_BODY},
)
@policy(ANYONE, "api:write", Audited(Code.IMPORT, "C"))
async def put_upload(
    request: Request,
    storage: StorageDep,
    token: Annotated[str, Query(max_length=2000, description="From the presigned URL.")],
) -> UploadReceived:
    """Store the body under the key that the token names, as large as it allows."""
    claim, upload_id = await run_in_threadpool(_claim, storage.objects, storage.uploads, token)
    content_type = request.headers.get("content-type", "")
    if content_type != claim.content_type:
        raise ApiProblem(
            415,
            "content_type_differs",
            f"The upload was presigned as {claim.content_type}.",
            remedy="Send exactly the headers that the presigned answer names.",
        )
    declared = read_whole_number(request.headers.get("content-length", "0"))
    if declared is None or declared > claim.max_bytes:
        raise _too_large(claim.max_bytes)
    # Without a name in the file system: it vanishes with the request, however that ends.
    with tempfile.TemporaryFile(dir=storage.settings.data_dir) as file:
        try:
            size_bytes = await receive(
                request, file, claim.max_bytes, admit=partial(check_room, storage)
            )
        except ClientDisconnect as error:
            raise ApiProblem(
                400, "upload_broken_off", "The upload ended early.", remedy="Send it again."
            ) from error
        if size_bytes == 0:
            raise InvalidRequest("The upload is empty.", remedy="Send the file's bytes as body.")
        await run_in_threadpool(
            _keep, storage.objects, storage.uploads, claim, upload_id, file, size_bytes
        )
    log.info("upload_received", upload_id=upload_id, size_bytes=size_bytes)
    return UploadReceived(upload_id=upload_id, size_bytes=size_bytes)


def own_store(objects: ObjectStore) -> FilesystemObjects:
    """The store that takes uploads through the node. Raises NotFound where S3 takes them."""
    if not isinstance(objects, FilesystemObjects):
        raise NotFound(
            "This node's uploads go to its S3 store.",
            remedy="Use the URL that was answered when the upload was begun.",
        )
    return objects


def verified(objects: ObjectStore, token: str) -> PresignedClaim:
    """What a URL of ours allows. Raises 403 when it was forged or has expired."""
    store = own_store(objects)
    try:
        return store.verify_token(token)
    except InvalidRequest as error:
        raise ApiProblem(
            403,
            "upload_url_refused",
            error.message,
            title="The upload URL is not valid",
            remedy=error.remedy,
        ) from error


def _claim(objects: ObjectStore, uploads: Uploads, token: str) -> tuple[PresignedClaim, str]:
    claim = verified(objects, token)
    match = _UPLOAD_KEY.fullmatch(claim.key)
    if match is None:
        raise ApiProblem(
            403,
            "upload_url_refused",
            "The URL is not for an upload.",
            remedy="Use the URL that POST /api/uploads/presign gave, as it is.",
        )
    upload = uploads.get(match.group(1))
    if upload.state != "PRESIGNED":
        raise _received_before()
    return claim, upload.upload_id


async def receive(
    request: Request,
    file: BinaryIO,
    max_bytes: int,
    admit: Callable[[int], object],
    see: Callable[[bytes], object] = len,
) -> int:
    """Write the body to a file as it comes, show each piece to `see`, and return its size.

    `admit` is asked before each piece, and raises where there is no room. Raises 413 beyond
    `max_bytes`, 408 when it pauses, ClientDisconnect when it breaks off.
    """

    def write(piece: bytes) -> None:
        admit(len(piece))
        see(piece)
        file.write(piece)

    counted = Request(request.scope, limited(request.receive, max_bytes))
    size_bytes = 0
    waiting = bytearray()
    async for chunk in counted.stream():
        size_bytes += len(chunk)
        waiting += chunk
        if len(waiting) >= _WRITE_AT_ONCE_BYTES:
            await run_in_threadpool(write, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(write, bytes(waiting))
    return size_bytes


def _keep(
    objects: ObjectStore,
    uploads: Uploads,
    claim: PresignedClaim,
    upload_id: str,
    file: BinaryIO,
    size_bytes: int,
) -> None:
    # Of several that send at once one wins, and nobody's bytes are replaced.
    file.seek(0)
    if not own_store(objects).put_new(claim.key, file):
        raise _received_before()
    uploads.set_state(upload_id, "RECEIVED", size_bytes=size_bytes, only={"PRESIGNED"})


def _received_before() -> ApiProblem:
    return ApiProblem(
        409,
        "upload_already_received",
        "The upload was received before; its URL is used up.",
        remedy="Start it with POST /api/analyze/start, or presign a new one.",
    )


def _too_large(max_bytes: int) -> LimitExceeded:
    return LimitExceeded(
        f"The upload has more than the {max_bytes} bytes that were presigned.",
        remedy="Presign it with its true size.",
    )
