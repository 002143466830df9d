"""The JSON of the REST API, described for OpenAPI.

Keys are DICOM keywords in snake case; times are ISO 8601 in UTC; values of the
data set are text as they stand in it unless a description says otherwise.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from storage.entities import (
    DeliveryState,
    JobState,
    Origin,
    SeriesState,
    StudyState,
    Verdict,
)

_UID = "2.25.329800735698586629295641978511506172918"


class Payload(BaseModel):
    """Base of what the API answers."""

    model_config = ConfigDict(frozen=True)


class Problem(Payload):
    """Why a request was refused or failed (RFC 9457)."""

    type: str = Field(examples=["urn:mediview:problem:not_found"])
    title: str = Field(examples=["Nothing is found under that identifier"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened, in a sentence.")
    code: str = Field(description="A stable name for programs.", examples=["not_found"])
    remedy: str = Field(description="What to do about it; may be empty.")
    request_id: str = Field("", description="The id under which the node's log tells more.")


class CodePayload(Payload):
    """A coded concept (PS3.3 Table 8.8-1)."""

    value: str = Field(examples=["12738006"])
    scheme_designator: str = Field(examples=["SCT"])
    meaning: str = Field(examples=["Brain"])


class SegmentRefPayload(Payload):
    """The segment that a finding was measured on."""

    series_instance_uid: str
    sop_instance_uid: str
    segment_number: int = Field(ge=1)
    color_rgb: tuple[int, int, int] = Field(examples=[(230, 180, 60)])


class FeedbackPayload(Payload):
    """What a person says of a finding; the finding itself stays as it was stated."""

    feedback_id: str
    finding_id: str
    verdict: Verdict
    value: float | None = Field(description="The right value, where the verdict is EDITED.")
    unit: CodePayload | None
    label: str = Field(description="The right name; empty where it stays.")
    reason: str
    said_by: str = Field(examples=["dr-jones"])
    said_at: datetime


class FindingPayload(Payload):
    """One statement of a pipeline, coded, with what it rests on."""

    finding_id: str
    job_id: str
    pipeline: str = Field(examples=["brain-volume"])
    pipeline_version: str = Field(examples=["1.0.0"])
    label: str = Field(examples=["Brain volume"])
    code: CodePayload
    value: float | None = Field(examples=[1791.7])
    unit: CodePayload | None = Field(description="A UCUM code.")
    confidence: float | None = Field(
        description="From 0 to 1, where the pipeline states one; null where it does not."
    )
    tracking_identifier: str
    tracking_uid: str
    source_series_instance_uid: str = Field(description="The series that was measured.")
    segmentation: SegmentRefPayload | None
    verification: Literal["UNVERIFIED"] = Field(
        "UNVERIFIED",
        description="Of the statement itself (PS3.3 Table C.17-2): a machine made it. What"
        " people say of it stands in `feedback`.",
    )
    created_at: datetime
    feedback: list[FeedbackPayload] = Field(
        default_factory=list, description="All that was said of it, oldest first; the last counts."
    )


class ResultInstance(Payload):
    """A DICOM instance that a job made."""

    kind: str = Field(examples=["SEG", "SR"])
    sop_class_uid: str
    series_instance_uid: str
    sop_instance_uid: str


class JobPayload(Payload):
    """One run of one pipeline on one input; states are those of a UPS (PS3.4 CC.1.1)."""

    job_id: str
    pipeline: str = Field(examples=["brain-volume"])
    pipeline_version: str
    study_instance_uid: str = Field(description="Empty for an image that is not DICOM.")
    series_instance_uid: str = Field(description="Empty for an image that is not DICOM.")
    state: JobState
    stage: str = Field(description="The step that runs or ran last.", examples=["model"])
    stage_text: str = Field(examples=["Running the model."])
    progress: float = Field(ge=0, le=1)
    reason: str = Field(description="Why the job was canceled; empty otherwise.")
    attempts: int
    priority: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    results: list[ResultInstance]
    findings: list[FindingPayload] = Field(
        default_factory=list, description="Filled once the job is COMPLETED."
    )


class DecisionPayload(Payload):
    """Whether a pipeline takes a series, and why."""

    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    accepted: bool
    reason: str = Field(examples=["The series has 4 instances; a head volume has 60 or more."])
    job_id: str | None
    decided_at: datetime


class DeliveryPayload(Payload):
    """One result on its way to one destination. HELD: the destination proved it has it."""

    delivery_id: str
    destination: str = Field(examples=["pacs"])
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    job_id: str | None
    sent_at: datetime | None = Field(description="When the destination answered success.")
    created_at: datetime
    updated_at: datetime


class ReportSentencePayload(Payload):
    text: str
    finding_ids: list[str] = Field(description="The findings that support the sentence.")


class ReportSectionPayload(Payload):
    heading: str
    sentences: list[ReportSentencePayload]


class ReportPayload(Payload):
    """A drafted report; each sentence names the findings that support it."""

    report_id: str
    study_instance_uid: str
    job_id: str
    state: str = Field(examples=["draft"])
    language: str = Field(examples=["en"])
    title: str
    sections: list[ReportSectionPayload]
    created_at: datetime


class SeriesSummary(Payload):
    series_instance_uid: str = Field(examples=[_UID])
    modality: str = Field(examples=["MR"])
    series_number: int | None
    series_description: str
    body_part_examined: str
    protocol_name: str
    manufacturer: str
    frame_of_reference_uid: str
    instance_count: int
    size_bytes: int
    state: SeriesState
    origin: Origin = Field(description="`generated`: a result of this node.")
    received_at: datetime = Field(description="When the first instance arrived.")
    last_instance_at: datetime
    completed_at: datetime | None


class StudySummary(Payload):
    study_instance_uid: str = Field(examples=[_UID])
    patient_name: str = Field(description="A person name as in DICOM.", examples=["Doe^Jane"])
    patient_id: str
    patient_birth_date: date | None
    patient_sex: str = Field(examples=["F", "M", "O", ""])
    study_date: date | None
    study_time: str | None = Field(description="HH:MM:SS in the modality's time zone.")
    accession_number: str
    study_description: str
    modalities: list[str] = Field(examples=[["MR", "SEG", "SR"]])
    series_count: int
    instance_count: int
    size_bytes: int
    received_at: datetime
    updated_at: datetime
    state: StudyState
    state_text: str = Field(description="The state in a sentence, for people.")
    jobs: list[JobPayload] = Field(description="Without their findings; newest first.")
    findings_count: int


class StudyDetail(StudySummary):
    series: list[SeriesSummary]
    decisions: list[DecisionPayload]
    deliveries: list[DeliveryPayload]
    reports: list[ReportPayload]


class Page(Payload):
    """One page of a list; the `Link` header names the pages around it (RFC 8288)."""

    total: int = Field(description="How many there are on all pages.")
    limit: int
    offset: int


class StudyPage(Page):
    items: list[StudySummary]


class JobPage(Page):
    items: list[JobPayload]


class DeliveryPage(Page):
    items: list[DeliveryPayload]


class ReportPage(Page):
    items: list[ReportPayload]


class FindingList(Payload):
    items: list[FindingPayload]


class FeedbackList(Payload):
    items: list[FeedbackPayload]


class Completed(Payload):
    """What an integrator's word completed, and what the pipelines said to it."""

    series: list[SeriesSummary] = Field(description="Those that were still receiving.")
    decisions: list[DecisionPayload]


