"""Jobs, and why a pipeline takes a series or does not."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.base_schemas import CursorPage, Payload, ResultInstance
from api.findings.schemas import MODEL_URL_EXAMPLE, FindingPayload
from api.reason_parts import REASON_PARTS, EndPartPayload, ReasonPartPayload
from api.request_rules.enum_spelling import JobStateWord

CancelReason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
    ),
    Field(examples=["The wrong patient."]),
]


PriorityName = Literal["LOW", "ROUTINE", "HIGH", "STAT"]


class InputRegistrationPayload(Payload):
    """How an input was moved onto the reference by a rigid registration, and what it is worth."""

    reference_from_input: list[list[float]] = Field(
        description="4x4, from a place of the input to one of the reference, in mm, LPS."
    )
    turned_deg: list[float] = Field(description="About the patient's x, then y, then z axis.")
    shifted_mm: list[float] = Field(
        description="Along x, y and z, of what comes to lie at `centre_mm`."
    )
    centre_mm: list[float] = Field(description="The middle of the reference.")
    largest_shift_mm: float = Field(description="Of any place of the body that both series show.")
    residual_mm: float = Field(
        description="How far a place is led from itself, at most, by registering to the reference"
        " and back. What two searches disagree about, and no upper limit of the error.",
        examples=[0.7],
    )
    mutual_information: float = Field(
        description="Normalised: from 1 for nothing in common to 2.", examples=[1.31]
    )
    overlap: float = Field(description="Of the smaller field of view, from 0 to 1.")


class PriorTakenPayload(Payload):
    study_instance_uid: str
    study_date: date | None
    days_before: int = Field(description="Before the study of the job.", examples=[365])


class ResultTakenPayload(Payload):
    job_id: str
    pipeline: str = Field(examples=["lung-density"])
    pipeline_version: str
    series_instance_uid: str = Field(description="Of the series that it was found in.")
    segments: list[str] = Field(
        description="Labels of the segments that were taken; where its findings were, theirs.",
        examples=[["Left lung", "Right lung"]],
    )
    result_from_reference: list[list[float]] | None = Field(
        None,
        description="4x4, from an index (slice, row, column) on the reference's grid to one on the"
        " result's, by which it was resampled; null where both have one grid.",
    )


class JobInputPayload(Payload):
    role: str = Field(examples=["flair"])
    series_instance_uid: str = Field(
        description="Of a result of another pipeline that of its Segmentation."
    )
    result: ResultTakenPayload | None = Field(
        None, description="Of an input that another pipeline found."
    )
    prior: PriorTakenPayload | None = Field(
        None, description="Of an input that was taken from an earlier study of the patient."
    )
    registration: InputRegistrationPayload | None = Field(
        None, description="Where the model's card asks for it."
    )
    refused: str = Field(
        "", description="Why the model was not given it, where its registration was no good."
    )


class JobPayload(Payload):
    """One run of one pipeline on one input."""

    job_id: str
    pipeline: str = Field(examples=["brain-volume"])
    pipeline_version: str
    study_instance_uid: str = Field(description="Empty for an image that is not DICOM.")
    series_instance_uid: str = Field(description="Empty for an image that is not DICOM.")
    state: JobStateWord = Field(
        description="`failed`, `cancelled` (by a person) and `superseded` (the series has changed"
        " since, or a further run gave other results, and what was made is withdrawn) are three"
        " different things. As a workitem (UPS) all unfinished ones are CANCELED, with their"
        " reason."
    )
    stage: str = Field(description="The step that runs or ran last.", examples=["model"])
    stage_text: str = Field(examples=["Running the model."])
    progress: float = Field(ge=0, le=1)
    reason: str = Field(
        description="Why the job failed, was cancelled or superseded; of a completed one why a"
        " further run, which was forced, ended without results. Empty otherwise."
    )
    reason_parts: list[EndPartPayload] = REASON_PARTS
    attempts: int
    priority: int
    priority_name: PriorityName = Field(
        description="The highest of these whose number (-50, 0, 50, 100) the priority reaches."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    results: list[ResultInstance]
    inputs: list[JobInputPayload] = Field(
        default_factory=list,
        description="Of a job over several series: each in its role, once it is completed."
        " `series_instance_uid` is the one on whose grid the results lie.",
    )
    notes: list[str] = Field(
        default_factory=list,
        description="What happened on the way that a reader should know, such as too little"
        " memory on the GPU.",
    )
    model_url: str = Field(
        "", description="The card of the model behind it.", examples=[MODEL_URL_EXAMPLE]
    )
    has_label_picture: bool = Field(
        False, description="Whether GET /api/jobs/{job_id}/label-picture gives one."
    )
    patient_name: str = Field("", description="Of its study; in the list of jobs alone.")
    patient_id: str = Field("", description="Of its study; in the list of jobs alone.")
    edited_by: str = Field(
        "",
        description="Who changed the mask of an earlier job, or had it made by clicks; empty for"
        " what a pipeline made.",
    )
    findings: list[FindingPayload] = Field(
        default_factory=list, description="Filled once the job is completed."
    )


class JobPage(CursorPage):
    items: list[JobPayload]


class DecisionPayload(Payload):
    """Whether a pipeline takes a series, and why."""

    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    accepted: bool
    reason: str = Field(examples=["The series has 4 instances; a head volume has 60 or more."])
    reason_parts: list[ReasonPartPayload] = REASON_PARTS
    job_id: str | None
    decided_at: datetime
