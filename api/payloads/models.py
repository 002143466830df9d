"""The models and their cards."""

from pydantic import Field

from api.payloads.base import Payload


class ModelFilePayload(Payload):
    name: str
    sha256: str


class ModelPayload(Payload):
    """A model's card, and whether it could run here now."""

    name: str = Field(examples=["deepbet"])
    version: str = Field(examples=["1.0.2"])
    licence: str = Field(examples=["MIT"])
    source: str
    intended_use: str
    input_description: str
    files: list[ModelFilePayload] = Field(
        description="Its weights; a file of another digest is not loaded."
    )
    pipelines: list[str] = Field(description="Who uses it.", examples=[["brain-volume"]])
    ready: bool
    detail: str = Field(description="Why it is not ready; empty when it is.")


class ModelList(Payload):
    items: list[ModelPayload]
