"""The models: cards, states, what became of them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.base_schemas import CodePayload, Payload, RequestBody
from api.findings.schemas import LimitsPayload
from storage.model_registry.registry import ModelState


class ModelFilePayload(Payload):
    name: str
    sha256: str


class GateThresholdPayload(Payload):
    """What an evaluation must reach before a version may become active."""

    metric: str = Field(examples=["dice"])
    at_least: float | None
    at_most: float | None


class ModelEvaluationPayload(Payload):
    """What the last `mediview evaluate` of these very files measured."""

    evaluated_at: datetime | None
    metrics: dict[str, float] = Field(examples=[{"dice": 0.94, "cases": 20.0}])
    segments: dict[str, dict[str, float]] = Field(
        description="The same by segment.", examples=[{"Spleen": {"dice": 0.94}}]
    )
    labels: dict[str, dict[str, float]] = Field(
        description="Of a classification the same by label, with the ends of 95% intervals.",
        examples=[{"Pleural effusion": {"auc": 0.94, "auc_lower": 0.91, "auc_upper": 0.97}}],
    )


class ModelRangePayload(LimitsPayload):
    label: str = Field(description="Of the measurement.", examples=["Spleen volume"])
    sex: str = Field(description="Of whom; empty: of anybody.")
    age_years: tuple[float, float] | None = Field(
        description="An upper end in whole years holds until the next birthday."
    )
    caveat: str = ""


class ModelFixedGridPayload(Payload):
    """A grid on which the model sees every series alike, so that changes of volume between two of
    its own measurements are stated from smaller ones on."""

    edge_mm: float = Field(description="Of its voxels.", examples=[1.0])
    reason: str = Field(description="Why that is so of this model.")


class ModelPopulationPayload(Payload):
    """For whom and for which images the model was made; null and empty do not restrict."""

    age_years: tuple[float, float] | None
    sex: list[str]
    field_strength_t: tuple[float, float] | None
    manufacturers: list[str]
    sequences: list[str]
    contrast_agent: bool | None
    slice_thickness_mm: tuple[float, float] | None
    kvp: tuple[float, float] | None
    pathology: str
    source: str
    on_outside: Literal["caveat", "refuse"] = Field(
        description="What becomes of a study outside: its results carry a caveat, or it is refused."
    )


class ModelPayload(Payload):
    """A version of a model: its card, its state, and whether it could run here now."""

    name: str = Field(examples=["deepbet"])
    version: str = Field(examples=["1.0.2"])
    state: ModelState = Field(
        description="Only what is `active` makes results. `added` is not proven yet, `shadow`"
        " runs and is neither shown nor sent, `retired` runs no more."
    )
    licence: str = Field(examples=["MIT"])
    source: str
    revision: str = Field(description="Of the source; empty where it has none.")
    sha256: str = Field(description="Over all its files; empty where it has none.")
    algorithm_family: CodePayload = Field(
        description="Of PS3.16 CID 7162, as its results state it. Not every pipeline is artificial"
        " intelligence."
    )
    intended_use: str
    training_data: str = Field(description="As its authors publish it.")
    input_description: str
    output_codes: list[CodePayload] = Field(
        description="What it finds, as far as that is known beforehand."
    )
    files: list[ModelFilePayload] = Field(
        description="Its weights; a file of another digest is not loaded."
    )
    gate: list[GateThresholdPayload]
    evaluation: ModelEvaluationPayload | None = Field(description="null: none yet.")
    normal_ranges: list[ModelRangePayload]
    population: ModelPopulationPayload
    fixed_grid: ModelFixedGridPayload | None = Field(
        None,
        description="Null: how far a volume may be off goes by the voxels of the series alone.",
    )
    pipelines: list[str] = Field(description="Who uses it.", examples=[["brain-volume"]])
    is_added: bool = Field(
        description="Somebody added it here, so that its card can be read and changed."
    )
    ready: bool = Field(description="Whether it is active and could run now.")
    detail: str = Field(description="Why it is not ready; empty when it is.")
    verified_at: datetime | None = Field(description="Of its last self-test; null: none yet.")
    changed_at: datetime | None
    changed_by: str = Field(description="Who put it into its state; empty: the release.")


class ModelList(Payload):
    items: list[ModelPayload]
    uploads: Literal["off", "signed", "any"] = Field(
        description="Which models are added over HTTP: none, those that the site signed, any."
    )


class ModelChangePayload(Payload):
    version: str
    from_state: str
    to_state: ModelState
    detail: str
    changed_at: datetime
    changed_by: str


class ModelDetail(Payload):
    """All versions of one model, the active one first, and what became of them, newest first."""

    name: str
    versions: list[ModelPayload]
    history: list[ModelChangePayload]


class NewModel(RequestBody):
    """A ZIP archive of a model's folder, uploaded before."""

    upload_id: str = Field(max_length=100, description="Of an upload that is complete.")
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="Of the whole archive, as its sender has it. What arrived is compared with it.",
    )


class TrialPayload(Payload):
    """What a model made of one series; nothing of it is stored or sent."""

    series_instance_uid: str
    series_number: int | None
    modality: str
    taken: bool
    reason: str = Field(description="Why it was taken, or why it was not.")
    findings: list[str] = Field(examples=[["Spleen volume: 214 cm³"]])
    notes: list[str]
    picture: str | None = Field(description="A PNG in base64; it shows the patient.")


class TrialList(Payload):
    items: list[TrialPayload]
