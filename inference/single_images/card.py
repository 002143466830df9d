"""What `mediview.json` says of a model of single images: its input, its answer, its words."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from inference.model_servers.card import ServedImages
from inference.model_servers.tensors import plain_axes
from inference.models.cards.card_classes import all_named, not_empty
from inference.models.cards.card_file import Card
from inference.models.cards.card_gate import (
    CLASSIFICATION_METRICS,
    DETECTION_METRICS,
    REGRESSION_METRICS,
    SEGMENTATION_METRICS,
)
from inference.models.cards.card_inputs import BESIDE_INPUTS, CardImagePrior, CardInput
from inference.models.cards.card_numbers import check_ascending
from inference.models.cards.card_quantities import CardNumber, Channel
from inference.models.cards.card_terms import check_modality
from inference.models.cards.card_words import meant
from inference.models.description import VERSION_PATTERN
from inference.rules.conditions import Strict
from inference.single_images.card_frames import ClassNumber, Frames


def _as_dicom_writes(modality: str) -> str:
    if re.fullmatch(r"[A-Z]{2,8}", modality):
        check_modality(modality)
        return modality
    meant = modality.strip().upper()
    if re.fullmatch(r"[A-Z]{2,8}", meant):
        raise ValueError(f'"{modality}" is not how DICOM writes that modality: "{meant}"')
    raise ValueError(f'"{modality}" is not a modality: two to eight capital letters, such as "DX"')


OutputKind = Literal[
    "image-classification",
    "object-detection",
    "image-segmentation",
    "image-regression",
    "image-landmarks",
]
"""The last of MONAI's bundles alone."""
_OF_SEVERAL: tuple[OutputKind, ...] = (
    "image-classification",
    "object-detection",
    "image-segmentation",
)
Activation = Literal["softmax", "sigmoid", "none"]
_Percent = Annotated[float, Field(ge=0, le=100)]
_LABELS_AT_MOST = 65_536
"""Three times what the largest set of everyday things names."""
_Edge = Annotated[int, Field(ge=8, le=4096)]
_Modality = Annotated[str, AfterValidator(_as_dicom_writes), Field(max_length=16)]
_Letters = Annotated[str, Field(pattern=r"^[LRAPHF]$")]

DEFAULT_MODALITIES = ("CR", "DX", "MG", "US", "XA", "SC")


class Grey(Strict):
    """Which grey values become 0 and 1: at most one of the two.

    Without either, the image's own VOI LUT or window, or its full range where it has none.
    """

    values: tuple[float, float] | None = None
    """In units of the modality, after rescale slope and intercept."""
    percentiles: tuple[_Percent, _Percent] | None = None
    """Of what is not padding."""

    @model_validator(mode="after")
    def _one(self) -> "Grey":
        if self.values is not None and self.percentiles is not None:
            raise ValueError("names either values or percentiles")
        for pair in (self.values, self.percentiles):
            if pair is not None and pair[0] >= pair[1]:
                raise ValueError(
                    f"names {pair[0]:g} and {pair[1]:g}, and must name the lesser value first"
                )
        return self


class Resize(Strict):
    """How an image comes into the shape that the model wants."""

    size: tuple[_Edge, _Edge] | None = None
    """Rows, columns of the model's grid; left out: `shortest_edge`, or the image's own."""
    fit: Literal["stretch", "pad", "crop"] = "stretch"
    """`stretch` to the size whatever the proportions; `pad`: all of it, black beside it;
    `crop`: its middle. The last two keep proportions in the patient, whatever shape pixels have."""
    shortest_edge: _Edge | None = None
    """Of the resized image; with `crop`, of which the middle in `size` is then taken."""
    longest_edge: _Edge | None = None
    """The most that the longer edge may have where `shortest_edge` is stated."""

    @model_validator(mode="after")
    def _one(self) -> "Resize":
        if self.size is not None and self.shortest_edge is not None and self.fit != "crop":
            raise ValueError("names size and shortest_edge together only where fit is crop")
        if self.longest_edge is not None and self.shortest_edge is None:
            raise ValueError("longest_edge limits shortest_edge; name that, too")
        check_ascending(shortest_edge=self.shortest_edge, longest_edge=self.longest_edge)
        return self


