"""An added model as the node needs to know it, whatever form it came in."""

import colorsys
import re
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from inference.model_servers.card import ServedModel
from inference.model_servers.endpoint import Endpoint
from inference.models.cards.card_file import Card, CardSegment
from inference.models.cards.card_precision import CardHalfPrecision
from inference.models.cards.card_quantities import CardMap, CardNumber

# It names a folder and stands in addresses.
VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_GOLDEN_ANGLE = 0.381966
_CODE_MAX_CHARACTERS = 16

OutputKind = Literal[
    "segmentation", "classification", "detection", "landmarks", "parametric-map", "regression"
]


class ModelDescription(BaseModel):
    """`labels` are the classes of its output by value, without 0."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    inference_file: Path | None
    configuration: dict[str, Any] = {}
    """What stands in for the file where there is none."""
    prefix: str = "bundle"
    """Of the pipeline's name."""
    probe_shape: tuple[int, ...] | None = None
    """What the network is shown in its self-test, where it does not take any shape."""
    channels: int | None = None
    """Of what the network is shown; left out: one for each input of the card, or one."""
    name: str
    version: str
    title: str
    description: str
    licence: str
    intended_use: str
    modality: str
    kind: OutputKind
    labels: dict[int, str]
    maps: dict[int, CardMap] = {}
    """Of a parametric map: the quantity of each channel."""
    numbers: dict[int, CardNumber] = {}
    """Of a regression: the number of each channel."""
    background: int | None
    card: Card
    half_precision: CardHalfPrecision | None = None
    """Where its card asks for it."""
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
        return self._own_segments.of(self.labels.get(value, f"class {value}"))

    @cached_property
    def _own_segments(self) -> "OwnSegments":
        return OwnSegments(self.labels.values())

    def color_rgb(self, value: int) -> tuple[int, int, int]:
        """The card's colour, or one that differs from its neighbours'."""
        stated = self.segment(value).color_rgb
        if stated is not None:
            return stated
        return color_of(value)


class OwnSegments:
    """Classes under codes of the node's own: their labels, shortened to a code's 16 characters.

    Of labels that begin alike ("Right-Cerebellum-Exterior", "…-White-Matter") the codes end in
    digests.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._beginnings = Counter(label[:_CODE_MAX_CHARACTERS] for label in labels)

    def of(self, label: str) -> CardSegment:
        code = label[:_CODE_MAX_CHARACTERS]
        if self._beginnings[code] > 1:
            code = f"{label[:11]}-{sha256(label.encode()).hexdigest()[:4]}"
        return CardSegment(label=label[:64], code=(code, "99MEDIVIEW", label[:64]))


def color_of(number: int) -> tuple[int, int, int]:
    """A colour that differs from those of the numbers around."""
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN_ANGLE) % 1.0, 0.55, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def slug(name: str) -> str:
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-")[:48] or "bundle"
