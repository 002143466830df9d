"""Trials of models that a worker runs."""

from datetime import datetime

from pydantic import Field

from api.base_schemas import Payload, RequestBody
from api.models.schemas import TrialPayload
from storage.model_registry.trials import TrialState


class NewModelTrial(RequestBody):
    model: str = Field(min_length=1, max_length=160, pattern=r"^[^\x00-\x1f]+$")
    version: str | None = Field(
        None,
        max_length=80,
        pattern=r"^[^\x00]*$",
        description="Needed only where there are several.",
        examples=["1.0.2"],
    )
    study_instance_uid: str = Field(pattern=r"^[0-9.]{1,64}$")


class TrialProblemPayload(Payload):
    """Why a trial failed, as a refusal of the API says it."""

    code: str = Field(examples=["model_unusable"])
    detail: str
    remedy: str


class ModelTrialPayload(Payload):
    """A trial: a worker runs it, and what it shows is kept for an hour."""

    trial_id: str
    model: str
    version: str
    study_instance_uid: str
    state: TrialState
    problem: TrialProblemPayload | None = Field(description="Of one that failed.")
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    took_s: float | None = Field(
        description="Of one that is done, with the start of its process and its self-test."
    )
    memory_bytes: int | None = Field(description="The most that its process had in memory.")


class ModelTrialList(Payload):
    items: list[ModelTrialPayload]


class ModelTrialDetail(ModelTrialPayload):
    items: list[TrialPayload] = Field(description="By series; empty until it is done.")
