"""Research projects as JSON."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.base_schemas import CursorPage, Page, Payload, RequestBody
from api.request_rules.enum_spelling import ExportStateWord
from api.request_rules.text_lengths import CodeString, UidText
from api.times import Day
from inference.deidentification.profile import Option
from inference.projects.selection import NAME_PATTERN
from storage.projects.entities import ExportFormat

_MOST_STUDIES = 10_000


class SplitPayload(RequestBody):
    """Shares of the patients in percent, which add up to 100."""

    train: int = Field(100, ge=0, le=100)
    validation: int = Field(0, ge=0, le=100)
    test: int = Field(0, ge=0, le=100)


class NewProject(RequestBody):
    name: str = Field(pattern=NAME_PATTERN, examples=["stroke-2026"])
    options: list[Option] = Field(
        [], max_length=len(Option), description="Options of PS3.15 E.3 beside the Basic Profile."
    )
    needs_consent: bool = Field(False, description="Only studies with recorded consent leave.")
    split: SplitPayload = SplitPayload(train=100, validation=0, test=0)


class ProjectPayload(Payload):
    name: str
    options: list[str]
    needs_consent: bool
    split: SplitPayload
    study_count: int
    created_by: str
    created_at: AwareDatetime


class ProjectPage(CursorPage):
    items: list[ProjectPayload]


class FindingConditions(RequestBody):
    """What one finding must be: its code, its label or its pipeline, and its value.

    Of findings that stand: those that are withdrawn, rejected, truncated or implausible meet none.
    """

    code_value: str = Field("", max_length=64, examples=["118565006"])
    coding_scheme_designator: str = Field("", max_length=16, examples=["SCT"])
    label: str = Field("", max_length=200, description="The whole name.", examples=["Brain volume"])
    pipeline: str = Field("", max_length=80)
    value_from: float | None = Field(None, allow_inf_nan=False)
    value_to: float | None = Field(None, allow_inf_nan=False)
    unit: str = Field(
        "",
        max_length=64,
        description="UCUM, of the range; findings in other units of the quantity are converted.",
        examples=["cm3"],
    )


class CohortConditions(RequestBody):
    """What studies must be; at least one condition."""

    modalities: list[CodeString] = Field([], max_length=20, examples=[["MR"]])
    study_date_from: Day | None = None
    study_date_to: Day | None = None
    findings: list[FindingConditions] = Field(
        [], max_length=10, description="For each, the study has a finding that meets it."
    )


class AddedStudies(RequestBody):
    study_instance_uids: list[UidText] = Field([], max_length=_MOST_STUDIES)
    matching: CohortConditions | None = Field(
        None, description="All studies that are here now and meet these conditions."
    )
    has_consent: bool = Field(False, description="The patients' consent is recorded.")
    preview: bool = Field(
        False, description="Count alone: nothing is added, and no consent is recorded."
    )


class AddedCount(Payload):
    found: int = Field(description="How many studies were named or meet the conditions.")
    added: int = Field(
        description="How many were not in the project before; of a preview, how many are not."
    )
    total: int = Field(description="How many it has now.")


class ProjectStudyPayload(Payload):
    study_instance_uid: str
    has_consent: bool
    subset: Literal["train", "validation", "test"] = Field(
        description="All studies of a patient are in the same one."
    )
    added_by: str
    added_at: AwareDatetime


class ProjectStudyPage(CursorPage):
    items: list[ProjectStudyPayload]


class NewExport(RequestBody):
    folder: str = Field(
        min_length=1,
        max_length=200,
        description="A new folder below MEDIVIEW_EXPORT_DIR, or of the bucket.",
        examples=["stroke-2026/first"],
    )
    destination: str = Field(
        "",
        max_length=64,
        description="A peer: an S3 bucket, which gets all files, or a STOW-RS archive, which"
        " gets the instances, while the folder gets tables and certificate. Empty: the folder.",
        examples=["research-bucket"],
    )
    format: ExportFormat = Field(
        "dicom",
        description="`nifti`: volumes as NIfTI files in the layout of BIDS, segmentations as label"
        " maps on their grids; other instances are refused.",
    )


class ExportPayload(Payload):
    export_id: str
    folder: str
    destination: str = Field(description="Name of the peer that it goes to; empty: the folder.")
    options: list[str]
    format: ExportFormat
    state: ExportStateWord = Field(description="`failed`: stopped, until somebody has it go on.")
    last_error: str
    exported: int = Field(description="Instances that left.")
    refused: int = Field(description="Instances that did not, each with a reason.")
    size_bytes: int
    requested_by: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ExportPage(CursorPage):
    items: list[ExportPayload]


class RefusedInstance(Payload):
    sop_instance_uid: str = Field(description="Of the original.")
    study_instance_uid: str
    reason: str


class RefusedInstances(Page):
    items: list[RefusedInstance]


class Pseudonym(RequestBody):
    pseudonym: str = Field(
        pattern=r"^[A-Z0-9.-]{1,64}$", description="Of a patient, or a UID of the export."
    )
    reason: str = Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00]*\S[^\x00]*$",
        description="Why. The audit trail has it.",
    )


class OriginalStudies(Payload):
    study_instance_uids: list[str]
