"""Entities that every layer uses, frozen.

DICOM values are kept as they stand in the data set, decoded to text: dates
`20240131`, person names `A^B`, the empty string where absent.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

# Pipelines that are not ours import it from here.
from storage.core.findings import Code  # noqa: F401
from storage.core.job_result import JobResult
from storage.core.uids import FORMER_UIDS, UidScheme

SeriesState = Literal["RECEIVING", "COMPLETE"]
Origin = Literal["received", "generated"]
# The states of a Unified Procedure Step (PS3.4 CC.1.1); a failure is CANCELED with its reason.
JobState = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]
OPEN_STATES: tuple[JobState, ...] = ("SCHEDULED", "IN PROGRESS")
ENDED_STATES: tuple[JobState, ...] = ("COMPLETED", "CANCELED")
"""Of jobs and of workitems, before and after they end."""
JobEnding = Literal["", "failed", "cancelled", "superseded"]
"""How a job ended without a result that counts: superseded by one over newer content, cancelled
by a person, or failed."""
# For people and in the API, where the three are different things.
JobStatus = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "SUPERSEDED"]
DeliveryState = Literal[
    "AWAITING_RELEASE",
    "WITHHELD",
    "PENDING",
    "SENDING",
    "SENT",
    "CONFIRMED",
    "REFUSED",
    "CANCELLED",
]
DeliveryCause = Literal["RESULT", "RULE", "PERSON"]
"""A result that its destination gets; received instances that a rule or a person sends on."""
# Of a study, derived from its series, decisions, jobs and deliveries.
StudyState = Literal[
    "RECEIVING", "COMPLETE", "QUEUED", "RUNNING", "RESULTS", "DELIVERED", "REFUSED", "FAILED"
]
UploadState = Literal["PRESIGNED", "RECEIVED", "ACCEPTED", "REFUSED", "ABORTED", "EXPIRED"]
EventTopic = Literal[
    "study",
    "job",
    "delivery",
    "finding",
    "upload",
    "workitem",
    "model",
    "report",
    "alert",
    "access",
    "node",
]


@dataclass(frozen=True)
class Study:
    study_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    study_time: str
    accession_number: str
    study_description: str
    study_id: str
    referring_physician_name: str
    received_at: datetime
    updated_at: datetime
    series_count: int
    instance_count: int
    size_bytes: int
    modalities: tuple[str, ...]
    reader_id: str = ""
    """The identity of who reads it; empty: nobody does."""
    reader_name: str = ""
    reader_since: datetime | None = None
    accession_number_namespace: str = ""
    accession_number_system: str = ""


@dataclass(frozen=True)
class Series:
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    protocol_name: str
    frame_of_reference_uid: str
    manufacturer: str
    state: SeriesState
    origin: Origin
    fingerprint: str
    """Digest over the instances at completion: the same input gives the same value."""
    first_instance_at: datetime
    last_instance_at: datetime
    completed_at: datetime | None
    instance_count: int
    size_bytes: int
    roles: str | None = None
    """For a reader, with spaces between them; None where nobody looked yet."""


@dataclass(frozen=True)
class Location:
    """Where the part-10 bytes lie: a record in a volume, or an object of its own."""

    volume: str
    offset: int
    """Of the part-10 bytes within the volume, not of the record's header."""
    length: int
    object_key: str = ""


class StoreAssociation(NamedTuple):
    """By which association a peer sent something by C-STORE; all empty for other ways."""

    called_ae_title: str = ""
    """Under which AE title it called the node."""
    peer_address: str = ""
    """The IP address from which it called."""


NO_ASSOCIATION = StoreAssociation()


@dataclass(frozen=True)
class Instance:
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    rows: int | None
    columns: int | None
    number_of_frames: int | None
    size_bytes: int
    """Of the part 10 file."""
    digest: str
    """Of the data set, without the file meta."""
    source: str
    received_at: datetime
    location: Location
    patient_digest: str = ""
    """Of the study's patient, where that is not the one who stands in the bytes."""
    called_ae_title: str = ""
    peer_address: str = ""
    """As `StoreAssociation`."""

    @property
    def association(self) -> StoreAssociation:
        return StoreAssociation(self.called_ae_title, self.peer_address)


