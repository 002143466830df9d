"""What the API says of changes of patients."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.base_schemas import Page, Payload, RequestBody

_TEXT = r"^[^\x00\\]*$"
_REASON = Field(
    min_length=1,
    max_length=500,
    pattern=r"^[^\x00]*\S[^\x00]*$",
    description="Why. The audit trail has it, too.",
    examples=["Scanned under the card of the patient before"],
)


class PatientChangePayload(Payload):
    change_id: str
    kind: Literal["demographics", "merge", "move", "link"]
    trigger_event: str = Field(description="Of HL7 v2, or empty.", examples=["A40"])
    sender: str = Field(description="MSH-3 and MSH-4 of the message, or empty.")
    control_id: str = Field(description="MSH-10 of the message.")
    patient_id: str = Field(description="Whose the studies are with this change.")
    issuer_of_patient_id: str
    prior_patient_id: str = Field(description="Of a merge: whose they were.")
    prior_issuer_of_patient_id: str
    study_instance_uid: str = Field(description="Of a move: the one study.")
    patient_name: str | None = Field(description="None: not stated, as birth date and sex.")
    patient_birth_date: str | None
    patient_sex: str | None
    reason: str
    stated_by: str
    stated_at: AwareDatetime
    undone_by: str
    undo_reason: str
    undone_at: AwareDatetime | None = Field(description="None: it is in force.")


class PatientChangePage(Page):
    """The newest first, those undone as well."""

    items: list[PatientChangePayload]


class StudyMove(RequestBody):
    """To whom a study belongs. A patient whom the node knows is named by ID and issuer alone."""

    study_instance_uid: str = Field(pattern=r"^[0-9.]{1,64}$")
    patient_id: str = Field(min_length=1, max_length=64, pattern=_TEXT)
    issuer_of_patient_id: str = Field("", max_length=64, pattern=_TEXT)
    patient_name: str | None = Field(
        None, min_length=1, max_length=324, pattern=_TEXT, description="As DICOM writes it: A^B."
    )
    patient_birth_date: str | None = Field(None, pattern=r"^\d{8}$")
    patient_sex: Literal["F", "M", "O"] | None = None
    reason: str = _REASON


class Undoing(RequestBody):
    reason: str = _REASON


class ChangedStudies(Payload):
    change_id: str
    study_instance_uids: list[str] = Field(description="Those that have another patient now.")
