"""What the event of each topic carries, as those who write it and those who read it agree.

Events stay for weeks: where a version wrote another key or word, the reader says so.
"""

from typing import Any, NotRequired, TypedDict

from storage.core.entities import JobState, JobStatus


class StudyEvent(TypedDict):
    change: str
    """What was done.

    `series_complete`, `roles_known`, `decided`, `release_overdue`, `study_deleted`, …
    """
    series_instance_uid: NotRequired[str]
    """Of `series_complete` and `decided`."""
    pipeline: NotRequired[str]
    accepted: NotRequired[bool]
    """What the pipeline has `decided`."""
    series_instance_uids: NotRequired[list[str]]
    """Those that went with their last instance."""
    instances: NotRequired[int]
    """How many were deleted."""


class JobEvent(TypedDict):
    pipeline: str
    state: JobState
    """Of the UPS: COMPLETED or CANCELED at its end."""
    status: NotRequired[JobStatus]
    """Which tells failed, cancelled and superseded apart; absent in events of older versions."""
    stage: str
    progress: float
    reason: str


class DeliveryEvent(TypedDict):
    destination: str
    state: str


class FindingEvent(TypedDict):
    """Feedback on a finding, or how a lesion goes on in another study."""

    finding_id: NotRequired[str]
    kind: NotRequired[str]
    """Of the feedback."""
    verdict: NotRequired[str]
    """Deprecated: the kind in its former words."""
    lesion_id: NotRequired[str]
    relation: NotRequired[str]


class ReportEvent(TypedDict):
    report_id: str
    state: str
    version: int
    change: str
    needs_attention: bool
    is_superseded: bool
    by: NotRequired[str]
    """Who changed it, where a person did."""


class AlertEvent(TypedDict):
    alert_id: str
    finding_id: str
    rule: str
    state: str
    repeats: int
    change: str


class WorkitemEvent(TypedDict):
    workitem: str
    """Its SOP Instance UID."""
    event_type: int
    """PS3.4 Table CC.2.4-1."""
    attributes: dict[str, Any]
    """DICOM JSON."""
    receiver: NotRequired[str]
    """The AE title of the only one that it is for."""


class AccessEvent(TypedDict):
    change: str
    emergency_id: str


class NodeEvent(TypedDict, total=False):
    """A part of the node, or a destination, that stopped to work or works again."""

    change: str
    part: str
    destination: str


class ModelEvent(TypedDict, total=False):
    """Another state of a version, or `change` drift of what a pipeline sees on a scanner."""

    model: str
    version: str
    state: str
    change: str
    pipeline: str
    pipeline_version: str
    scanner: str
    measure: str
    stability_index: float
