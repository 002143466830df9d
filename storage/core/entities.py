"""Entities that every layer uses, frozen.

DICOM values are kept as they stand in the data set, decoded to text: dates
`20240131`, person names `A^B`, the empty string where absent.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from storage.core.job_result import JobResult

SeriesState = Literal["RECEIVING", "COMPLETE"]
Origin = Literal["received", "generated"]
# The states of a Unified Procedure Step (PS3.4 CC.1.1); a failure is CANCELED with its reason.
JobState = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]
JobEnding = Literal["", "failed", "cancelled", "superseded"]
"""How a job ended without a result that counts: superseded by one over newer content, cancelled
by a person, or failed."""
# For people and in the API, where the three are different things.
JobStatus = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "SUPERSEDED"]
DeliveryState = Literal["PENDING", "SENDING", "SENT", "HELD"]
# Of a study, derived from its series, decisions, jobs and deliveries.
StudyState = Literal[
    "RECEIVING", "COMPLETE", "QUEUED", "RUNNING", "RESULTS", "DELIVERED", "REFUSED", "FAILED"
]
UploadState = Literal["PRESIGNED", "RECEIVED", "ACCEPTED", "REFUSED", "ABORTED", "EXPIRED"]
EventTopic = Literal[
    "study", "job", "delivery", "finding", "upload", "workitem", "model", "report", "alert"
]
Verdict = Literal["ACCEPTED", "REJECTED", "EDITED"]
Direction = Literal["left", "right", "anterior", "posterior", "superior", "inferior"]
"""Of the patient: the six ways along the axes of LPS (PS3.3 C.7.6.2.1.1)."""


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


@dataclass(frozen=True)
class Location:
    """Where the part-10 bytes lie: a record in a volume, or an object of its own."""

    volume: str
    offset: int
    """Of the part-10 bytes within the volume, not of the record's header."""
    length: int
    object_key: str = ""


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
    """One of several series that a job takes, and what it was when the job was made."""

    role: str
    series_instance_uid: str
    fingerprint: str


@dataclass(frozen=True)
class Decision:
    """What the catalogue said of one series and one pipeline, and why."""

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
class Code:
    """A coded concept (PS3.3 Table 8.8-1)."""

    value: str
    scheme_designator: str
    meaning: str


@dataclass(frozen=True)
class SegmentRef:
    series_instance_uid: str
    sop_instance_uid: str
    segment_number: int
    color_rgb: tuple[int, int, int]
    type: Code | None = None
    """What the segment is; None where an older version of the node stored it."""
    laterality: Code | None = None
    """Left or right, where `type` stands for both."""


@dataclass(frozen=True)
class ImageRef:
    """The image that a finding is about, and where in it.

    `frame_number` counts from 1 and is None of a single-frame image. `points` are (column, row),
    0, 0 being the upper left corner of the upper left pixel (PS3.3 C.18.6.1.2): of a POLYLINE,
    the last as the first; none where the whole image is meant.
    """

    sop_instance_uid: str
    frame_number: int | None = None
    graphic_type: Literal["", "POINT", "POLYLINE"] = ""
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Validity:
    """Whether a measurement can stand for the structure.

    A truncated one states a part of the structure; an implausible one failed a check of what
    the model found. Neither enters a total, trend or comparison.
    """

    state: Literal["complete", "truncated", "implausible"]
    cut_off_at: tuple[Direction, ...] = ()
    """At which sides of the images the structure is cut off; empty where it is complete."""
    reason: str = ""
    """The same in a sentence, or what is not plausible; empty where it is complete."""
    caveats: tuple[str, ...] = ()
    """What a reader must know of a value that stands all the same, a sentence each."""


