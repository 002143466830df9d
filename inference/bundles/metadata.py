"""MONAI's `metadata.json`: what goes into a bundle's network, what comes out, and for whom."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inference.models.cards.card_numbers import check_voxels
from inference.models.description import VERSION_PATTERN, OutputKind
from storage.core.errors import InvalidRequest

METADATA = Path("configs", "metadata.json")
_KINDS: dict[str, OutputKind] = {
    "segmentation": "segmentation",
    "labels": "segmentation",
    "classification": "classification",
    "class": "classification",
    "classes": "classification",
    "probability": "classification",
    "probabilities": "classification",
    "object": "detection",
    "box": "detection",
    "points": "landmarks",
}
_OF_ANY = 64
_PATHOLOGY = re.compile(r"patholog|nuclei\b|\bcells?\b", re.IGNORECASE)
_SYNTHESIS = re.compile(r"synthesis|generat", re.IGNORECASE)
_REGISTRATION = re.compile(r"regist|transformer for", re.IGNORECASE)


class Output(BaseModel):
    model_config = ConfigDict(extra="ignore")
    type: str = "image"
    format: str = "segmentation"
    channel_def: dict[str, str] = {}
    label_def: dict[str, str] = {}
    spatial_shape: tuple[Any, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """Of each class by its value; some bundles call it `label_def`.

        Without the spaces at the ends, which a value of DICOM does not keep (PS3.5 6.2).
        """
        stated = self.channel_def or self.label_def
        return {value: name.strip() for value, name in stated.items()}


class Input(BaseModel):
    model_config = ConfigDict(extra="ignore")
    modality: str = ""
    num_channels: int = Field(1, ge=0, le=4096)
    spatial_shape: tuple[Any, ...] = Field((), max_length=8)
    is_patch_data: bool = False

    @field_validator("spatial_shape")
    @classmethod
    def _of_voxels(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        check_voxels("spatial_shape", tuple(one for one in value if isinstance(one, int)))
        return value

    @property
    def whole_shape(self) -> tuple[int, ...] | None:
        """A shape that the network takes: the stated one, or, where it takes any ("8*n"), a small
        one; None where nothing is stated."""
        sizes = tuple(
            size if isinstance(size, int) and size > 0 else _OF_ANY for size in self.spatial_shape
        )
        return sizes or None


class DataFormat(BaseModel):
    model_config = ConfigDict(extra="ignore")
    inputs: dict[str, Input] = {}
    outputs: dict[str, Output] = {}


class Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str = ""
    version: Annotated[str, Field(pattern=VERSION_PATTERN)] = "0"
    description: str = ""
    task: str = ""
    copyright: str = ""
    license: str = ""
    intended_use: str = ""
    network_data_format: DataFormat = DataFormat()

    @property
    def image(self) -> Input | None:
        """What the network is given; None where it takes no image."""
        return self.network_data_format.inputs.get("image")

    @property
    def output(self) -> Output:
        """The first, which is the main one."""
        return next(iter(self.network_data_format.outputs.values()), Output())


def kind_of(output: Output) -> OutputKind | None:
    """What a bundle gives, in the node's words; None for what is no finding."""
    kind = _KINDS.get(output.format.lower()) or _KINDS.get(output.type.lower())
    if kind == "segmentation" and len(output.spatial_shape) == 2 and output.spatial_shape[0] == 1:
        # "labels" of one row: a number for each class, and no mask.
        return "classification"
    return kind


def check_taken(metadata: Metadata, title: str) -> None:
    """Raise InvalidRequest, in one sentence, where a bundle analyses no image of a study."""
    words = f"{metadata.name} {metadata.task}"
    if metadata.image is None:
        if not (metadata.network_data_format.inputs or _SYNTHESIS.search(words)):
            return
        raise InvalidRequest(
            f"The bundle {title} makes images out of noise or numbers, and the node runs only"
            " models that analyse images of a study."
        )
    is_patch = metadata.image.is_patch_data and len(metadata.image.spatial_shape) == 2
    if is_patch or _PATHOLOGY.search(words):
        raise InvalidRequest(
            f"The bundle {title} takes patches of a microscope's slide, and the node runs only"
            " models of radiological and endoscopic images."
        )
    if kind_of(metadata.output) is None and metadata.output.type == "image":
        done = "registers one image to another" if _REGISTRATION.search(words) else "makes images"
        raise InvalidRequest(
            f"The bundle {title} {done} and finds nothing in them, and the node runs only models"
            " that give findings."
        )
