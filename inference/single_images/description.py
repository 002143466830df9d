"""A folder with a card and a model of single images: Hugging Face, TorchScript or ONNX."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from inference.model_servers.card import ServedImages
from inference.model_servers.endpoint import Endpoint
from inference.models.cards.card_classes import check_segments
from inference.models.cards.card_file import CARD_FILE, CardSegment, parsed, read_json, stated_in
from inference.models.cards.card_numbers import check_numbers
from inference.models.description import OwnSegments, color_of, slug
from inference.models.model_folders import files_of, install, refuse_code
from inference.single_images.card import Activation, ImageCard, OutputKind, Preprocessing, Resize
from storage.core.errors import InvalidRequest
from storage.settings import Settings

Format = Literal["transformers", "torchscript", "onnx", "served", "bundle"]
_WEIGHTS: dict[str, Format] = {"model.ts": "torchscript", "model.onnx": "onnx"}
_CONFIG, _PROCESSOR = "config.json", "preprocessor_config.json"
# What pickles would be executed from, and code that a repository brings along.
_UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".py")
OUTPUTS: tuple[OutputKind, ...] = (
    "image-classification",
    "object-detection",
    "image-segmentation",
    "image-regression",
)


class ImageModelDescription(BaseModel):
    """A model as the node needs to know it. `labels` are its classes by number."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    format: Format
    name: str
    version: str
    title: str
    card: ImageCard
    preprocessing: Preprocessing
    labels: dict[int, str]
    background: int | None
    activation: Activation
    endpoint: Endpoint | None = None
    """The model server of `card.served`, where the site names it."""

    @property
    def source(self) -> str:
        """Where the model comes from, as its card and results state it."""
        if self.format == "bundle":
            return "MONAI bundle"
        served = self.card.served
        return f"model server {served.server}: {served.model}" if served else "added by an operator"

    @property
    def served(self) -> ServedImages | None:
        return self.card.served

    @property
    def kind(self) -> OutputKind:
        return self.card.model.output

    def label(self, value: int) -> str:
        return self.labels.get(value, f"class {value}")

    def segment(self, value: int) -> CardSegment:
        """What a class is called and coded as; by a code of our own where the card names none."""
        stated = self.card.segments.get(str(value))
        if stated is not None:
            return stated
        return self._own_segments.of(self.label(value))

    @cached_property
    def _own_segments(self) -> OwnSegments:
        return OwnSegments(self.labels.values())

    def color_rgb(self, value: int) -> tuple[int, int, int]:
        return self.segment(value).color_rgb or color_of(value)


def is_image_model(folder: Path) -> bool:
    """Whether the card in a folder names one of the outputs of single images."""
    try:
        return str(stated_in(folder)["model"]["output"]) in OUTPUTS
    except (KeyError, TypeError):
        return False