class Preprocessing(Strict):
    """From the image that was sent to what the network is given.

    In this order: rescale, window, polarity, padding and shutters black, crop, orientation,
    resize, mean and standard deviation. Polarity is always that of display: MONOCHROME1 is
    inverted, so that bone is white.
    """

    grey: Grey = Grey()
    channels: Literal[1, 3] | None = None
    """Left out: as preprocessor_config.json says, or 3 of a Hugging Face model and 1 of others."""
    crop: Literal["none", "covered"] = "none"
    """`covered`: to what is neither padding nor behind a shutter."""
    shutters: Literal["black", "ignore"] = "black"
    orientation: tuple[_Letters, _Letters] | None = None
    """Where rows and columns lead, as in Patient Orientation: `["L", "F"]` for a film from the
    front. Images of the same plane are turned; others are refused."""
    resize: Resize | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[Annotated[float, Field(gt=0)], ...] | None = None

    @model_validator(mode="after")
    def _known(self) -> "Preprocessing":
        pairs = ({"L", "R"}, {"A", "P"}, {"H", "F"})
        if self.orientation is not None and any(set(self.orientation) <= one for one in pairs):
            raise ValueError("orientation needs two directions at right angles")
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std belong together")
        return self


class HeatMap(Strict):
    """How far the probability of the likeliest label falls where a part is made black; or what
    the network gives of it by itself."""

    grid: int = Field(8, ge=2, le=32)
    """Parts along each edge: the network runs once for each of them."""
    output: str = Field("", max_length=200)
    """The network's own: which of its outputs it is. Of ONNX the name, of TorchScript the key of
    the dictionary or the place in the tuple, from 0, that it answers."""
    meaning: str = Field("", max_length=200)
    """Of the network's own, in a sentence for readers, such as Grad-CAM of the last block."""

    @model_validator(mode="after")
    def _one(self) -> "HeatMap":
        if self.output and "grid" in self.model_fields_set:
            raise ValueError("names either a grid or an output of the network")
        if bool(self.output) != bool(self.meaning.strip()):
            raise ValueError("an output comes with its meaning, in words for readers")
        return self


class ImageModel(Strict):
    name: str = Field(min_length=1, max_length=48)
    version: str = Field(pattern=VERSION_PATTERN)
    output: OutputKind
    modalities: tuple[_Modality, ...] = DEFAULT_MODALITIES
    labels: dict[ClassNumber, str] = Field({}, max_length=_LABELS_AT_MOST)
    """The name of each class by its number; left out: those of config.json."""
    numbers: dict[Channel, CardNumber] = Field({}, max_length=64)
    """Of a regression, in place of labels: what each of its outputs is."""
    background: int | None = Field(None, ge=0)
    """The class that is no finding: of a segmentation 0 unless stated, else none."""
    activation: Activation | None = None
    """Left out: as config.json says; softmax of others."""
    calibration: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(not_empty)
    ] = ""
    """How its probabilities were calibrated, and on what; empty: not stated."""
    labels_at_most: int = Field(5, ge=1, le=64)
    """Of a classification: the likeliest labels that are stated."""
    thresholds: dict[ClassNumber, Annotated[float, Field(gt=0, le=1)]] = Field(
        {}, max_length=_LABELS_AT_MOST
    )
    """Of a classification: from which probability on an evaluation counts a class as found; left
    out: 0.5. Results state probabilities alone."""
    image: Preprocessing = Preprocessing()
    frames: Frames | None = None
    """Left out: multi-frame images are not taken."""
    images_at_most: int = Field(16, ge=1, le=256)
    """Of one series: a series with more is not taken."""
    heat_map: HeatMap | None = None

    _all_are_named = field_validator("labels")(all_named)

    @model_validator(mode="after")
    def _fits(self) -> "ImageModel":
        if self.heat_map is not None and self.output != "image-classification":
            raise ValueError("heat_map is for image-classification")
        if self.thresholds and self.output != "image-classification":
            raise ValueError("thresholds are for image-classification")
        is_regression = self.output == "image-regression"
        if is_regression != bool(self.numbers) or (is_regression and self.labels):
            raise ValueError("image-regression names numbers and no labels; others no numbers")
        if is_regression and self.activation not in (None, "none"):
            raise ValueError("image-regression has no activation")
        if self.frames is not None:
            self.frames.check(self.output, self.labels)
        return self


