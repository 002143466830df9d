"""What the API answers. Made by scripts/generate.py; change that, or the node's own description."""

from typing import Any, Literal, NotRequired, TypedDict


class AnalyzeStarted(TypedDict):
    jobs: list["Job"]
    decisions: list["Decision"]
    study_instance_uids: list[str]
    instances: "IntakeCounts"
    job_id: str | None
    """The one job to follow, when exactly one runs; see `jobs` otherwise."""


class AnswerReason(TypedDict):
    kind: str
    """`number`, `side`, `negation` … as the guard calls it; `unfinished`, `repeated`,
    `instruction`, `unbound`."""
    text: str


class Axis(TypedDict):
    label: str
    code: "Code"
    unit: "Code"
    """A UCUM code."""


class Caveat(TypedDict):
    kind: Literal[
        "outside_population",
        "part_of_series",
        "tube_voltages",
        "registered_with_residual",
        "not_compared",
        "other_breath",
        "other_slices",
        "other_side",
        "not_found_now",
        "no_left_lung",
        "no_right_lung",
        "side_not_certain",
        "hounsfield_scale",
        "free_air",
        "streaks",
        "lossy_compression",
        "ages_contradict",
        "born_after_study",
        "other",
    ]
    limits: list[
        Literal[
            "age",
            "sex",
            "field strength",
            "manufacturer",
            "sequence",
            "slice thickness",
            "tube voltage",
            "contrast agent",
        ]
    ]
    """What of the population the model was made for does not hold; empty of others."""
    text: str
    """In English, with all details."""


