"""The JSON of uploads and of their analysis."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.base_schemas import Payload, RequestBody
from api.request_rules.enum_spelling import UploadStateWord
from storage.settings import MIB

# S3's own bounds: 5 MiB but for the last part, 10,000 parts.
PART_MIN_BYTES = 5 * MIB
PART_MAX_BYTES = 512 * MIB
PARTS_MAX = 10_000


class PresignRequest(RequestBody):
    filename: str = Field(min_length=1, max_length=255, examples=["study.zip"])
    content_type: str = Field(
        "application/octet-stream",
        max_length=100,
        pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$",
        examples=["application/zip"],
    )
    size_bytes: int = Field(gt=0, description="Exact or an upper bound.")
    method: Literal["PUT", "POST"] | None = Field(
        None,
        description="For an S3 store: a POST form, whose size S3 itself limits (the default),"
        " or a plain PUT. The filesystem store takes PUT alone.",
    )


class PresignedUpload(Payload):
    """Where to send the bytes: PUT with `headers`, or a POST form with `fields` first."""

    upload_id: str
    object_key: str
    method: Literal["PUT", "POST"]
    url: str
    headers: dict[str, str]
    fields: dict[str, str]
    expires_at: datetime


class UploadReceived(Payload):
    upload_id: str
    size_bytes: int


class RefusedFile(Payload):
    name: str = Field(description="The file's name as the sender gave it.")
    reason: str


class IntakeCounts(Payload):
    """What became of the files; `duplicate` was stored before with the same bytes."""

    stored: int
    duplicate: int
    conflict: int
    refused: list[RefusedFile]
    refused_count: int = Field(description="`refused` lists the first 200 of them.")


class NewMultipartUpload(RequestBody):
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
        ge=PART_MIN_BYTES,
        le=PART_MAX_BYTES,
        description="Of all parts but the last; the node chooses where it is left out.",
    )


class ReceivedPart(Payload):
    part_number: int = Field(description="Counts from 1.")
    size_bytes: int
    etag: str


class UploadPayload(Payload):
    """An upload, how far it is, and what became of it."""

    upload_id: str
    state: UploadStateWord
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


class WantedParts(RequestBody):
    part_numbers: list[Annotated[int, Field(ge=1, le=PARTS_MAX)]] = Field(
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