def describe_image_model(folder: Path) -> ImageModelDescription:
    """Read card and configuration. Raises InvalidRequest naming what is wrong."""
    card = parsed(ImageCard, folder / CARD_FILE)
    model = card.model
    form: Format = "served" if card.served else _format_of(folder)
    if form == "transformers" and model.heat_map is not None and model.heat_map.output:
        raise InvalidRequest(
            f"{folder / CARD_FILE} names an output for its heat map, and a Hugging Face model gives"
            " none.",
            remedy="State heat_map.grid, or export the network as model.ts or model.onnx.",
        )
    if form == "transformers" and model.output == "object-detection" and len(card.inputs) > 1:
        raise InvalidRequest(
            f"{folder / CARD_FILE} gives a detector several images, and a Hugging Face model does"
            " not say in which of them a box lies.",
            remedy="Export the network as model.ts or model.onnx with an output images as well.",
        )
    config = _json(folder / _CONFIG) if form == "transformers" else {}
    labels = {int(value): label for value, label in model.labels.items()} or {
        int(value): str(label) for value, label in dict(config.get("id2label") or {}).items()
    }
    if model.numbers:
        # Transformers names the outputs of a regression LABEL_0 and so on.
        labels = {int(value): one.label for value, one in model.numbers.items()}
    if not labels:
        raise InvalidRequest(
            f"{folder / CARD_FILE} names no labels, and neither does {_CONFIG}.",
            remedy='Add "labels": {"0": "...", "1": "..."} to the model of the card.',
        )
    if not model.numbers:
        check_segments(card, labels, folder / CARD_FILE)
    labels = _distinct(labels)
    stated = [one.label for one in card.segments.values()]
    if len(set(stated)) < len(stated):
        raise InvalidRequest(
            f"{folder / CARD_FILE} names two segments alike.",
            remedy="Give each class a label of its own.",
        )
    _check_critical(card, labels, folder)
    _check_thresholds(card, labels, folder)
    if model.frames is not None:
        try:
            model.frames.check(model.output, [str(value) for value in labels])
        except ValueError as error:
            raise InvalidRequest(
                f"{folder / CARD_FILE}: {error}.", remedy="Name classes by their numbers."
            ) from error
    background = model.background
    if background is None and model.output == "image-segmentation":
        background = 0
    return ImageModelDescription(
        folder=folder,
        format=form,
        name=slug(model.name),
        version=model.version,
        title=card.title or model.name,
        card=card,
        preprocessing=_completed(model.image, folder, form),
        labels=labels,
        background=background,
        activation="none"
        if model.numbers
        else model.activation or _activation(config, len(labels)),
    )


def _check_critical(card: ImageCard, labels: dict[int, str], folder: Path) -> None:
    """An alert that can never come must not be taken for one that has not come yet."""
    if card.model.output not in ("image-classification", "image-regression", "object-detection"):
        return
    # What the card calls a class counts before the model's own word for it.
    given = {
        value: card.segments[str(value)].label if str(value) in card.segments else label
        for value, label in labels.items()
    }
    known = {label.casefold() for label in given.values()}
    known |= {one.code[0].casefold() for one in card.segments.values() if one.code}
    known |= {one.code[0].casefold() for one in card.model.numbers.values() if one.code}
    for limit in card.critical:
        if limit.finding.casefold() not in known:
            raise InvalidRequest(
                f"{folder / CARD_FILE} has a critical finding “{limit.finding}”, and the model"
                f" gives {', '.join(f'“{label}”' for label in given.values())}.",
                remedy="Name one of them.",
            )
        if card.model.output == "image-classification" and limit.confidence_at_least is None:
            raise InvalidRequest(
                f"{folder / CARD_FILE} has limits of “{limit.finding}” by a value, and a label has"
                " a probability alone.",
                remedy="State confidence_at_least.",
            )


def _check_thresholds(card: ImageCard, labels: dict[int, str], folder: Path) -> None:
    """One of a class that there is none of would silently leave the right one at 0.5."""
    unknown = next((one for one in card.model.thresholds if int(one) not in labels), None)
    if unknown is not None:
        raise InvalidRequest(
            f"{folder / CARD_FILE} has a threshold of class {unknown}, and the model's classes are"
            f" {', '.join(str(one) for one in labels)}.",
            remedy="Name classes by their numbers.",
        )


def add_image_model(settings: Settings, folder: Path) -> ImageModelDescription:
    """Copy a model to where models lie, with the digest of every file.

    Raises InvalidRequest where it is none that can be run.
    """
    found = describe_image_model(folder)
    refuse_code(folder)
    place = f"{found.name}@{found.version}"
    return describe_image_model(
        install(settings, folder, place, files_of(folder), keep_digests=True)
    )


