"""TorchScript and ONNX as they are: a folder with a card and `model.ts` or `model.onnx`.

Or with the card alone, where a model server computes the network.

What MONAI's configuration would say, the card says in a few words; it is made into such a
configuration, so that there is one way to run a model.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from inference.model_servers.card import ServedModel
from inference.model_servers.tensors import plain_axes
from inference.models.cards.card_classes import all_named
from inference.models.cards.card_file import CARD_FILE, Card, parsed, stated_in
from inference.models.cards.card_numbers import SpacingMm, VoxelEdge, check_voxels
from inference.models.cards.card_precision import CardHalfPrecision
from inference.models.cards.card_quantities import CardMap, CardNumber, Channel
from inference.models.cards.card_words import CardInvalid, meant
from inference.models.description import VERSION_PATTERN, ModelDescription, slug
from inference.pipeline_output import MAPS_AT_MOST
from inference.rules.conditions import Strict
from inference.single_images.description import OUTPUTS
from storage.core.errors import InvalidRequest

WEIGHTS = ("model.ts", "model.onnx")
_NUMBERS_AT_MOST = 64
_LABELS_AT_MOST = 10_000
Percent = Annotated[float, Field(ge=0, le=100)]


class Intensity(Strict):
    """Which values become 0 and 1; beyond them values are cut off. One of the two."""

    values: tuple[float, float] | None = None
    percentiles: tuple[Percent, Percent] | None = None

    @model_validator(mode="after")
    def _one(self) -> "Intensity":
        if (self.values is None) == (self.percentiles is None):
            raise ValueError("names either values or percentiles")
        for pair in (self.values, self.percentiles):
            if pair is not None and pair[0] >= pair[1]:
                raise ValueError(
                    f"names {pair[0]:g} and {pair[1]:g}, and must name the lesser value first"
                )
        return self


class PlainModel(Strict):
    """How the network wants its image, and what its answer means.

    The image goes in as float32 of shape (1, 1, x, y, z), with a channel for each of the card's
    inputs where it has several; the answer is (1, classes, x, y, z)
    for a segmentation, (1, quantities, x, y, z) for a parametric map, (1, classes) for a
    classification, (1, numbers) for a regression.
    """

    name: str = Field(min_length=1, max_length=48)
    version: str = Field(pattern=VERSION_PATTERN)
    modality: str = Field(pattern=r"^[A-Za-z]{2,3}$")
    output: Literal["segmentation", "classification", "parametric-map", "regression"]
    labels: dict[Channel, str] = Field({}, max_length=_LABELS_AT_MOST)
    """The name of each class by its channel; a segmentation's background is left out."""
    maps: dict[Channel, CardMap] = Field({}, max_length=MAPS_AT_MOST)
    """Of a parametric map: the quantity of each channel; the others are left out."""
    numbers: dict[Channel, CardNumber] = Field({}, max_length=_NUMBERS_AT_MOST)
    """Of a regression: what each channel is; the others are left out."""
    orientation: Annotated[str, Field(pattern=r"^[RLAPSI]{3}$")] = "RAS"
    spacing_mm: tuple[SpacingMm, SpacingMm, SpacingMm] | None = None
    """Along the axes of `orientation`; left out: as the series has it."""
    intensity: Intensity | None = None
    tile: tuple[VoxelEdge, VoxelEdge, VoxelEdge] | None = None
    """A segmentation sees the image in tiles of this shape; left out: whole."""
    resize: tuple[VoxelEdge, VoxelEdge, VoxelEdge] | None = None
    """A classification or regression sees the image in this shape."""
    activation: Literal["softmax", "sigmoid", "none"] | None = None
    """Left out: softmax; parametric maps and regressions have none."""

    _all_are_named = field_validator("labels")(all_named)

    @model_validator(mode="after")
    def _fits(self) -> "PlainModel":
        if self.sees_all and self.tile is not None:
            raise ValueError(f"a {self.output} sees the image whole; use resize")
        if not self.sees_all and self.resize is not None:
            raise ValueError(f"a {self.output} keeps the image's shape; use tile")
        wanted = {"parametric-map": "maps", "regression": "numbers"}.get(self.output, "labels")
        for name in ("labels", "maps", "numbers"):
            if bool(getattr(self, name)) != (name == wanted):
                raise ValueError(f"a {self.output} names {wanted}, and neither of the others")
        if wanted != "labels" and self.activation not in (None, "none"):
            raise ValueError(f"a {self.output} has no activation")
        check_voxels("tile", self.tile)
        check_voxels("resize", self.resize)
        return self

    @property
    def sees_all(self) -> bool:
        """Whether it answers about the image as a whole, and at none of its voxels."""
        return self.output in ("classification", "regression")


