"""How models do: agreement of shadows, drift by scanner."""

from datetime import datetime

from pydantic import Field

from api.base_schemas import Payload, RequestBody


class SegmentAgreement(Payload):
    label: str = Field(examples=["Spleen"])
    count: int
    mean_dice: float
    lowest_dice: float


class MeasurementAgreement(Payload):
    label: str = Field(examples=["Spleen volume"])
    unit: str = Field(examples=["cm3"])
    count: int
    mean_active: float
    mean_difference: float = Field(description="Shadow less active.")
    mean_absolute_difference: float


class AgreementPayload(Payload):
    """How far a version agrees with the active one, over its shadow runs."""

    version: str
    runs: int
    done: int
    waiting: int
    compared: int = Field(description="Of those done: where the active version had run too.")
    failures: list[str]
    segments: list[SegmentAgreement]
    measurements: list[MeasurementAgreement]


class AgreementList(Payload):
    items: list[AgreementPayload]


class ShiftPayload(Payload):
    """One measure of one scanner, the newest jobs against the first ones."""

    pipeline: str
    pipeline_version: str
    scanner: str = Field(examples=["SIEMENS / Prisma / MR1"])
    measure: str = Field(examples=["output: Brain volume (cm3)"])
    baseline_count: int
    baseline_median: float
    recent_count: int
    recent_median: float
    stability_index: float = Field(description="Population stability index; above 0.25: shifted.")
    distance: float = Field(description="Of Kolmogorov and Smirnov.")
    probability: float = Field(description="Of so large a distance by chance alone.")
    alerts: bool


class DriftList(Payload):
    """What has shifted most first."""

    items: list[ShiftPayload]


class NewBaseline(RequestBody):
    """From now on jobs are compared with those to come."""

    pipeline: str = Field(min_length=1, max_length=80, examples=["brain-volume"])
    pipeline_version: str = Field(min_length=1, max_length=80, examples=["1.0.0"])


class BaselinePayload(Payload):
    pipeline: str
    pipeline_version: str
    since: datetime
    set_by: str
