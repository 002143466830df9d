"""The card of a model in a container, and what is kept of its image."""

from pydantic import Field, model_validator

from inference.models.card_file import Card
from inference.rules.conditions import Strict

IMAGE_FILE = "image.json"


class ContainerModel(Strict):
    """What the manifests of the image do not tell."""

    image: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]{0,254}$")
    """As the container engine of the node knows it: `localhost/spleen-map:1.0`."""
    name: str = Field(min_length=1, max_length=48)
    modality: str = Field(pattern=r"^[A-Za-z]{2,3}$")
    without_gpu: bool = False
    """That it works without the GPU that its manifest asks for."""


class ContainerCard(Card):
    """A card with the image that computes."""

    container: ContainerModel

    @model_validator(mode="after")
    def _of_one_series(self) -> "ContainerCard":
        if self.inputs:
            raise ValueError("inputs are for networks; a container is given one series")
        if self.gantry_tilt == "resample":
            raise ValueError("gantry_tilt cannot be resampled for a container")
        return self


class Image(Strict):
    """`image.json`: which image it was when the model was added; a name may be given to another."""

    id: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    engine: str