class PlainCard(Card):
    """A card with what the model needs besides."""

    model: PlainModel
    half_precision: CardHalfPrecision | None = None
    served: ServedModel | None = None
    """The model server that computes it; then the folder holds no weights."""

    @model_validator(mode="after")
    def _half_precision_fits(self) -> "PlainCard":
        if self.half_precision is not None and self.model.output != "segmentation":
            raise ValueError("half_precision is for segmentations, whose labels are compared")
        return self

    @model_validator(mode="after")
    def _served_shape(self) -> "PlainCard":
        served, model = self.served, self.model
        if served is None:
            return self
        first = served.given[0]
        if plain_axes(first) != "NCXYZ":
            raise ValueError("served.input is a volume, with the axes N, C, X, Y and Z")
        if served.output is None:
            raise ValueError("served.detections is of single images: name served.output")
        if model.sees_all != (served.output.axes == "NC"):
            raise ValueError(
                "served.output of a classification or regression has N and C, else also X, Y, Z"
            )
        if served.inputs and list(served.inputs) != list(self.inputs):
            raise ValueError("served.inputs names the card's inputs, all in the same order")
        channels = first.size_along("C")
        if not served.inputs and channels not in (-1, len(self.inputs) or 1):
            raise ValueError(f"served.input has {channels} channels, the card's inputs another")
        seen = model.tile or model.resize or (-1, -1, -1)
        for tensor in served.given:
            for axis, edge in zip("XYZ", seen, strict=True):
                size = tensor.size_along(axis)
                if size not in (-1, edge):
                    raise ValueError(
                        f"{tensor.name} is {size} along {axis}, and tile or resize {edge}"
                    )
        return self


def is_plain(folder: Path) -> bool:
    has_card = (folder / CARD_FILE).is_file()
    return has_card and (weights_of(folder) is not None or is_served(folder))


def is_served(folder: Path) -> bool:
    """Whether the card in a folder names a model server."""
    return "served" in stated_in(folder)


def weights_of(folder: Path) -> Path | None:
    return next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)


def describe_plain(folder: Path) -> ModelDescription:
    """Read a plain model's card. Raises InvalidRequest naming what is wrong."""
    has_weights = weights_of(folder) is not None
    if not has_weights and not is_served(folder):
        raise InvalidRequest(f"{folder} holds neither {WEIGHTS[0]} nor {WEIGHTS[1]}.")
    _check_output(folder)
    card = parsed(PlainCard, folder / CARD_FILE)
    if card.served is not None and has_weights:
        raise InvalidRequest(
            f"{folder} holds weights, and its card names the model server {card.served.server}.",
            remedy="Remove the weights, or served from the card.",
        )
    model = card.model
    labels = {int(value): label for value, label in model.labels.items()}
    classes = max(labels, default=-1) + 1
    return ModelDescription(
        folder=folder,
        inference_file=None,
        configuration=_configuration(model, channel_wise=bool(card.inputs)),
        prefix="model",
        probe_shape=model.tile or model.resize,
        name=slug(model.name),
        version=model.version,
        title=card.title or model.name,
        description=f"{model.name}, as its card describes it.",
        licence=card.licence or "not stated",
        intended_use=card.intended_use,
        modality=model.modality.upper(),
        kind=model.output,
        labels=labels,
        maps={int(channel): one for channel, one in model.maps.items()},
        numbers={int(channel): one for channel, one in model.numbers.items()},
        background=next((value for value in range(classes) if value not in labels), None),
        card=card,
        half_precision=card.half_precision,
        served=card.served,
    )


