"""What a completed job says of itself: the JSON of `Job.result`, key by key."""

from typing import NotRequired, TypedDict


class ResultInstance(TypedDict):
    """One object that the job made and stored."""

    kind: str
    """One of `storage.core.results.result_kinds`."""
    sop_class_uid: str
    series_instance_uid: str
    sop_instance_uid: str


class InputRegistration(TypedDict):
    """How an input was moved onto the reference, and what that is worth: as in
    `inference.imaging.registration.input_registration.Registration`."""

    reference_from_input: list[list[float]]
    """4x4, mm, LPS."""
    turned_deg: list[float]
    shifted_mm: list[float]
    centre_mm: list[float]
    largest_shift_mm: float
    residual_mm: float
    mutual_information: float
    overlap: float


class PriorTaken(TypedDict):
    """The earlier study that an input was taken from."""

    study_instance_uid: str
    study_date: str
    """DA."""
    days_before: int


class ResultTaken(TypedDict):
    """What another pipeline found, which an input is."""

    job_id: str
    pipeline: str
    pipeline_version: str
    series_instance_uid: str
    """Of the series that it was found in."""
    segments: list[str]
    """The labels of those that were taken; of findings, theirs."""
    result_from_reference: NotRequired[list[list[float]]]
    """4x4: from an index (slice, row, column) on the reference's grid to one on the result's, by
    which it was resampled; absent where the two have one grid."""


class JobInput(TypedDict):
    """One series or result of a job that takes several, by its role."""

    role: str
    series_instance_uid: str
    """Of a result that of its Segmentation."""
    result: NotRequired[ResultTaken]
    prior: NotRequired[PriorTaken]
    registration: NotRequired[InputRegistration]
    refused: NotRequired[str]
    """Why the model was not given it; empty or absent where it was."""


class NotedObserver(TypedDict):
    """Who accepted or changed a segment: a person, or a program by the name of its key."""

    name: str
    id: str
    is_person: bool


class MaskEdited(TypedDict):
    """Of a job that stands for a person's edit of a mask, or for one that was made by clicks."""

    by: str
    """The person's name."""
    segment_numbers: list[int]
    """Those that were changed."""
    observers: NotRequired[list[NotedObserver | None]]
    """Of each segment; None: the model alone. Earlier versions did not note them."""
    reason: str
    source_fingerprint: str
    """Of the series that the mask is of."""
    predecessor_sop_instance_uid: str


class BegunRevision(TypedDict):
    """A job that is to stand for results that differ from those that are stored under the UIDs of
    the job at hand. Until that is so it has no row, and what it stores counts for nothing."""

    job_id: str
    revision: int
    created_at: str
    """ISO 8601."""


class JobResult(TypedDict, total=False):
    """Empty until the job is completed, but for `begun_revisions`. Jobs of language models
    have `timings_s` alone."""

    instances: list[ResultInstance]
    inputs: list[JobInput]
    findings: int
    """How many."""
    laterality: str
    """Which side of the body the images state: L, R or B; empty where it is not known, absent
    where an older version made it."""
    slice_thickness_mm: float
    """The largest that the images of a volume state."""
    heat_maps: dict[str, str]
    """By SOP Instance UID of a picture or map that was made: the image whose heat map it shows.
    Absent where there is none."""
    label_picture: bool
    """Whether a picture of the segments was stored beside an image that is not DICOM."""
    notes: list[str]
    """What a reader of the result should know, in sentences."""
    timings_s: dict[str, float]
    """By stage."""
    peak_memory_bytes: int
    edited: MaskEdited
    revision: int
    """Counts up with each run over the same input that gave other results; absent of the first. The
    UIDs of the results derive from it."""
    begun_revisions: list[BegunRevision]
    """While the job is worked on."""