class ImageCard(Card):
    """`mediview.json` of a model of single images."""

    _forms: ClassVar[tuple[str, ...]] = ("boxes",)
    model: ImageModel
    prior: CardImagePrior | None = None
    """The image of the same view of the nearest earlier study, in further channels."""
    served: ServedImages | None = None
    """The model server that computes it; then the folder holds no weights."""

    @model_validator(mode="after")
    def _served_shape(self) -> "ImageCard":
        served, output = self.served, self.model.output
        if served is None:
            return self
        asked = "" if self.model.heat_map is None else self.model.heat_map.output
        if asked != ("" if served.heat_map is None else served.heat_map.name):
            raise ValueError("served.heat_map is the tensor that model.heat_map.output names")
        if served.input is None or plain_axes(served.input) != "NCHW":
            raise ValueError("served.input is an image, with the axes N, C, H and W")
        if (output == "object-detection") != (served.detections is not None):
            raise ValueError("served.detections is of object-detection, and output of the others")
        if served.detections and (served.detections.images is None) != (len(self.inputs) < 2):
            raise ValueError("served.detections.images is of a detector in several inputs")
        if served.output is None:
            return self
        sees_all = output in ("image-classification", "image-regression")
        if sees_all != (served.output.axes == "NC"):
            raise ValueError(
                "served.output of a classification or regression has N and C, else also H, W"
            )
        return self

    @model_validator(mode="after")
    def _prior_fits(self) -> "ImageCard":
        if self.prior is None:
            return self
        if self.model.output == "image-landmarks":
            raise ValueError("prior is for networks that get images as channels, not for bundles")
        resize = self.model.image.resize
        if resize is None or resize.size is None:
            raise ValueError("prior needs model.image.resize.size: both images have one shape")
        return self

    @model_validator(mode="after")
    def _several_fit(self) -> "ImageCard":
        if not self.inputs:
            return self
        of_series = ("registration", "structures")
        stated = next((key for key in of_series if self._states(key)), "")
        if stated:
            raise ValueError(f"{stated} is of series that become volumes, not of images")
        images = [name for name, one in self.inputs.items() if not (one.prior_of or one.result_of)]
        for name, one in self.inputs.items():
            if one.result_of is not None and one.result_of.of not in images:
                raise ValueError(
                    f"of in inputs.{name} is '{one.result_of.of}', and must name an image of the"
                    f" study: {', '.join(images)}{meant(one.result_of.of, images)}"
                )
        if self.prior is not None:
            raise ValueError(f"prior {BESIDE_INPUTS}")
        if self.model.output not in _OF_SEVERAL:
            raise ValueError(f"inputs are of one of {', '.join(_OF_SEVERAL)}")
        if self.model.heat_map is not None and self.model.heat_map.output:
            raise ValueError("a heat_map in several images is by its grid, not by an output")
        resize = self.model.image.resize
        if resize is None or resize.size is None:
            raise ValueError("inputs need model.image.resize.size: all images have one shape")
        return self

    def _states(self, key: str) -> bool:
        """Whether one of the inputs states something else than is left out."""
        field = CardInput.model_fields[key]
        return any(getattr(one, key) != field.default for one in self.inputs.values())

    @model_validator(mode="after")
    def _gate_can_open(self) -> "ImageCard":
        if self.gate and not self._metrics():
            several = " of several images" if self.inputs else ""
            several = " of several numbers" if len(self.model.numbers) > 1 else several
            beside = " with a prior" if self.prior is not None else several
            raise ValueError(
                f"gate asks for an evaluation, and there is none yet of {self.model.output}{beside}"
            )
        return self

    def _metrics(self) -> tuple[str, ...]:
        if self.prior is not None or self.inputs:
            return ()
        # Errors of several numbers have no unit in common.
        of_numbers = REGRESSION_METRICS if len(self.model.numbers) == 1 else ()
        return {
            "image-classification": CLASSIFICATION_METRICS,
            "image-regression": of_numbers,
            "object-detection": DETECTION_METRICS,
            "image-segmentation": SEGMENTATION_METRICS,
        }.get(self.model.output, ())
