"""What a bundle says of itself: MONAI's `metadata.json`, and the card beside it.

`metadata.json` names version, licence, channels of input and output. The card,
`mediview.json` in the bundle's folder, adds what MONAI has no place for: which series are
accepted (in the language of the site's rules), codes and colours of the segments.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inference.models.card_file import CARD_FILE, Card, parsed
from inference.models.description import VERSION_PATTERN, ModelDescription, OutputKind, slug
from storage.core.errors import InvalidRequest

_METADATA = Path("configs", "metadata.json")
_INFERENCE = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
_BACKGROUND = {"background", "bg", "0", "unlabeled"}
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


def is_bundle(folder: Path) -> bool:
    return (folder / _METADATA).is_file()


def describe(folder: Path) -> ModelDescription:
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
    return ModelDescription(
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