def _format_of(folder: Path) -> Format:
    for name, form in _WEIGHTS.items():
        if (folder / name).is_file():
            return form
    if not (folder / _CONFIG).is_file() or not any(folder.glob("*.safetensors")):
        raise InvalidRequest(
            f"{folder} holds none of model.ts, model.onnx, or {_CONFIG} with model.safetensors.",
            remedy="Save the model by save_pretrained, as safetensors.",
        )
    unsafe = [path.name for path in files_of(folder) if path.suffix in _UNSAFE]
    if unsafe or "auto_map" in _json(folder / _CONFIG):
        raise InvalidRequest(
            f"{folder} brings {unsafe[0] if unsafe else 'an auto_map'}: code or pickles, which"
            " would be executed.",
            remedy=f"Remove it; only {_CONFIG}, {_PROCESSOR} and safetensors are read.",
        )
    return "transformers"


def _distinct(labels: dict[int, str]) -> dict[int, str]:
    """Labels that several classes share, such as N/A, with the number of the class."""
    counts = Counter(labels.values())
    return {
        value: f"{label} {value}" if counts[label] > 1 else label for value, label in labels.items()
    }


def _activation(config: dict[str, Any], labels: int) -> Activation:
    """A single class is a yes or no; among one alone, softmax would always be sure."""
    several = config.get("problem_type") == "multi_label_classification"
    return "sigmoid" if several or labels == 1 else "softmax"


def _completed(card: Preprocessing, folder: Path, form: Format) -> Preprocessing:
    """The card, and from preprocessor_config.json what it leaves out."""
    changes: dict[str, Any] = {}
    stated = _json(folder / _PROCESSOR) if (folder / _PROCESSOR).is_file() else {}
    if card.channels is None:
        changes["channels"] = 3 if form == "transformers" else 1
    if card.mean is None and stated:
        changes["mean"], changes["std"] = _mean_and_std(stated, folder)
    if card.resize is None and stated.get("do_resize", True) and stated.get("size"):
        changes["resize"] = _resize(stated, folder)
    return card.model_copy(update=changes)


def _mean_and_std(
    stated: dict[str, Any], folder: Path
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    # Such processors count from 0 to 255 unless they rescale; here white is 1.
    normalizes = stated.get("do_normalize", True) and stated.get("image_mean")
    try:
        factor = float(stated.get("rescale_factor") or 1 / 255)
        white = 255.0 * factor if stated.get("do_rescale", True) else 255.0
        mean = [float(one) / white for one in (stated["image_mean"] if normalizes else [0.0])]
        std = [float(one) / white for one in (stated["image_std"] if normalizes else [1.0])]
        check_numbers({"image_mean": mean, "image_std": std})
        if min(std) <= 0:
            raise ValueError("image_std is not above 0")
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise InvalidRequest(
            f"{folder / _PROCESSOR} states no mean and standard deviation that can be used.",
            remedy="Correct image_mean, image_std and rescale_factor, or state both in the card.",
        ) from error
    return tuple(mean), tuple(std)


def _resize(stated: dict[str, Any], folder: Path) -> Resize:
    size = stated["size"]
    cut = stated.get("crop_size") if stated.get("do_center_crop") else None
    if isinstance(size, int):
        size = {"height": size, "width": size}
    try:
        if cut is not None:
            cut = {"height": cut, "width": cut} if isinstance(cut, int) else cut
            shortest = int(size.get("shortest_edge") or min(size["height"], size["width"]))
            grid = int(cut["height"]), int(cut["width"])
            return Resize(size=grid, fit="crop", shortest_edge=shortest)
        if "height" in size:
            return Resize(size=(int(size["height"]), int(size["width"])))
        longest = size.get("longest_edge")
        return Resize(
            shortest_edge=int(size["shortest_edge"]),
            longest_edge=None if longest is None else int(longest),
        )
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise InvalidRequest(
            f"{folder / _PROCESSOR} states a size that is not understood.",
            remedy="Name the resize in the card: model.image.resize.",
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        read = read_json(path)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} is not JSON.", remedy="Get the model again.") from error
    if not isinstance(read, dict):
        raise InvalidRequest(f"{path} is not a JSON object.", remedy="Get the model again.")
    return read
