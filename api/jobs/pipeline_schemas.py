"""What may run here."""

from typing import Literal

from pydantic import Field

from api.base_schemas import Payload


class PipelineModel(Payload):
    """The model behind a pipeline; values are empty where it has none."""

    name: str
    version: str
    licence: str
    sha256: str
    intended_use: str


class PipelinePayload(Payload):
    name: str = Field(examples=["brain-volume"])
    version: str
    title: str
    description: str
    accepts: str = Field(description="What it takes, in a sentence.")
    input_kind: Literal["volume", "image", "dicom-image"] = Field(
        description="A volume of one series; an uploaded PNG or JPEG; the DICOM images of one"
        " series, each by itself."
    )
    model: PipelineModel | None
    model_url: str
    ready: bool = Field(description="Whether it could run now.")
    detail: str = Field(description="Why it is not ready; empty when it is.")


class PipelineList(Payload):
    items: list[PipelinePayload]