class Retried(Payload):
    count: int = Field(description="How many go now.")


class PipelineModel(Payload):
    """The model behind a pipeline; values are empty where it has none."""

    name: str
    version: str
    licence: str
    sha256: str
    intended_use: str


class ModelFilePayload(Payload):
    name: str
    sha256: str


class ModelPayload(Payload):
    """A model's card, and whether it could run here now."""

    name: str = Field(examples=["deepbet"])
    version: str = Field(examples=["1.0.2"])
    licence: str = Field(examples=["MIT"])
    source: str
    intended_use: str
    input_description: str
    files: list[ModelFilePayload] = Field(
        description="Its weights; a file of another digest is not loaded."
    )
    pipelines: list[str] = Field(description="Who uses it.", examples=[["brain-volume"]])
    ready: bool
    detail: str = Field(description="Why it is not ready; empty when it is.")


class ModelList(Payload):
    items: list[ModelPayload]


class PipelinePayload(Payload):
    name: str = Field(examples=["brain-volume"])
    version: str
    title: str
    description: str
    accepts: str = Field(description="What it takes, in a sentence.")
    model: PipelineModel | None
    ready: bool = Field(description="Whether it could run now.")
    detail: str = Field(description="Why it is not ready; empty when it is.")


class PipelineList(Payload):
    items: list[PipelinePayload]


class HealthPart(Payload):
    ok: bool
    detail: str = Field(description="What is wrong and what to do; empty when all is well.")


class Health(Payload):
    """`degraded` with status 200: the node takes studies, but not every part works."""

    status: Literal["ok", "degraded"]
    parts: dict[str, HealthPart]
    version: str