def _check_output(folder: Path) -> None:
    """Raises CardInvalid for an output that no model has: a card of images is then not judged as
    one of volumes."""
    model = stated_in(folder).get("model")
    output = model.get("output") if isinstance(model, dict) else None
    known = (*get_args(PlainModel.model_fields["output"].annotation), *OUTPUTS)
    if not isinstance(output, str) or output in known:
        return
    sentence = f"'{output[:40]}' is none of {', '.join(known)}{meant(output, known)}"
    raise CardInvalid(
        f"{folder / CARD_FILE} cannot be used: model.output: {sentence}.",
        remedy="Correct it.",
        errors=[
            {"type": "value_error", "loc": ("model", "output"), "msg": sentence, "input": output}
        ],
    )


def _configuration(model: PlainModel, *, channel_wise: bool) -> dict[str, Any]:
    """What `inference.json` of a bundle would say; `channel_wise`: of several series."""
    preprocessing: list[dict[str, Any]] = [
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": model.orientation},
    ]
    if model.spacing_mm is not None:
        preprocessing.append(
            {"_target_": "Spacingd", "keys": "image", "pixdim": list(model.spacing_mm)}
        )
    if model.intensity is not None:
        preprocessing.append(_scaling(model.intensity, channel_wise=channel_wise))
    if model.resize is not None:
        preprocessing.append(
            {"_target_": "Resized", "keys": "image", "spatial_size": list(model.resize)}
        )
    preprocessing.append({"_target_": "EnsureTyped", "keys": "image", "dtype": "$torch.float32"})
    postprocessing: list[dict[str, Any]] = []
    activation = model.activation or ("softmax" if model.labels else "none")
    if activation != "none":
        postprocessing.append({"_target_": "Activationsd", "keys": "pred", activation: True})
    if not model.sees_all:
        postprocessing.append(
            {
                "_target_": "Invertd",
                "keys": "pred",
                "transform": "@preprocessing",
                "orig_keys": "image",
                "nearest_interp": False,
                "to_tensor": True,
            }
        )
    if model.output == "segmentation":
        # Sigmoid: structures that may overlap, each by itself. Otherwise the likeliest counts.
        choose = {"threshold": 0.5} if activation == "sigmoid" else {"argmax": True}
        postprocessing.append({"_target_": "AsDiscreted", "keys": "pred", **choose})
    inferer: dict[str, Any] = {"_target_": "SimpleInferer"}
    if model.tile is not None:
        inferer = {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(model.tile),
            "sw_batch_size": 1,
            "overlap": 0.25,
            "mode": "gaussian",
        }
    return {
        "preprocessing": {"_target_": "Compose", "transforms": preprocessing},
        "inferer": inferer,
        "postprocessing": {"_target_": "Compose", "transforms": postprocessing},
    }


def _scaling(intensity: Intensity, *, channel_wise: bool) -> dict[str, Any]:
    if intensity.values is not None:
        low, high = intensity.values
        limits = {"a_min": low, "a_max": high}
        target = "ScaleIntensityRanged"
    else:
        low, high = intensity.percentiles or (0.0, 100.0)
        limits = {"lower": low, "upper": high, "channel_wise": channel_wise}
        target = "ScaleIntensityRangePercentilesd"
    return {"_target_": target, "keys": "image", "b_min": 0.0, "b_max": 1.0, "clip": True, **limits}
