"""What notices say: the `data` of each type, as `storage.webhooks.payloads` makes it."""

from typing import Literal

from pydantic import ConfigDict, Field

from api.base_schemas import Payload, ResultInstance
from api.request_rules.enum_spelling import AlertStateWord, JobStateWord
from storage.reports.entities import ReportState


class _Data(Payload):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StudyNotice(_Data):
    study_instance_uid: str


class SeriesNotice(StudyNotice):
    series_instance_uid: str


class JobNotice(_Data):
    study_instance_uid: str = Field("", description="Missing of an image that is not DICOM.")
    job_id: str
    pipeline: str
    state: JobStateWord
    reason: str = ""


class JobProgressNotice(JobNotice):
    stage: str
    progress: float


class JobCompletedNotice(JobNotice):
    series_instance_uid: str = ""


class ResultsNotice(JobCompletedNotice):
    instances: list[ResultInstance]


class DeliveryNotice(StudyNotice):
    destination: str


class DestinationNotice(_Data):
    destination: str


class NodeNotice(_Data):
    part: str = Field(description="As `/health` names it.")


class FailedDeliveryNotice(DestinationNotice):
    study_instance_uid: str = Field("", description="Missing of what is about no study.")


class FindingNotice(StudyNotice):
    finding_id: str


class ReportNotice(_Data):
    study_instance_uid: str = ""
    report_id: str
    state: ReportState
    version: int


class AlertNotice(_Data):
    study_instance_uid: str = ""
    alert_id: str
    finding_id: str
    rule: str
    state: AlertStateWord
    repeats: int


class WorkitemNotice(_Data):
    study_instance_uid: str = ""
    workitem_uid: str
    state: Literal["scheduled", "in_progress", "completed", "cancelled"]


class EmergencyNotice(_Data):
    emergency_id: str


class ModelNotice(Payload):
    """What the change was; its members depend on it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    change: str = ""


_OF_FAMILY: dict[str, type[Payload]] = {
    "study": StudyNotice,
    "job": JobNotice,
    "delivery": DeliveryNotice,
    "finding": FindingNotice,
    "report": ReportNotice,
    "model": ModelNotice,
    "alert": AlertNotice,
    "access": EmergencyNotice,
    "workitem": WorkitemNotice,
    "destination": DestinationNotice,
    "node": NodeNotice,
}
_OF_TYPE: dict[str, type[Payload]] = {
    "series.complete": SeriesNotice,
    "delivery.failed": FailedDeliveryNotice,
    "job.progress": JobProgressNotice,
    "job.completed": JobCompletedNotice,
    "results.stored": ResultsNotice,
}


def notice_data(event_type: str) -> type[Payload]:
    """The model of the `data` of a type of notice."""
    return _OF_TYPE.get(event_type) or _OF_FAMILY[event_type.partition(".")[0]]