@dataclass(frozen=True)
class Prior:
    """The same quantity of the same structure at an earlier study of the patient.

    `value` has the unit of the finding that it is compared with. `report_*` name the SR that
    states it, and are empty where there is none any more.
    """

    finding_id: str
    study_instance_uid: str
    study_date: str
    pipeline_version: str
    value: float
    days: int
    change_percent: float
    change_percent_per_year: float | None
    """None where the studies lie too close together for a rate."""
    report_sop_class_uid: str = ""
    report_series_instance_uid: str = ""
    report_sop_instance_uid: str = ""


@dataclass(frozen=True)
class NormalRange:
    """Where a finding's value lies among those of a reference population.

    Decided when the finding is made. `missing` says why none is stated, where a source knows the
    measurement and yet nothing of it fits; all else is empty then.
    """

    unit: str = ""
    """UCUM code; that of the finding."""
    low: float | None = None
    """Values that the source calls normal, ends included; None: open to that side."""
    high: float | None = None
    source: str = ""
    of_whom: str = ""
    """The people whose values these are; empty: anybody."""
    median: float | None = None
    percentile: float | None = None
    """From 0 to 100; None where the source states limits alone, as for the two beside it."""
    z_score: float | None = None
    caveat: str = ""
    """Why a value outside is not called low or high; empty where it is."""
    missing: str = ""

    def place_of(self, value: float) -> Literal["below", "within", "above"] | None:
        """None where nothing is to be concluded from it."""
        if self.missing or self.caveat or (self.low, self.high) == (None, None):
            return None
        if self.low is not None and value < self.low:
            return "below"
        return "above" if self.high is not None and value > self.high else "within"


@dataclass(frozen=True)
class Finding:
    finding_id: str
    job_id: str
    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    label: str
    code: Code
    value: float | None
    unit: Code | None
    """A UCUM code."""
    confidence: float | None
    tracking_identifier: str
    tracking_uid: str
    segmentation: SegmentRef | None
    created_at: datetime
    prior: Prior | None = None
    validity: Validity | None = None
    """None of what has no extent (a classification, a count), and where an older version of
    the node stored it."""
    image: ImageRef | None = None
    """Of what was found in a single image rather than in a volume."""
    calibration: str = ""
    """How the confidence was calibrated, as the model's card states; empty where it does not."""
    normal_range: NormalRange | None = None
    """None where no source knows the measurement."""

    @property
    def is_truncated(self) -> bool:
        """Whether the value is that of a part of the structure."""
        return self.validity is not None and self.validity.state == "truncated"

    @property
    def is_implausible(self) -> bool:
        """Whether the value failed a check of what the model found."""
        return self.validity is not None and self.validity.state == "implausible"

    @property
    def is_sound(self) -> bool:
        """Whether the value stands for the structure, so that it may be compared."""
        return self.validity is None or self.validity.state == "complete"

    @property
    def caveats(self) -> tuple[str, ...]:
        return () if self.validity is None else self.validity.caveats


@dataclass(frozen=True)
class Feedback:
    """What a person says of a finding. It stands beside the finding and never changes it."""

    feedback_id: str
    finding_id: str
    study_instance_uid: str
    verdict: Verdict
    value: float | None
    """The value that the person holds to be right; of EDITED alone."""
    unit: Code | None
    label: str
    """The name that the person holds to be right; empty where it stays."""
    reason: str
    given_by: str
    given_at: datetime
    verifies: bool = False
    """Given by a person whose feedback verifies a report."""
    given_by_id: str = ""
    """The identity of `given_by`; empty of what older versions wrote."""

    @property
    def author_id(self) -> str:
        """What tells authors apart; the name alone where no more is known."""
        return self.given_by_id or self.given_by


@dataclass(frozen=True)
class Delivery:
    """One instance on its way to one destination.

    SENT: the peer answered success and could not be asked for more. HELD: the peer
    proved that it holds it. One that was sent and waits for proof is PENDING with `sent_at`.
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


@dataclass(frozen=True)
class Event:
    event_id: int
    at: datetime
    topic: EventTopic
    study_instance_uid: str
    job_id: str | None
    payload: dict[str, Any]


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
