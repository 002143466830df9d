"""The JSON of worklist items: DICOM keywords in snake case, checked as their VRs want them."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from api.base_schemas import CursorPage, FewMistakes, Payload
from api.request_rules.enum_spelling import WorklistStateWord
from api.times import Day, TimeOfDay
from storage.core.accession_issuers import MOST_CHARACTERS
from storage.core.text.dicom_values import dicom_date, dicom_time
from storage.worklist.attributes import KEYWORD_OF, snake_case
from storage.worklist.entities import WorklistItem


def _vr(max_length: int, characters: str) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, max_length=max_length, pattern=characters)


# PS3.5 Table 6.2-1. Backslash would make two values of one.
_NO_CONTROL = r"^[^\x00-\x1f\x7f\\]*$"
Name = Annotated[str, _vr(194, _NO_CONTROL)]
LongString = Annotated[str, _vr(64, _NO_CONTROL)]
ShortString = Annotated[str, _vr(16, _NO_CONTROL)]
Code = Annotated[str, _vr(16, r"^[A-Z0-9_ ]*$")]
AeTitle = Annotated[
    str, _vr(16, r"^[\x20-\x5b\x5d-\x7e]*[\x21-\x5b\x5d-\x7e][\x20-\x5b\x5d-\x7e]*$")
]
Text = Annotated[str, _vr(10_240, r"^[^\x00-\x08\x0b\x0e-\x1f\x7f]*$")]


class _Attributes(FewMistakes):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorklistCode(_Attributes):
    """A code sequence item (PS3.3 Table 8.8-1)."""

    code_value: ShortString
    coding_scheme_designator: ShortString
    coding_scheme_version: ShortString = ""
    code_meaning: LongString


class AccessionNumberIssuer(_Attributes):
    """Who issued an accession number (PS3.3 Table 10-17): a name, an identifier, or both."""

    local_namespace_entity_id: LongString = Field("", examples=["RIS_A"])
    universal_entity_id: Annotated[str, _vr(MOST_CHARACTERS, _NO_CONTROL)] = Field(
        "", examples=["1.2.3.4"]
    )
    universal_entity_id_type: Annotated[
        str, StringConstraints(pattern="^(DNS|EUI64|ISO|URI|UUID|X400|X500)?$")
    ] = Field("", examples=["ISO"])


class ScheduledStep(_Attributes):
    """An item of the Scheduled Procedure Step Sequence."""

    modality: Code = Field(min_length=1, examples=["MR"])
    scheduled_station_ae_title: AeTitle = Field(min_length=1, examples=["MR1"])
    scheduled_station_name: ShortString = ""
    scheduled_procedure_step_location: ShortString = ""
    scheduled_procedure_step_start_date: Day = Field(examples=["2026-01-31"])
    scheduled_procedure_step_start_time: TimeOfDay = Field(
        examples=["14:30:00"], description="In the modality's time zone."
    )
    scheduled_performing_physician_name: Name = ""
    scheduled_procedure_step_description: LongString = ""
    scheduled_procedure_step_id: ShortString = ""
    scheduled_procedure_step_status: Code = ""
    scheduled_protocol_code_sequence: list[WorklistCode] = Field([], max_length=20)
    pre_medication: LongString = ""
    requested_contrast_agent: LongString = ""
    comments_on_the_scheduled_procedure_step: Text = ""


class WorklistChanges(_Attributes):
    """What of an item is to be changed; what is not named stays."""

    patient_name: Name = Field("", examples=["Doe^Jane"])
    patient_id: LongString = ""
    issuer_of_patient_id: LongString = ""
    patient_birth_date: Day | None = None
    patient_sex: Annotated[str, StringConstraints(pattern="^[FMO]?$")] = ""
    patient_size: float | None = Field(None, gt=0, lt=4, description="In metres.")
    patient_weight: float | None = Field(None, gt=0, lt=1000, description="In kilograms.")
    medical_alerts: LongString = ""
    allergies: LongString = ""
    pregnancy_status: int | None = Field(None, ge=1, le=4, description="PS3.3 C.2.3.")
    special_needs: LongString = ""
    patient_state: LongString = ""
    admission_id: LongString = ""
    current_patient_location: LongString = ""
    accession_number: ShortString = ""
    issuer_of_accession_number_sequence: list[AccessionNumberIssuer] = Field([], max_length=1)
    referring_physician_name: Name = ""
    requesting_physician: Name = ""
    study_instance_uid: str = Field(
        "",
        max_length=64,
        pattern=r"^$|^[0-9]+(\.[0-9]+)*$",
        description="Made by the node when it is not given.",
    )
    requested_procedure_id: ShortString = ""
    requested_procedure_description: LongString = ""
    requested_procedure_code_sequence: list[WorklistCode] = Field([], max_length=20)
    requested_procedure_priority: Code = Field("", examples=["ROUTINE", "STAT"])
    reason_for_the_requested_procedure: LongString = ""
    requested_procedure_comments: Text = ""
    scheduled_procedure_step_sequence: list[ScheduledStep] = Field([], max_length=50)
    state: WorklistStateWord = Field("SCHEDULED", json_schema_extra={"default": "scheduled"})


class NewWorklistItem(WorklistChanges):
    """A requested procedure to be listed for modalities."""

    patient_name: Name = Field(min_length=1, examples=["Doe^Jane"])
    patient_id: LongString = Field(min_length=1)
    scheduled_procedure_step_sequence: list[ScheduledStep] = Field(min_length=1, max_length=50)


class WorklistItemPayload(Payload):
    """An item as it stands. Attributes that have no value are left out."""

    model_config = ConfigDict(frozen=True, extra="allow")

    worklist_item_id: str
    state: WorklistStateWord
    study_instance_uid: str
    created_at: datetime
    updated_at: datetime


class WorklistPage(CursorPage):
    items: list[WorklistItemPayload]


def to_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON names and Python values to keywords and values as DICOM writes them."""
    attributes: dict[str, Any] = {}
    for name, value in values.items():
        if name == "state":
            continue
        attributes[KEYWORD_OF[name]] = _to_dicom(value)
    return attributes


def _to_dicom(value: Any) -> Any:
    if isinstance(value, date):
        return f"{value:%Y%m%d}"
    if isinstance(value, time):
        fraction = f".{value.microsecond:06}" if value.microsecond else ""
        return f"{value:%H%M%S}{fraction}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return [to_attributes({k: v for k, v in item.items() if v != ""}) for item in value]
    return value


def item_payload(item: WorklistItem) -> WorklistItemPayload:
    return WorklistItemPayload(
        worklist_item_id=item.worklist_item_id,
        state=item.state,
        created_at=item.created_at,
        updated_at=item.updated_at,
        **_to_json(item.attributes),
    )


def _to_json(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        snake_case(keyword): _from_dicom(keyword, value)
        for keyword, value in attributes.items()
        if value not in ("", None, [])
    }


def _from_dicom(keyword: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if keyword.endswith("Date"):
        return dicom_date(value)
    if keyword.endswith("Time"):
        return dicom_time(value)
    if keyword in ("PatientSize", "PatientWeight"):
        return float(value)
    return value
