"""The card of a model in a container, and what is kept of its image."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from inference.models.cards.card_file import Card
from inference.models.cards.card_inputs import BESIDE_INPUTS, CardImagePrior, CardInput
from inference.models.cards.card_quantities import CardMap
from inference.models.description import VERSION_PATTERN
from inference.pipeline_output import MAPS_AT_MOST
from inference.rules.conditions import Strict

IMAGE_FILE = "image.json"


InputFormat = Literal["dicom", "nifti", "png"]
_Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f]*$")]
_MapFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.nii(\.gz)?$")]
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class ContainerRunning(Strict):
    """How an image that has no manifests is run: any container, by what its maker says of it."""

    version: str = Field(pattern=VERSION_PATTERN)
    command: tuple[_Text, ...] = Field((), max_length=100)
    """Left out: the entry point of the image, and what it hands to it."""
    working_directory: str = ""
    """Left out: that of the image, else `/tmp`."""
    environment: dict[_Variable, _Text] = Field({}, max_length=200)
    """Beside what the image itself sets."""
    input: str = "/input"
    output: str = "/output"
    input_format: InputFormat = "dicom"
    """`nifti`: each series as one file, on the grid of the reference, or each image as one, on its
    own; `dicom`: the instances, of several series each in a folder named by its role; `png`: each
    frame of an image, as it is displayed."""
    gpus: int = Field(0, ge=0, le=64)


class ContainerModel(Strict):
    """What the manifests of the image do not tell."""

    image: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]{0,254}$")
    """As the container engine of the node knows it: `localhost/spleen-map:1.0`."""
    name: str = Field(min_length=1, max_length=48)
    modality: str = Field(pattern=r"^[A-Za-z]{2,3}$")
    takes: Literal["series", "images"] = "series"
    """`images`: each image of a series that the card takes, such as a film, by itself; with
    `inputs` several of a study at once."""
    images_at_most: int = Field(16, ge=1, le=100)
    """Of one series, where it takes images; each is a run of its own."""
    frames_at_most: int = Field(1, ge=1, le=2000)
    """Of one image, where it takes images: more than one lets cine and other multi-frame images
    in."""
    without_gpu: bool = False
    """That it works without the GPU that its manifest asks for."""
    maps: dict[_MapFile, CardMap] = Field({}, max_length=MAPS_AT_MOST)
    """By the name of the NIfTI file that it writes: a quantity at each voxel, and no label map."""
    run: ContainerRunning | None = None
    """In place of manifests, of an image that is no MONAI Application Package."""


class ContainerCard(Card):
    """A card with the image that computes."""

    _forms: ClassVar[tuple[str, ...]] = ("mask", "findings")
    container: ContainerModel
    prior: CardImagePrior | None = None
    """Where it takes images by themselves: the image of the same view of the nearest earlier
    study, beside each."""

    @model_validator(mode="after")
    def _inputs_are_given(self) -> "ContainerCard":
        if not self.is_given_nifti:
            _check_given_as_sent(self.inputs)
        if self.prior is not None and self.inputs:
            raise ValueError(f"prior {BESIDE_INPUTS}")
        if self.container.takes == "images":
            _check_of_images(self)
        elif self.prior is not None:
            raise ValueError('prior goes with container.takes "images"')
        elif self.is_given_png:
            raise ValueError('container.run.input_format png goes with container.takes "images"')
        if self.gantry_tilt == "resample":
            raise ValueError("gantry_tilt cannot be resampled for a container")
        return self

    @property
    def is_given_nifti(self) -> bool:
        """Whether the container reads NIfTI, rather than the instances as they were sent."""
        return self.container.run is not None and self.container.run.input_format == "nifti"

    @property
    def is_given_png(self) -> bool:
        """Whether the container reads the pixels as they are displayed."""
        return self.container.run is not None and self.container.run.input_format == "png"


def _check_of_images(card: ContainerCard) -> None:
    """Raises ValueError for what is of series alone."""
    for role, one in card.inputs.items():
        if one.registration != "none" or one.structures:
            raise ValueError(
                f"inputs.{role} is an image: registration and structures are of series"
            )
        if one.result_of is not None and one.result_of.form == "mask":
            raise ValueError(
                f"inputs.{role} is a mask, which lies on a series; beside images state form"
                ' "findings"'
            )
    if card.container.maps:
        raise ValueError('container.takes "images" has no maps: they lie on the grid of a series')


def _check_given_as_sent(inputs: Mapping[str, CardInput]) -> None:
    """Raises ValueError for inputs that are no series as it was sent."""
    for role, one in inputs.items():
        if one.structures is not None:
            raise ValueError(
                f"inputs.{role} is of a structure set, and is given to a container as NIfTI alone:"
                " container.run.input_format nifti"
            )


class Image(Strict):
    """`image.json`: which image it was when the model was added; a name may be given to another."""

    id: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    engine: str