class Change(TypedDict):
    """Something that happened: what to read again, and where it stands since."""

    event_id: int
    """Rises with each change; changes without one are nobody's."""
    type: Literal[
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
    at: str
    study_instance_uid: str
    """Empty where it is about no study."""
    job_id: NotRequired[str | None]
    state: NotRequired[str]
    """Of a job, delivery, report, upload, alert or model."""
    change: NotRequired[str]
    """Of a study, report or alert: what was done."""
    data: dict[str, Any]
    """As in the stream of events: identifiers such as `series_instance_uid`, `report_id`,
    `finding_id` or `destination`, and words. Nobody's name."""


class ChangePage(TypedDict):
    """Changes in their order, the oldest first."""

    items: list["Change"]
    next_after: int
    """Ask with `after` of this for what follows."""
    has_more: bool
    """More changes are there already."""


class Code(TypedDict):
    """A coded concept (PS3.3 Table 8.8-1)."""

    value: str
    scheme_designator: str
    meaning: str


class Completed(TypedDict):
    """What an integrator completed, and what the pipelines decided."""

    series: list["SeriesSummary"]
    """Those that were still receiving."""
    decisions: list["Decision"]


class CriticalConcept(TypedDict):
    concept: str
    category: Literal["immediate", "urgent", "soon"]
    names: dict[str, str]
    """For people, by language."""


class Curve(TypedDict):
    """Values over a numeric axis, such as the enhancement over time."""

    x: "Axis"
    y: "Axis"
    points: list[list[float]]
    """x and y each, by ascending x."""


class DamagedInstance(TypedDict):
    """An instance whose stored bytes are not those that arrived."""

    sop_instance_uid: str
    kind: str
    """`damaged`, `missing`; `header_damaged`, `object_damaged` and `object_missing` where
    another copy is right."""
    has_copy: bool
    """Another copy is right, and it is about to be repaired."""
    noticed_at: str


class Decision(TypedDict):
    """Whether a pipeline takes a series, and why."""

    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    accepted: bool
    reason: str
    reason_parts: NotRequired[list["ReasonPart"]]
    """The sentences of the reason as codes with parameters, to be written in another
    language; empty where a part of it has no code."""
    job_id: str | None
    decided_at: str


class Delivery(TypedDict):
    """One result on its way to one destination. CONFIRMED: the destination proved it has it.
    AWAITING_RELEASE: it leaves once a person has accepted it. WITHHELD: a person did not.
    REFUSED: the destination would refuse the same again; POST /api/deliveries/retry has it
    tried. CANCELLED: the instance was rejected, as `last_error` says."""

    delivery_id: str
    destination: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    state: Literal[
        "awaiting_release",
        "withheld",
        "pending",
        "sending",
        "sent",
        "confirmed",
        "refused",
        "cancelled",
    ]
    attempts: int
    next_attempt_at: str
    last_error: str
    job_id: str | None
    cause: Literal["RESULT", "RULE", "PERSON"]
    """A result that the destination gets; received instances that a rule of routing or a
    person sends on."""
    rule: str
    """The rule of routing that wanted it; empty where none did."""
    sent_at: str | None
    """When the destination answered success."""
    waits_until: str | None
    """When the hours of its rule begin, for which it waits."""
    note: str
    """By which rule it waits, or what was otherwise about the sending than the rule says."""
    created_at: str
    updated_at: str


class DeliveryProgress(TypedDict):
    """The results on their way to all destinations together."""

    total: int
    confirmed: int
    """The destination confirmed that it stores them."""
    failing: int
    """Tried, not taken, and to be tried again."""
    awaiting_release: int
    """They leave once a person has accepted them."""
    destinations: list[str]


class EndPart(TypedDict):
    """One sentence of why a job ended: its code, and what it says, by name."""

    code: Literal[
        "no_instances",
        "modality",
        "modality_missing",
        "modalities",
        "modalities_missing",
        "other_objects",
        "image_type",
        "named_localizer",
        "photometric",
        "not_3d",
        "echo_time",
        "repetition_time",
        "contrast",
        "named_contrast",
        "not_t1",
        "not_head",
        "named_body_part",
        "few_slices",
        "no_frame_of_reference",
        "large_voxels",
        "head_extent",
        "rescale_type",
        "not_chest",
        "nothing_says_chest",
        "tube_voltages",
        "not_axial",
        "slice_distance",
        "short_series",
        "narrow_field",
        "no_image",
        "not_grey",
        "several_frames",
        "many_films",
        "on_request",
        "imported",
        "pictures_only",
        "few_frames",
        "several_sizes",
        "several_orientations",
        "same_position",
        "gap",
        "gap_once_more",
        "gaps",
        "tilt",
        "ask_for_resend",
        "send_whole_series",
        "send_sizes_apart",
        "send_orientations_apart",
        "send_sets_apart",
        "ask_without_tilt",
        "tried",
        "worker_stopped",
        "worker_died",
        "worker_died_while",
        "out_of_memory",
        "memory_limit",
        "memory_limit_again",
        "raise_memory_limit",
        "deadline_passed",
        "more_time_or_faster",
        "ended_at_deadline",
        "more_time_by_rule",
        "more_time_for_answers",
        "answer_too_slow",
        "ask_less",
        "disk_full",
        "input_output",
        "unexpected_error",
        "cancelled",
        "cancelled_because",
        "series_changed",
        "prior_not_there",
        "nothing_found",
        "nothing_shown",
        "check_series",
        "check_images",
        "volume_blank",
        "no_brain",
        "check_t1_head",
        "no_lungs",
        "no_lung_beside_airways",
        "lungs_too_large",
        "send_whole_chest",
        "model_failed",
        "container_timeout",
        "raise_container_timeout",
    ]
    parameters: dict[str, str]


class Feedback(TypedDict):
    """Feedback of a person on a finding; the finding itself stays as it was stated."""

    feedback_id: str
    finding_id: str
    kind: Literal["ACCEPTED", "REJECTED", "CORRECTED"]
    value: float | None
    """The right value, where the kind is CORRECTED."""
    unit: "Code | None"
    label: str
    """The right name; empty where it stays."""
    reason: str
    given_by: str
    given_at: str


class Finding(TypedDict):
    """One coded statement of a pipeline, with its evidence."""

    finding_id: str
    job_id: str
    pipeline: str
    pipeline_version: str
    label: str
    code: "Code"
    value: float | None
    unit: "Code | None"
    """A UCUM code."""
    confidence: float | None
    """From 0 to 1, where the pipeline states one; null where it does not."""
    tracking_identifier: str
    tracking_uid: str
    source_series_instance_uid: str
    """The series that was measured."""
    segmentation: "SegmentRef | None"
    image: NotRequired["ImageRef | None"]
    """Of what was found in a single image; null of a volume."""
    calibration: NotRequired[str]
    """How the confidence was calibrated, as the model's card states; empty where nobody says,
    so that it need not be a probability in the strict sense."""
    verification: NotRequired[Literal["UNVERIFIED"]]
    """Of the statement itself (PS3.3 Table C.17-2): a machine made it. What people say of it
    stands in `feedback`."""
    created_at: str
    model_url: NotRequired[str]
    """The card of the model behind it."""
    normal_range: NotRequired["NormalRange | None"]
    """By the site's reference values, or by the model's card."""
    normal_range_missing: NotRequired[str]
    """Why none is stated, where there are reference values for this measurement."""
    validity: NotRequired["Validity | None"]
    """Null of what has no extent, such as a classification, and in results of older versions
    of the node."""
    value_interval: NotRequired["Interval | None"]
    """Of the value as it was stated; null where the model states none."""
    curve: NotRequired["Curve | None"]
    """What the value was read from, where that is a curve."""
    heat_map: NotRequired["HeatMap | None"]
    """Of a classification of an image: which parts of it counted, where the model's card asks
    for that."""
    prior: NotRequired["Prior | None"]
    """Of volumes: what the patient's study before measured."""
    is_withdrawn: NotRequired[bool]
    """Whether the series has changed since, or a further run gave other results, so that it
    counts no more."""
    is_left_out: NotRequired[bool]
    """Whether it is a total or share that holds a value which a person rejected or corrected,
    so that reports and comparisons leave it out."""
    feedback: NotRequired[list["Feedback"]]
    """All feedback, oldest first; the last counts."""


class GateThreshold(TypedDict):
    """What an evaluation must reach before a version may become active."""

    metric: str
    at_least: float | None
    at_most: float | None


class HeatMap(TypedDict):
    """How much each part of an image counted for a probability; not where a disease is."""

    method: Literal["occlusion", "model"]
    """`occlusion`: how far the probability falls where a part is made black, negative where
    it rises; `model`: what the model gives by itself."""
    meaning: str
    """Of what the model gives, in the words of its card."""
    frame_number: int | None
    """From 1; null of a single-frame image."""
    values: list[list[float]]
    """Rows of parts."""
    row_edges: list[float]
    """Where the rows of parts begin and end, in pixels of what the model was shown."""
    column_edges: list[float]
    image_from_grid: list[float]
    """a, b, c, d, e and f of column = a x + c y + e and row = b x + d y + f, from there to
    the image that was sent, where 0, 0 is the upper left corner of the upper left pixel."""


class ImageRef(TypedDict):
    """The single image that a finding is about, and where in it."""

    sop_instance_uid: str
    frame_number: int | None
    """From 1; null of a single-frame image, and where all frames are meant."""
    graphic_type: Literal["", "POINT", "POLYLINE"]
    """Empty where the whole image is meant."""
    points: list[list[float]]
    """Column and row each, with fractions; 0, 0 is the upper left corner of the upper left
    pixel. Of a POLYLINE that is closed the last point is as the first."""


class InputRegistration(TypedDict):
    """How an input was moved onto the reference by a rigid registration, and what it is
    worth."""

    reference_from_input: list[list[float]]
    """4x4, from a place of the input to one of the reference, in mm, LPS."""
    turned_deg: list[float]
    """About the patient's x, then y, then z axis."""
    shifted_mm: list[float]
    """Along x, y and z, of what comes to lie at `centre_mm`."""
    centre_mm: list[float]
    """The middle of the reference."""
    largest_shift_mm: float
    """Of any place of the body that both series show."""
    residual_mm: float
    """How far a place is led from itself, at most, by registering to the reference and back.
    What two searches disagree about, and no upper limit of the error."""
    mutual_information: float
    """Normalised: from 1 for nothing in common to 2."""
    overlap: float
    """Of the smaller field of view, from 0 to 1."""


class IntakeCounts(TypedDict):
    """What became of the files; `duplicate` was stored before with the same bytes."""

    stored: int
    duplicate: int
    conflict: int
    refused: list["RefusedFile"]
    refused_count: int
    """`refused` lists the first 200 of them."""


class Interval(TypedDict):
    """Between which values the true one lies, by the model's word, in the unit of the
    value."""

    low: float
    high: float
    level: float
    """How often it does, from 0 to 1."""


class Job(TypedDict):
    """One run of one pipeline on one input."""

    job_id: str
    pipeline: str
    pipeline_version: str
    study_instance_uid: str
    """Empty for an image that is not DICOM."""
    series_instance_uid: str
    """Empty for an image that is not DICOM."""
    state: Literal["scheduled", "in_progress", "completed", "failed", "cancelled", "superseded"]
    """`failed`, `cancelled` (by a person) and `superseded` (the series has changed since, or
    a further run gave other results, and what was made is withdrawn) are three different
    things. As a workitem (UPS) all unfinished ones are CANCELED, with their reason."""
    stage: str
    """The step that runs or ran last."""
    stage_text: str
    progress: float
    reason: str
    """Why the job failed, was cancelled or superseded; of a completed one why a further run,
    which was forced, ended without results. Empty otherwise."""
    reason_parts: NotRequired[list["EndPart"]]
    """The sentences of the reason as codes with parameters, to be written in another
    language; empty where a part of it has no code."""
    attempts: int
    priority: int
    priority_name: Literal["LOW", "ROUTINE", "HIGH", "STAT"]
    """The highest of these whose number (-50, 0, 50, 100) the priority reaches."""
    created_at: str
    started_at: str | None
    finished_at: str | None
    updated_at: str
    results: list["ResultInstance"]
    inputs: NotRequired[list["JobInput"]]
    """Of a job over several series: each in its role, once it is completed.
    `series_instance_uid` is the one on whose grid the results lie."""
    notes: NotRequired[list[str]]
    """What happened on the way that a reader should know, such as too little memory on the
    GPU."""
    model_url: NotRequired[str]
    """The card of the model behind it."""
    has_label_picture: NotRequired[bool]
    """Whether GET /api/jobs/{job_id}/label-picture gives one."""
    patient_name: NotRequired[str]
    """Of its study; in the list of jobs alone."""
    patient_id: NotRequired[str]
    """Of its study; in the list of jobs alone."""
    edited_by: NotRequired[str]
    """Who changed the mask of an earlier job, or had it made by clicks; empty for what a
    pipeline made."""
    findings: NotRequired[list["Finding"]]
    """Filled once the job is completed."""


class JobInput(TypedDict):
    role: str
    series_instance_uid: str
    """Of a result of another pipeline that of its Segmentation."""
    result: NotRequired["ResultTaken | None"]
    """Of an input that another pipeline found."""
    prior: NotRequired["PriorTaken | None"]
    """Of an input that was taken from an earlier study of the patient."""
    registration: NotRequired["InputRegistration | None"]
    """Where the model's card asks for it."""
    refused: NotRequired[str]
    """Why the model was not given it, where its registration was no good."""


class MissingCritical(TypedDict):
    """A critical finding of the source that is not stated."""

    text: str
    """It in a sentence, in the language of the site's reports."""
    category: Literal["immediate", "urgent", "soon"]
    """To be reported within minutes, hours or days (the categories of the ACR)."""
    certainty: Literal["present", "uncertain"]
    """`uncertain`: the source itself does not exclude or only suspects it."""
    sentence: str
    """The sentence of the source, or the text of the alert."""
    source_id: str
    """The report, the page or the alert."""
    concepts: list["CriticalConcept"]
    """Empty for an alert."""
    finding_ids: list[str]
    """Of an alert."""


class Model(TypedDict):
    """A version of a model: its card, its state, and whether it could run here now."""

    name: str
    version: str
    state: Literal["added", "verified", "active", "shadow", "retired"]
    """Only what is `active` makes results. `added` is not proven yet, `shadow` runs and is
    neither shown nor sent, `retired` runs no more."""
    licence: str
    source: str
    revision: str
    """Of the source; empty where it has none."""
    sha256: str
    """Over all its files; empty where it has none."""
    algorithm_family: "Code"
    """Of PS3.16 CID 7162, as its results state it. Not every pipeline is artificial
    intelligence."""
    intended_use: str
    training_data: str
    """As its authors publish it."""
    input_description: str
    output_codes: list["Code"]
    """What it finds, as far as that is known beforehand."""
    files: list["ModelFile"]
    """Its weights; a file of another digest is not loaded."""
    gate: list["GateThreshold"]
    evaluation: "ModelEvaluation | None"
    """null: none yet."""
    normal_ranges: list["ModelRange"]
    population: "ModelPopulation"
    fixed_grid: NotRequired["ModelFixedGrid | None"]
    """Null: how far a volume may be off goes by the voxels of the series alone."""
    pipelines: list[str]
    """Who uses it."""
    is_added: bool
    """Somebody added it here, so that its card can be read and changed."""
    ready: bool
    """Whether it is active and could run now."""
    detail: str
    """Why it is not ready; empty when it is."""
    verified_at: str | None
    """Of its last self-test; null: none yet."""
    changed_at: str | None
    changed_by: str
    """Who put it into its state; empty: the release."""


class ModelChange(TypedDict):
    version: str
    from_state: str
    to_state: Literal["added", "verified", "active", "shadow", "retired"]
    detail: str
    changed_at: str
    changed_by: str


class ModelDetail(TypedDict):
    """All versions of one model, the active one first, and what became of them, newest
    first."""

    name: str
    versions: list["Model"]
    history: list["ModelChange"]


class ModelEvaluation(TypedDict):
    """What the last `mediview evaluate` of these very files measured."""

    evaluated_at: str | None
    metrics: dict[str, float]
    segments: dict[str, dict[str, float]]
    """The same by segment."""
    labels: dict[str, dict[str, float]]
    """Of a classification the same by label, with the ends of 95% intervals."""


class ModelFile(TypedDict):
    name: str
    sha256: str


class ModelFixedGrid(TypedDict):
    """A grid on which the model sees every series alike, so that changes of volume between
    two of its own measurements are stated from smaller ones on."""

    edge_mm: float
    """Of its voxels."""
    reason: str
    """Why that is so of this model."""


class ModelPopulation(TypedDict):
    """For whom and for which images the model was made; null and empty do not restrict."""

    age_years: list[float] | None
    sex: list[str]
    field_strength_t: list[float] | None
    manufacturers: list[str]
    sequences: list[str]
    contrast_agent: bool | None
    slice_thickness_mm: list[float] | None
    kvp: list[float] | None
    pathology: str
    source: str
    on_outside: Literal["caveat", "refuse"]
    """What becomes of a study outside: its results carry a caveat, or it is refused."""


class ModelRange(TypedDict):
    low: float | None
    high: float | None
    unit: str
    source: str
    """Who says so."""
    label: str
    """Of the measurement."""
    sex: str
    """Of whom; empty: of anybody."""
    age_years: list[float] | None
    """An upper end in whole years holds until the next birthday."""
    caveat: NotRequired[str]


class NormalRange(TypedDict):
    """Where the value lies among those of a reference population, decided when it was
    measured."""

    low: float | None
    high: float | None
    unit: str
    source: str
    """Who says so."""
    of_whom: str
    """The people whose values these are; empty: anybody."""
    median: float | None
    percentile: float | None
    """From 0 to 100, of the value as it was measured. Null where the source states limits
    alone, as `z_score`."""
    z_score: float | None
    place: Literal["below", "within", "above"] | None
    """Of the value; null where nothing is to be concluded from it (`caveat`)."""
    caveat: str
    """Why a value outside is not called low or high."""


class OtherPatientInstance(TypedDict):
    """An instance of the study that names another patient than the study, or may."""

    sop_instance_uid: str
    series_instance_uid: str


class PartUrl(TypedDict):
    """Where to PUT the bytes of one part: exactly `size_bytes` of them, from
    `offset_bytes`."""

    part_number: int
    method: NotRequired[Literal["PUT"]]
    url: str
    offset_bytes: int
    size_bytes: int
    expires_at: str


class PatientNotice(TypedDict):
    """What people have to know of a study's patient before they rely on the name."""

    code: Literal["different_patient_names"]
    """`different_patient_names`: studies of this patient state different names."""
    text: str
    """In a sentence, for people."""


class Pipeline(TypedDict):
    name: str
    version: str
    title: str
    description: str
    accepts: str
    """What it takes, in a sentence."""
    input_kind: Literal["volume", "image", "dicom-image"]
    """A volume of one series; an uploaded PNG or JPEG; the DICOM images of one series, each
    by itself."""
    model: "PipelineModel | None"
    model_url: str
    ready: bool
    """Whether it could run now."""
    detail: str
    """Why it is not ready; empty when it is."""


class PipelineModel(TypedDict):
    """The model behind a pipeline; values are empty where it has none."""

    name: str
    version: str
    licence: str
    sha256: str
    intended_use: str


class Prior(TypedDict):
    """The same quantity of the same structure at the patient's study before."""

    finding_id: str
    study_instance_uid: str
    study_date: str | None
    study_time: NotRequired[str | None]
    """HH:MM:SS where both studies are of one day; else null."""
    pipeline_version: str
    """Of the prior; another version may measure apart."""
    value: float
    """As a person corrected it, where one did."""
    days: int
    """From the prior's study date to this one."""
    change_percent: float
    """Of the earlier value. Not to be stated as a change where `within_variation`."""
    change_percent_per_year: float | None
    """Null where the studies lie less than 30 days apart, within the variation, and where it
    would be below -100: nothing can lose more than all of it."""
    within_variation: bool
    """Whether the two values lie no further apart than two measurements of the same may: no
    change is stated then, in the report draft, the SR and the PDF neither."""
    variation_percent: float
    """The limit of that, in percent of the earlier value: 3 at least, and more of what is
    small or was measured on coarse voxels."""
    relation: Literal["", "merged", "split"]
    """Of a lesion that merged from several, or is a part of one that has split: `value` and
    the change are then of all parts together. Empty of all else; of lesions that were
    regrouped otherwise there is no prior."""
    parts_before: int
    """Lesions of the earlier study that `value` is of."""
    parts_now: int
    """Lesions of this study that the change is of."""
    value_now: float | None
    """Of a split: of all parts now together; else null, for the finding's value."""


class PriorTaken(TypedDict):
    study_instance_uid: str
    study_date: str | None
    days_before: int
    """Before the study of the job."""


class ReasonPart(TypedDict):
    """One sentence of a reason: its code, and what it says, by name."""

    code: Literal[
        "no_instances",
        "modality",
        "modality_missing",
        "modalities",
        "modalities_missing",
        "other_objects",
        "image_type",
        "named_localizer",
        "photometric",
        "not_3d",
        "echo_time",
        "repetition_time",
        "contrast",
        "named_contrast",
        "not_t1",
        "not_head",
        "named_body_part",
        "few_slices",
        "no_frame_of_reference",
        "large_voxels",
        "head_extent",
        "rescale_type",
        "not_chest",
        "nothing_says_chest",
        "tube_voltages",
        "not_axial",
        "slice_distance",
        "short_series",
        "narrow_field",
        "no_image",
        "not_grey",
        "several_frames",
        "many_films",
        "on_request",
        "imported",
        "pictures_only",
        "few_frames",
        "several_sizes",
        "several_orientations",
        "same_position",
        "gap",
        "gap_once_more",
        "gaps",
        "tilt",
        "ask_for_resend",
        "send_whole_series",
        "send_sizes_apart",
        "send_orientations_apart",
        "send_sets_apart",
        "ask_without_tilt",
    ]
    parameters: dict[str, str]


class ReceivedPart(TypedDict):
    part_number: int
    """Counts from 1."""
    size_bytes: int
    etag: str


class Refusal(TypedDict):
    """A pipeline that took no series of the study."""

    pipeline: str
    reason: str
    """Of the series that it was nearest to taking."""
    reason_parts: NotRequired[list["ReasonPart"]]
    """The sentences of the reason as codes with parameters, to be written in another
    language; empty where a part of it has no code."""
    series_instance_uid: NotRequired[str]
    """Of that series."""
    series_number: NotRequired[int | None]


class RefusedFile(TypedDict):
    name: str
    """The file's name as the sender gave it."""
    reason: str


class Report(TypedDict):
    """The report of a study as it stands; each sentence names what supports it."""

    report_id: str
    study_instance_uid: str
    job_id: str
    """Of an image that is not DICOM; empty for the report of a study."""
    state: Literal["draft", "preliminary", "final", "amended"]
    version: int
    """What If-Match names; each change makes the next."""
    language: str
    title: str
    sections: list["ReportSection"]
    next_states: list[Literal["draft", "preliminary", "final", "amended"]]
    """Where it can go from here."""
    changed_by: str
    """Who made this version; empty: the node."""
    signed_by: str
    signed_name: str
    """The person, as DICOM writes names; empty where the account has none."""
    signed_at: str | None
    attention: "ReportAttention | None"
    superseded_at: str | None
    """When results that the text rests on were withdrawn, because their images changed: the
    text stays and is not current until an amendment rests on none of them. null: none
    were."""
    words: "ReportWords | None"
    """What a model made of the draft; null where none was asked."""
    missing: list["MissingCritical"] | None
    """Critical findings that the Findings name and the Impression does not, and open alerts
    that no sentence rests on, the most urgent first. They keep nobody from signing. null in
    lists."""
    created_at: str
    updated_at: str


class ReportAttention(TypedDict):
    """Why a person should look at a report again, and what the draft would be now."""

    reason: str
    since: str
    proposal: list["ReportSection"]


class ReportSection(TypedDict):
    heading: str
    kind: Literal["indication", "technique", "comparison", "findings", "impression", "note"]
    sentences: list["ReportSentence"]


class ReportSentence(TypedDict):
    """One sentence and what supports it."""

    text: str
    finding_ids: list[str]
    """The findings that support the sentence."""
    prior_finding_ids: list[str]
    """Findings of an earlier study of the patient that it compares with."""
    series_instance_uids: list[str]
    """Series whose headers say it."""
    basis: Literal["findings", "headers", "request", "node", "person"]
    """What vouches for it: `findings`, `headers` of the images, the `request`, what the
    `node` did, or a `person` where no finding supports it."""
    origin: Literal["template", "model", "person"]
    """Who worded it."""
    author: str
    """The person or the model; empty for the template."""


class ReportWords(TypedDict):
    """What a model made of the draft. Its sentences that the findings support stand in
    `sections` with the origin `model`."""

    state: Literal["pending", "done", "failed"]
    """`failed`: the template's draft stands alone."""
    model: str
    revision: str
    """The commit; `local` of a local model."""
    withheld: list["WithheldSentence"]
    """What it wrote and the findings do not support, with the reasons."""
    notes: list[str]
    """Such as that its text was cut, or why it failed."""
    tokens: int
    """How many it wrote."""
    seconds: float
    job_id: str
    """Empty where the model could not even be asked."""
    answer_url: str
    events_url: str
    """Its sentences as they pass, while the state is `pending`."""


class ResultInstance(TypedDict):
    """A DICOM instance that a job made."""

    kind: str
    sop_class_uid: str
    series_instance_uid: str
    sop_instance_uid: str


class ResultTaken(TypedDict):
    job_id: str
    pipeline: str
    pipeline_version: str
    series_instance_uid: str
    """Of the series that it was found in."""
    segments: list[str]
    """Labels of the segments that were taken; where its findings were, theirs."""
    result_from_reference: NotRequired[list[list[float]] | None]
    """4x4, from an index (slice, row, column) on the reference's grid to one on the result's,
    by which it was resampled; null where both have one grid."""


class Route(TypedDict):
    """Received instances of a study that go on to one destination."""

    destination: str
    cause: Literal["RESULT", "RULE", "PERSON"]
    """`RULE` or `PERSON`: what sends them on."""
    rule: str
    """The rule's name; empty where a person sent them."""
    total: int
    confirmed: int
    """The destination confirmed that it stores them."""
    sent: int
    """Answered with success, and never proven."""
    failing: int
    """Tried, not taken, and to be tried again."""
    last_error: str
    waiting: int
    """How many wait for the hours of the rule."""
    waits_until: str | None
    """When the first of these goes."""
    note: str
    """Why they wait, or what was otherwise about the sending than the rule says."""


class SegmentRef(TypedDict):
    """The segment that a finding was measured on."""

    series_instance_uid: str
    sop_instance_uid: str
    segment_number: int
    color_rgb: list[int]
    type: NotRequired["Code | None"]
    """What the segment is; null in results of older versions of the node."""
    laterality: NotRequired["Code | None"]
    """Left or right, where `type` stands for both sides."""


class SeriesSummary(TypedDict):
    series_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    protocol_name: str
    manufacturer: str
    frame_of_reference_uid: str
    instance_count: int
    size_bytes: int
    state: Literal["receiving", "complete"]
    origin: Literal["received", "generated"]
    """`generated`: a result of this node."""
    received_at: str
    """When the first instance arrived."""
    last_instance_at: str
    completed_at: str | None
    roles: list[
        Literal[
            "T1",
            "T1_CONTRAST",
            "T2",
            "FLAIR",
            "PD",
            "DWI",
            "ADC",
            "SWI",
            "PET_CORRECTED",
            "PET_UNCORRECTED",
            "CT_OF_PET",
            "CT_NATIVE",
            "CT_CONTRAST",
            "CT_ARTERIAL",
            "CT_PORTAL_VENOUS",
            "CT_DELAYED",
            "PA",
            "AP",
            "LATERAL",
            "R_CC",
            "L_CC",
            "R_MLO",
            "L_MLO",
        ]
    ]
    """What it is for a reader, as pipelines recognise it by its headers: the contrast of an
    MR, a corrected PET, the CT of a PET/CT, the phase of a contrast agent, the views of
    radiographs and mammograms. Known some seconds after it is complete; empty where nothing
    tells it."""


class StudyDetail(TypedDict):
    study_instance_uid: str
    patient_name: str
    """A person name as in DICOM: as the study itself states it, or a correction."""
    patient_id: str
    patient_birth_date: str | None
    patient_sex: str
    study_date: str | None
    study_time: str | None
    """HH:MM:SS in the modality's time zone."""
    accession_number: str
    study_description: str
    modalities: list[str]
    series_count: int
    instance_count: int
    size_bytes: int
    received_at: str
    updated_at: str
    state: Literal[
        "receiving", "complete", "queued", "running", "results", "delivered", "refused", "failed"
    ]
    state_text: str
    """The state in a sentence, for people."""
    jobs: list["Job"]
    """Without their findings; newest first."""
    findings_count: int
    open_alerts: int
    """Critical findings that nobody has acknowledged yet."""
    report: "StudyReport | None"
    """Where its report stands; null without one."""
    reader: "StudyReader | None"
    """Who reads it; null: nobody does."""
    urgency: Literal["reported", "unreported", "unread", "high", "stat", "critical"]
    """`critical`: a critical finding that nobody has acknowledged; `stat` and `high`: so
    ordered, and not signed yet; `unread`: results that nobody has looked at; `unreported`:
    without a signed report; else `reported`."""
    refusals: list["Refusal"]
    """Pipelines that took no series of it."""
    delivery: "DeliveryProgress"
    damaged_instances_count: int
    """Stored instances that are damaged or lost, without another copy so far."""
    patient_notices: list["PatientNotice"]
    """Of the studies that the caller may see."""
    series: list["SeriesSummary"]
    other_patient_instances: list["OtherPatientInstance"]
    """Received segmentations, reports, presentation states and the like whose stored Patient
    ID, or its issuer, is neither the study's nor the one with which it arrived; of other
    series one instance each is looked at. Show them with a warning, if at all."""
    unchecked_instances: list["OtherPatientInstance"]
    """Of these it is not known whom they name: they could not be read now, or not within a
    second. Ask again later, and until then show them with a warning."""
    decisions: list["Decision"]
    deliveries: list["Delivery"]
    """Those of its results."""
    routes: list["Route"]
    reports: list["Report"]
    """The study's one report, or none."""
    damaged_instances: list["DamagedInstance"]


class StudyReader(TypedDict):
    """Who reads a study; others neither change nor sign its report meanwhile."""

    name: str
    is_you: bool
    """Whether it is the caller."""
    since: str


class StudyReport(TypedDict):
    """Where the report of a study stands, for lists of studies."""

    report_id: str
    state: Literal["draft", "preliminary", "final", "amended"]
    version: int
    needs_attention: bool
    is_superseded: bool
    """Whether results that it rests on were withdrawn."""
    signed_by: str
    updated_at: str


class StudySummary(TypedDict):
    study_instance_uid: str
    patient_name: str
    """A person name as in DICOM: as the study itself states it, or a correction."""
    patient_id: str
    patient_birth_date: str | None
    patient_sex: str
    study_date: str | None
    study_time: str | None
    """HH:MM:SS in the modality's time zone."""
    accession_number: str
    study_description: str
    modalities: list[str]
    series_count: int
    instance_count: int
    size_bytes: int
    received_at: str
    updated_at: str
    state: Literal[
        "receiving", "complete", "queued", "running", "results", "delivered", "refused", "failed"
    ]
    state_text: str
    """The state in a sentence, for people."""
    jobs: list["Job"]
    """Without their findings; newest first."""
    findings_count: int
    open_alerts: int
    """Critical findings that nobody has acknowledged yet."""
    report: "StudyReport | None"
    """Where its report stands; null without one."""
    reader: "StudyReader | None"
    """Who reads it; null: nobody does."""
    urgency: Literal["reported", "unreported", "unread", "high", "stat", "critical"]
    """`critical`: a critical finding that nobody has acknowledged; `stat` and `high`: so
    ordered, and not signed yet; `unread`: results that nobody has looked at; `unreported`:
    without a signed report; else `reported`."""
    refusals: list["Refusal"]
    """Pipelines that took no series of it."""
    delivery: "DeliveryProgress"
    damaged_instances_count: int
    """Stored instances that are damaged or lost, without another copy so far."""
    patient_notices: list["PatientNotice"]
    """Of the studies that the caller may see."""


class Upload(TypedDict):
    """An upload, how far it is, and what became of it."""

    upload_id: str
    state: Literal["presigned", "received", "accepted", "refused", "aborted", "expired"]
    reason: str
    size_bytes: int | None
    received_bytes: int | None
    """Of an upload in parts, what has arrived."""
    part_size_bytes: int | None
    part_count: int | None
    parts: list["ReceivedPart"]
    """Those that have arrived."""
    files_done: int
    """Unpacked so far, once it is started."""
    files_total: int
    created_at: str
    expires_at: str


class Validity(TypedDict):
    """Whether the value can stand for the structure. A truncated value is that of a part
    within the images; an implausible one failed a check of what the model found. Both are
    left out of totals, trends and comparisons."""

    state: Literal["complete", "truncated", "implausible"]
    cut_off_at: list[Literal["left", "right", "anterior", "posterior", "superior", "inferior"]]
    """Sides of the patient at which the images cut the structure off."""
    reason: str
    caveats: NotRequired[list[str]]
    """What a reader must know of the value, a sentence each, such as that the patient is
    outside the population the model was made for."""
    caveat_parts: NotRequired[list["Caveat"]]
    """The same, with what each is of, for other languages."""


class Webhook(TypedDict):
    webhook_id: str
    kind: Literal["webhook", "fhir", "mail", "teams", "slack"]
    """`fhir`: a subscription of /fhir/Subscription."""
    url: str
    """Of `teams` and `slack` its host: the path is a secret."""
    description: str
    events: list[str]
    is_active: bool
    created_by_id: str
    """Kind and subject of who added it: where access groups are enforced, it sends the events
    of what that one may see. Empty: not known, it sends no event of a study."""
    sends_everything: bool
    """Events of all studies: an administrator's does."""
    language: Literal["en", "de"]
    """For people: the language of the messages."""
    wait_s: int
    """For people: how long an event waits for others, which then go in one message; a day
    makes a digest. Critical findings wait for 15 s at most."""
    quiet_hours: str
    """For people: hours by the node's time in which nothing is sent but critical findings;
    empty: none."""
    names_patients: bool
    """For people: messages name the patient, the patient ID and the accession number of a
    study. They leave the node's protection: leave it off unless the receiver needs them. Each
    such message is recorded as an export."""
    warning: str
    """What to think of before it stays as it is; mostly empty."""
    pending: int
    """Notices on their way."""
    dead: int
    """Notices that were given up and can be sent again."""
    created_at: str
    updated_at: str


class WebhookDelivery(TypedDict):
    delivery_id: str
    event_type: str
    payload: dict[str, Any]
    """The body as it is sent."""
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    next_attempt_at: str | None
    """Of a pending one."""
    last_error: str
    last_status: int | None
    """HTTP status of the last answer."""
    created_at: str
    ended_at: str | None


class WebhookPinged(TypedDict):
    ok: bool
    sentence: str
    status: int | None
    seconds: float


class WebhookWithSecret(TypedDict):
    webhook_id: str
    kind: Literal["webhook", "fhir", "mail", "teams", "slack"]
    """`fhir`: a subscription of /fhir/Subscription."""
    url: str
    """Of `teams` and `slack` its host: the path is a secret."""
    description: str
    events: list[str]
    is_active: bool
    created_by_id: str
    """Kind and subject of who added it: where access groups are enforced, it sends the events
    of what that one may see. Empty: not known, it sends no event of a study."""
    sends_everything: bool
    """Events of all studies: an administrator's does."""
    language: Literal["en", "de"]
    """For people: the language of the messages."""
    wait_s: int
    """For people: how long an event waits for others, which then go in one message; a day
    makes a digest. Critical findings wait for 15 s at most."""
    quiet_hours: str
    """For people: hours by the node's time in which nothing is sent but critical findings;
    empty: none."""
    names_patients: bool
    """For people: messages name the patient, the patient ID and the accession number of a
    study. They leave the node's protection: leave it off unless the receiver needs them. Each
    such message is recorded as an export."""
    warning: str
    """What to think of before it stays as it is; mostly empty."""
    pending: int
    """Notices on their way."""
    dead: int
    """Notices that were given up and can be sent again."""
    created_at: str
    updated_at: str
    secret: str
    """Empty for people. Signs the notices, and is shown this once. Each carries `webhook-id`,
    `webhook-timestamp` (seconds since 1970) and `webhook-signature`: `v1,` and the base64 of
    HMAC-SHA256 over `id.timestamp.body`, by the bytes that follow `whsec_` in base64
    (Standard Webhooks). Refuse what is older than some minutes."""


class WithheldSentence(TypedDict):
    """What was written or read and is not part of the answer."""

    text: str
    reasons: list["AnswerReason"]


WorklistItem = dict[str, Any]
