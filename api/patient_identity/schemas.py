"""What the API says of changes of patients."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from api.base_schemas import Page, Payload, RequestBody
from dicom_node.patient_identity.entities import FoundPatient

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


class PatientLink(RequestBody):
    """Two IDs of one person, each with who issued it."""

    patient_id: str = Field(min_length=1, max_length=64, pattern=_TEXT)
    issuer_of_patient_id: str = Field("", max_length=64, pattern=_TEXT)
    other_patient_id: str = Field(min_length=1, max_length=64, pattern=_TEXT)
    other_issuer_of_patient_id: str = Field("", max_length=64, pattern=_TEXT)
    reason: str = _REASON


class PatientLookup(RequestBody):
    """Of whom a patient is looked for. An ID, a family name or a birth date is needed."""

    patient_id: str = Field("", max_length=64, pattern=_TEXT)
    issuer_of_patient_id: str = Field("", max_length=64, pattern=_TEXT)
    family_name: str = Field("", max_length=64, pattern=_TEXT)
    given_name: str = Field("", max_length=64, pattern=_TEXT)
    patient_birth_date: str = Field("", pattern=r"^(\d{8})?$", description="YYYYMMDD.")
    patient_sex: Literal["", "F", "M", "O"] = ""

    @model_validator(mode="after")
    def _asks_for_somebody(self) -> Self:
        if not (self.patient_id or self.family_name or self.patient_birth_date):
            raise ValueError("an ID, a family name or a birth date is needed")
        return self


class PatientIdPayload(Payload):
    patient_id: str
    issuer_of_patient_id: str


class FoundPatientPayload(Payload):
    ids: list[PatientIdPayload] = Field(description="Those whose issuers the node knows.")
    patient_name: str
    patient_birth_date: str
    patient_sex: str

    @classmethod
    def of(cls, found: FoundPatient) -> Self:
        return cls(
            ids=[
                PatientIdPayload(
                    patient_id=key.patient_id, issuer_of_patient_id=key.issuer_of_patient_id
                )
                for key in found.keys
            ],
            patient_name=found.patient_name,
            patient_birth_date=found.patient_birth_date,
            patient_sex=found.patient_sex,
        )


class FoundPatients(Payload):
    items: list[FoundPatientPayload]


class Undoing(RequestBody):
    reason: str = _REASON


class ChangedStudies(Payload):
    change_id: str
    study_instance_uids: list[str] = Field(description="Those that have another patient now.")
