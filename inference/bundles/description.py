"""What a bundle says of itself: MONAI's `metadata.json`, and the card beside it.

`metadata.json` names version, licence, channels of input and output. The card,
`mediview.json` in the bundle's folder, adds what MONAI has no place for: which series are
accepted (in the language of the site's rules), codes and colours of the segments.
"""

import colorsys
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.model_servers.card import ServedModel
from inference.model_servers.endpoint import Endpoint
from inference.models.card_file import CARD_FILE, Card, CardSegment, parsed
from storage.core.errors import InvalidRequest

_METADATA = Path("configs", "metadata.json")
_INFERENCE = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
_BACKGROUND = {"background", "bg", "0", "unlabeled"}
# It names a folder and stands in addresses.
VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_GOLDEN_ANGLE = 0.381966

OutputKind = Literal["segmentation", "classification", "detection"]
_KINDS: dict[str, OutputKind] = {
    "segmentation": "segmentation",
    "labels": "segmentation",
    "classification": "classification",
    "class": "classification",
    "probability": "classification",
    "object": "detection",
    "box": "detection",
}


class _Output(BaseModel):
    model_config = ConfigDict(extra="ignore")
    type: str = "image"
    format: str = "segmentation"
    channel_def: dict[str, str] = {}


class _Input(BaseModel):
    model_config = ConfigDict(extra="ignore")
    modality: str = ""
    num_channels: int = 1


class _DataFormat(BaseModel):
    model_config = ConfigDict(extra="ignore")
    inputs: dict[str, _Input]
    outputs: dict[str, _Output]


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str = ""
    version: Annotated[str, Field(pattern=VERSION_PATTERN)] = "0"
    description: str = ""
    copyright: str = ""
    license: str = ""
    intended_use: str = ""
    network_data_format: _DataFormat


class BundleDescription(BaseModel):
    """A bundle as the node needs to know it. `labels` are its classes by value, without 0."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    inference_file: Path | None
    configuration: dict[str, Any] = {}
    """What stands in for the file where there is none."""
    prefix: str = "bundle"
    """Of the pipeline's name."""
    probe_shape: tuple[int, int, int] | None = None
    """What the network is shown in its self-test, where it does not take any shape."""
    name: str
    version: str
    title: str
    description: str
    licence: str
    intended_use: str
    modality: str
    kind: OutputKind
    labels: dict[int, str]
    background: int | None
    card: Card
    served: ServedModel | None = None
    """Of a model that a server computes."""
    endpoint: Endpoint | None = None
    """That server, where the site names it."""

    @property
    def source(self) -> str:
        """Where the model comes from, as its card and results state it."""
        if self.served is not None:
            return f"model server {self.served.server}: {self.served.model}"
        return "MONAI bundle" if self.prefix == "bundle" else "added by an operator"

    def segment(self, value: int) -> CardSegment:
        """The coded segment of a class; under a code of our own where the card names none."""
        stated = self.card.segments.get(str(value))
        if stated is not None:
            return stated
        label = self.labels[value]
        return CardSegment(label=label[:64], code=(label[:16], "99MEDIVIEW", label[:64]))

    def color_rgb(self, value: int) -> tuple[int, int, int]:
        """The card's colour, or one that differs from its neighbours'."""
        stated = self.segment(value).color_rgb
        if stated is not None:
            return stated
        return color_of(value)


def color_of(number: int) -> tuple[int, int, int]:
    """A colour that differs from those of the numbers around."""
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN_ANGLE) % 1.0, 0.55, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def is_bundle(folder: Path) -> bool:
    return (folder / _METADATA).is_file()


def describe(folder: Path) -> BundleDescription:
    """Read a bundle's description. Raises InvalidRequest naming what is wrong."""
    inference_file = next((folder / name for name in _INFERENCE if (folder / name).is_file()), None)
    if inference_file is None:
        raise InvalidRequest(
            f"The bundle in {folder} has no {_INFERENCE[0]}.",
            remedy="Only bundles with an inference configuration can be run.",
        )
    metadata = parsed(_Metadata, folder / _METADATA)
    card = parsed(Card, folder / CARD_FILE) if (folder / CARD_FILE).is_file() else Card()
    source = metadata.network_data_format.inputs.get("image")
    output = next(iter(metadata.network_data_format.outputs.values()), _Output())
    kind = _KINDS.get(output.format.lower()) or _KINDS.get(output.type.lower())
    channels = len(card.inputs) or 1
    if kind == "detection" and card.inputs:
        raise InvalidRequest(
            f"The bundle {metadata.name or folder.name} detects, and its card names inputs.",
            remedy="Detectors take one series.",
        )
    if kind is None or source is None or source.num_channels != channels:
        what = (
            f"gives '{output.format or output.type}'"
            if kind is None
            else f"does not take one image of {_channels(len(card.inputs) or 1)}"
        )
        raise InvalidRequest(
            f"The bundle {metadata.name or folder.name} {what}, which cannot be run here.",
            remedy="Segmentation, classification and detection can, in one series or, with a series"
            " for each channel, by the inputs of a card.",
        )
    name = slug(metadata.name or folder.name)
    classes = {int(value): label for value, label in output.channel_def.items()}
    background = next(
        (value for value, label in classes.items() if label.lower() in _BACKGROUND), None
    )
    labels = {value: label for value, label in classes.items() if value != background}
    if card.inputs and kind == "segmentation":
        # Such bundles merge their channels into values of their own, which metadata do not tell.
        if not card.segments:
            raise InvalidRequest(
                f"The card of {metadata.name or folder.name} has inputs and no segments.",
                remedy="Name each value that the bundle's postprocessing gives in segments.",
            )
        labels = {int(value): one.label for value, one in card.segments.items()}
    if kind == "detection" and not labels:
        labels = {int(value): one.label for value, one in card.segments.items()} or {0: "Object"}
    return BundleDescription(
        folder=folder,
        inference_file=inference_file,
        name=name,
        version=metadata.version,
        title=card.title or (metadata.name or folder.name)[:64],
        description=metadata.description or f"The MONAI bundle {metadata.name}.",
        licence=card.licence or metadata.license or metadata.copyright or "not stated",
        intended_use=card.intended_use or metadata.intended_use,
        modality=source.modality.upper(),
        kind=kind,
        labels=labels,
        background=background,
        card=card,
    )


def _channels(count: int) -> str:
    return "one channel" if count == 1 else f"{count} channels"


def slug(name: str) -> str:
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-")[:48] or "bundle"