@dataclass(frozen=True)
class Job:
    job_id: str
    pipeline: str
    pipeline_version: str
    study_instance_uid: str
    series_instance_uid: str
    input_fingerprint: str
    input_object_key: str
    """Of an uploaded image that is not DICOM; empty for a series."""
    state: JobState
    stage: str
    progress: float
    """From 0 to 1."""
    reason: str
    priority: int
    attempts: int
    lease_owner: str
    lease_expires_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    result: JobResult = field(default_factory=JobResult)
    request_id: str = ""
    """Of the HTTP request or the association that led to it; empty where none is known."""
    queue: str = "jobs"
    """Which worker takes it: `jobs` or `language`."""
    ending: JobEnding = ""
    """Superseded also of a COMPLETED job, whose results are then withdrawn."""
    patient_key: str = ""
    """What stands for the patient, while a job is worked on; empty where no ID is known."""
    earlier_started_at: datetime | None = None
    earlier_finished_at: datetime | None = None
    """Of a completed run whose results stand until the one that was forced completes."""
    input_digest: str = ""
    """SHA-256 of the uploaded image as it arrived; empty where an earlier version took it."""
    uids: UidScheme = FORMER_UIDS
    """Of its results, while they are made (`storage.ingest.generated`)."""

    @property
    def has_results(self) -> bool:
        """Whether results count: of its run, or of an earlier one while it runs again."""
        return self.has_completed and not self.ending

    @property
    def has_completed(self) -> bool:
        """Whether a run ended with results, also where those are superseded."""
        return self.state == "COMPLETED" or self.earlier_finished_at is not None

    @property
    def revision(self) -> int:
        """How many runs over the same input gave other results before."""
        return self.result.get("revision", 0)

    @property
    def status(self) -> JobStatus:
        """The state for people; `state` is that of the UPS."""
        if self.ending == "superseded":
            return "SUPERSEDED"
        if self.state == "CANCELED":
            return "CANCELLED" if self.ending == "cancelled" else "FAILED"
        return self.state


@dataclass(frozen=True)
class JobInput:
    """One of several series or results that a job takes, and what it was when the job was made."""

    role: str
    series_instance_uid: str
    fingerprint: str
    study_instance_uid: str
    """The job's own, but of a prior."""
    upstream_job_id: str = ""
    """Of a result of another pipeline: the job that made it. The series is that of its
    Segmentation, and the fingerprint `storage.jobs.upstream.result_fingerprint`."""


@dataclass(frozen=True)
class Decision:
    """Whether a pipeline runs on a series, and why."""

    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    input_fingerprint: str
    accepted: bool
    reason: str
    job_id: str | None
    decided_at: datetime


@dataclass(frozen=True)
class Delivery:
    """One instance on its way to one destination.

    SENT: the peer answered success and could not be asked for more. CONFIRMED: the peer
    proved that it holds it. One that was sent and waits for proof is PENDING with `sent_at`.
    AWAITING_RELEASE: it leaves once a person has accepted it. WITHHELD: a person did not.
    REFUSED: the destination would refuse the same again; a person can have it tried.
    CANCELLED: the instance is not there to be sent, for the reason in `last_error`.
    """

    delivery_id: str
    destination: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    job_id: str | None
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    """When the peer answered success; None while it has to be sent (again)."""
    questions: int = 0
    """How often the peer, in reach, was asked in vain whether it holds the instance."""
    request_id: str = ""
    cause: DeliveryCause = "RESULT"
    rule: str = ""
    """The site's rule of routing that wanted it; empty where none did."""
    waits_until: datetime | None = None
    """When its rule's hours begin, which it waits for; None: it waits for no hours."""
    is_urgent: bool = False
    """It goes at once, whatever the hours of its rule."""
    note: str = ""
    """What was otherwise about the sending than its rule says; empty: nothing."""


@dataclass(frozen=True)
class Event:
    event_id: int
    at: datetime
    topic: EventTopic
    study_instance_uid: str
    job_id: str | None
    payload: dict[str, Any]
    """By topic as `storage.events.payloads` has it."""


@dataclass(frozen=True)
class Upload:
    upload_id: str
    object_key: str
    filename: str
    content_type: str
    size_bytes: int | None
    state: UploadState
    reason: str
    created_at: datetime
    expires_at: datetime
    multipart_id: str = ""
    """Of an upload in parts: the object store's own name for it."""
    part_size_bytes: int = 0
    files_done: int = 0
    """How many files were unpacked so far, of `files_total`."""
    files_total: int = 0
    created_by_id: str = ""
    """The identity of who began it; empty of what older versions took."""
