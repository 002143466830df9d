"""Studies and their series, with their live state."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from api.base_schemas import CursorPage, Payload
from api.deliveries.schemas import DeliveryPayload
from api.jobs.schemas import DecisionPayload, JobPayload
from api.reason_parts import REASON_PARTS, ReasonPartPayload
from api.reports.schemas import ReportPayload, StudyReport
from api.request_rules.enum_spelling import SeriesStateWord, StudyStateWord
from inference.series_classification.series_roles import SeriesRole
from storage.core.entities import DeliveryCause, Origin
from storage.studies.urgency import Urgency

_UID = "2.25.329800735698586629295641978511506172918"


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
    state: SeriesStateWord
    origin: Origin = Field(description="`generated`: a result of this node.")
    received_at: datetime = Field(description="When the first instance arrived.")
    last_instance_at: datetime
    completed_at: datetime | None
    roles: list[SeriesRole] = Field(
        description="What it is for a reader, as pipelines recognise it by its headers: the"
        " contrast of an MR, a corrected PET, the CT of a PET/CT, the phase of a contrast agent,"
        " the views of radiographs and mammograms. Known some seconds after it is complete; empty"
        " where nothing tells it."
    )


class RefusalPayload(Payload):
    """A pipeline that took no series of the study."""

    pipeline: str = Field(examples=["brain-volume"])
    reason: str = Field(description="Of the series that it was nearest to taking.")
    reason_parts: list[ReasonPartPayload] = REASON_PARTS
    series_instance_uid: str = Field("", description="Of that series.")
    series_number: int | None = None


class DeliveryProgress(Payload):
    """The results on their way to all destinations together."""

    total: int
    confirmed: int = Field(description="The destination confirmed that it stores them.")
    held: int = Field(description="The former name of `confirmed`.", deprecated=True)
    failing: int = Field(description="Tried, not taken, and to be tried again.")
    awaiting_release: int = Field(description="They leave once a person has accepted them.")
    destinations: list[str]


class PatientNotice(Payload):
    """What people have to know of a study's patient before they rely on the name."""

    code: Literal["different_patient_names"] = Field(
        description="`different_patient_names`: studies of this patient state different names."
    )
    text: str = Field(
        description="In a sentence, for people.",
        examples=["Studies of this patient state different names. Check whose images they are."],
    )


class StudyReader(Payload):
    """Who reads a study; others neither change nor sign its report meanwhile."""

    name: str
    is_you: bool = Field(description="Whether it is the caller.")
    since: datetime


class StudySummary(Payload):
    study_instance_uid: str = Field(examples=[_UID])
    patient_name: str = Field(
        description="A person name as in DICOM: as the study itself states it, or a correction.",
        examples=["Doe^Jane"],
    )
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
    state: StudyStateWord
    state_text: str = Field(description="The state in a sentence, for people.")
    jobs: list[JobPayload] = Field(description="Without their findings; newest first.")
    findings_count: int
    open_alerts: int = Field(description="Critical findings that nobody has acknowledged yet.")
    report: StudyReport | None = Field(description="Where its report stands; null without one.")
    reader: StudyReader | None = Field(description="Who reads it; null: nobody does.")
    urgency: Urgency = Field(
        description="`critical`: a critical finding that nobody has acknowledged; `stat` and"
        " `high`: so ordered, and not signed yet; `unread`: results that nobody has looked at;"
        " `unreported`: without a signed report; else `reported`."
    )
    refusals: list[RefusalPayload] = Field(description="Pipelines that took no series of it.")
    delivery: DeliveryProgress
    damaged_instances_count: int = Field(
        description="Stored instances that are damaged or lost, without another copy so far."
    )
    patient_notices: list[PatientNotice] = Field(
        description="Of the studies that the caller may see."
    )


class DamagedInstancePayload(Payload):
    """An instance whose stored bytes are not those that arrived."""

    sop_instance_uid: str = Field(examples=[_UID])
    kind: str = Field(
        description="`damaged`, `missing`; `header_damaged`, `object_damaged` and"
        " `object_missing` where another copy is right."
    )
    has_copy: bool = Field(description="Another copy is right, and it is about to be repaired.")
    noticed_at: datetime


class RoutePayload(Payload):
    """Received instances of a study that go on to one destination."""

    destination: str = Field(examples=["archive"])
    cause: DeliveryCause = Field(description="`RULE` or `PERSON`: what sends them on.")
    rule: str = Field(description="The rule's name; empty where a person sent them.")
    total: int
    confirmed: int = Field(description="The destination confirmed that it stores them.")
    held: int = Field(description="The former name of `confirmed`.", deprecated=True)
    sent: int = Field(description="Answered with success, and never proven.")
    failing: int = Field(description="Tried, not taken, and to be tried again.")
    last_error: str
    waiting: int = Field(description="How many wait for the hours of the rule.")
    waits_until: datetime | None = Field(description="When the first of these goes.")
    note: str = Field(
        description="Why they wait, or what was otherwise about the sending than the rule says."
    )


class OtherPatientInstance(Payload):
    """An instance of the study that names another patient than the study, or may."""

    sop_instance_uid: str = Field(examples=[_UID])
    series_instance_uid: str = Field(examples=[_UID])


class StudyDetail(StudySummary):
    series: list[SeriesSummary]
    other_patient_instances: list[OtherPatientInstance] = Field(
        description="Received segmentations, reports, presentation states and the like whose stored"
        " Patient ID, or its issuer, is neither the study's nor the one with which it arrived; of"
        " other series one instance each is looked at. Show them with a warning, if at all."
    )
    unchecked_instances: list[OtherPatientInstance] = Field(
        description="Of these it is not known whom they name: they could not be read now, or not"
        " within a second. Ask again later, and until then show them with a warning."
    )
    decisions: list[DecisionPayload]
    deliveries: list[DeliveryPayload] = Field(description="Those of its results.")
    routes: list[RoutePayload]
    reports: list[ReportPayload] = Field(description="The study's one report, or none.")
    damaged_instances: list[DamagedInstancePayload]


class StudyPage(CursorPage):
    items: list[StudySummary]


class Completed(Payload):
    """What an integrator completed, and what the pipelines decided."""

    series: list[SeriesSummary] = Field(description="Those that were still receiving.")
    decisions: list[DecisionPayload]
