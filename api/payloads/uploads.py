"""The JSON of uploads and of their analysis."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.payloads.base import Payload
from api.payloads.jobs import DecisionPayload, JobPayload


class PresignRequest(Payload):
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


class StartRequest(Payload):
    upload_id: str = Field(min_length=1, max_length=100)
    pipeline: str | None = Field(
        None,
        max_length=100,
        description="Answer for this pipeline only.",
        examples=["brain-volume"],
    )


class RefusedFile(Payload):
    name: str = Field(description="The file's name as the sender gave it.")
    reason: str


class IntakeCounts(Payload):
    """What became of the files; `duplicate` is held already with the same bytes."""

    stored: int
    duplicate: int
    conflict: int
    refused: list[RefusedFile]
    refused_count: int = Field(description="`refused` lists the first 200 of them.")


class AnalyzeResult(Payload):
    jobs: list[JobPayload]
    decisions: list[DecisionPayload]
    study_instance_uids: list[str]
    instances: IntakeCounts


class AnalyzeStarted(AnalyzeResult):
    job_id: str | None = Field(
        description="The one job to follow, when exactly one runs; see `jobs` otherwise."
    )
