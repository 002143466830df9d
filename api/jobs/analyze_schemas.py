"""The JSON of analysing what is sent or was uploaded."""

from pydantic import Field

from api.base_schemas import Payload, RequestBody
from api.jobs.schemas import DecisionPayload, JobPayload
from api.uploads.schemas import IntakeCounts


class StartRequest(RequestBody):
    upload_id: str = Field(min_length=1, max_length=100)
    pipeline: str | None = Field(
        None,
        max_length=100,
        description="Answer for this pipeline only.",
        examples=["brain-volume"],
    )


class AnalyzeResult(Payload):
    jobs: list[JobPayload]
    decisions: list[DecisionPayload]
    study_instance_uids: list[str]
    instances: IntakeCounts


class AnalyzeStarted(AnalyzeResult):
    job_id: str | None = Field(
        description="The one job to follow, when exactly one runs; see `jobs` otherwise."
    )
