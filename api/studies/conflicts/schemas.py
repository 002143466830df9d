"""What conflicts look like on the wire."""

from datetime import datetime
from typing import Any

from pydantic import Field, model_validator

from api.base_schemas import CursorPage, Payload, RequestBody
from storage.ingest.bulk_decisions import ConflictDecision

MAX_DIFFERENCES = 200
MAX_DECISIONS = 500


class ExistingInstance(Payload):
    """The instance that bears the UID, and that everybody finds under it."""

    study_instance_uid: str
    series_instance_uid: str
    patient_name: str
    patient_id: str
    source: str
    received_at: datetime
    size_bytes: int
    digest: str = Field(description="Of the data set, without its file meta: BLAKE3, or SHA-256.")


class ConflictPayload(Payload):
    conflict_id: int
    sop_instance_uid: str
    source: str = Field(description="How it came.", examples=["dimse:CT1", "stow"])
    received_at: datetime
    size_bytes: int
    digest: str = Field(description="Of the data set, without its file meta: BLAKE3, or SHA-256.")
    existing: ExistingInstance | None = Field(description="null where it was deleted meanwhile.")
    held: ExistingInstance | None = Field(
        description="The former name of `existing`.", deprecated=True
    )


class ConflictPage(CursorPage):
    items: list[ConflictPayload]


class Difference(Payload):
    """One attribute that the two do not share; both as DICOM JSON (PS3.18 F), null: absent."""

    tag: str = Field(examples=["00100010"])
    keyword: str = Field(examples=["PatientName"])
    existing: dict[str, Any] | None
    held: dict[str, Any] | None = Field(
        description="The former name of `existing`.", deprecated=True
    )
    other: dict[str, Any] | None


class ConflictDetail(ConflictPayload):
    differences: list[Difference] = Field(
        description=f"In the header, at most {MAX_DIFFERENCES}; none: pixels differ alone."
    )
    readable: bool = Field(description="Whether both headers could be compared.")


class ConflictDecisionRequest(RequestBody):
    """One decision for many conflicts: those that are named, or all of a study or a source."""

    decision: ConflictDecision = Field(
        description="`accept` puts what came later in the place of what is stored; `discard`"
        " keeps what is stored."
    )
    conflict_ids: list[int] = Field(default=[], max_length=MAX_DECISIONS)
    study_instance_uid: str = Field(default="", max_length=64)
    source: str = Field(default="", max_length=128, examples=["dimse:CT1"])

    @model_validator(mode="after")
    def _names_something(self) -> "ConflictDecisionRequest":
        if not (self.conflict_ids or self.study_instance_uid or self.source):
            raise ValueError("Name conflict_ids, study_instance_uid or source.")
        return self


class LeftConflict(Payload):
    conflict_id: int
    reason: str


class ConflictDecisions(Payload):
    decided: list[int] = Field(description="The numbers of the conflicts that are decided now.")
    left: list[LeftConflict] = Field(description="Those that could not be decided this way.")
    gone: list[int] = Field(
        description="Those that no longer wait: somebody else has decided them, or the content they"
        " were about is deleted."
    )
    waiting: int = Field(description="How many conflicts there are still, of all.")
