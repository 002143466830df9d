"""What a card says of quantities that a model gives: of maps, and of the numbers in them."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from inference.pipeline_output import Measurement, ParametricMap
from inference.refusals import ModelUnusable
from inference.rules.conditions import Strict
from storage.core.findings import Axis, Code, Curve, Interval
from storage.core.text.outside_text import text_from_outside

SCHEME = "99MEDIVIEW"


def shown_as_it_is(text: str) -> str:
    """Of labels and codes, which stand in DICOM. Raises ValueError."""
    if "\\" in text or text_from_outside(text, len(text)) != text:
        raise ValueError("has a backslash, or a character of control or of direction")
    return text


Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(shown_as_it_is)]
Short = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(shown_as_it_is)]
ChannelNumber = Annotated[int, Field(ge=0, le=9999)]
Channel = Annotated[str, Field(pattern=r"^\d{1,4}$")]
"""As a key of a card."""
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
CodeOf = tuple[Short, Short, Label]
"""Value, scheme designator, meaning."""


def code_of(label: str, stated: tuple[str, str, str] | None) -> Code:
    """Under a code of the node's own where none is stated."""
    return Code(*stated) if stated else Code(label[:16], SCHEME, label)


def unit_of(code: str) -> Code:
    """By its UCUM code."""
    return Code(code, "UCUM", code)


class StatedInterval(Strict):
    """In the unit of the value that it is of."""

    low: Number
    high: Number
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    @property
    def stated(self) -> Interval:
        return Interval(self.low, self.high, self.level)


class StatedAxis(Strict):
    label: Label
    unit: Short
    code: CodeOf | None = None

    @property
    def axis(self) -> Axis:
        return Axis(self.label, code_of(self.label, self.code), unit_of(self.unit))


class StatedCurve(Strict):
    """The curve that a number was read from."""

    x: StatedAxis
    y: StatedAxis
    points: tuple[tuple[Number, Number], ...] = Field(min_length=2, max_length=500)
    """x and y each, by ascending x."""

    @property
    def stated(self) -> Curve:
        return Curve(self.x.axis, self.y.axis, self.points)


class ChannelInterval(Strict):
    """Of a number that a network gives: two channels for its ends, or so much to either side."""

    low: ChannelNumber | None = None
    high: ChannelNumber | None = None
    plus_minus: Annotated[float, Field(gt=0)] | None = None
    """In the unit of the number."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    @model_validator(mode="after")
    def _one(self) -> "ChannelInterval":
        ends = (self.low is not None, self.high is not None)
        if ends not in ((True, True), (False, False)) or all(ends) == (self.plus_minus is not None):
            raise ValueError("names low and high, or plus_minus alone")
        return self


class ChannelCurve(Strict):
    """Of a number that a network gives: the channels that are the curve it was read from."""

    x: StatedAxis
    y: StatedAxis
    first: ChannelNumber
    """The channel of the first point; the others follow."""
    points: int = Field(ge=2, le=500)
    start: Number = 0.0
    step: Annotated[float, Field(gt=0)] = 1.0
    """Where the first point lies on x, and how far the next one from it."""
    scale: float = 1.0
    offset: float = 0.0


class CardNumber(Strict):
    """A number that a network gives, by its channel."""

    label: Label
    unit: Short
    """A UCUM code: `a`, `mm`, `mL/min`, `1`."""
    code: CodeOf | None = None
    scale: float = 1.0
    offset: float = 0.0
    """The number is `scale` times what the network gives, and `offset`; the ends of its interval
    likewise."""
    interval: ChannelInterval | None = None
    curve: ChannelCurve | None = None

    @property
    def channels(self) -> tuple[int, ...]:
        """What it needs beside its own."""
        found = []
        if self.interval is not None and self.interval.low is not None:
            found += [self.interval.low, self.interval.high or 0]
        if self.curve is not None:
            found.append(self.curve.first + self.curve.points - 1)
        return tuple(found)

    def measured(self, answer: Sequence[float], channel: int) -> Measurement:
        """`answer`: all that the network gives. Raises ModelUnusable where it is too little."""
        short = [one for one in (channel, *self.channels) if one >= len(answer)]
        if short:
            raise ModelUnusable(
                f"The network gives {len(answer)} numbers, and the card names channel {short[0]}"
                f" for {self.label}.",
                remedy="Count the channels from 0.",
            )
        value = self._scaled(answer[channel])
        return Measurement(
            self.label,
            code_of(self.label, self.code),
            value,
            unit_of(self.unit),
            interval=self._interval(answer, value),
            curve=self._curve(answer),
        )

    def _scaled(self, given: float) -> float:
        return self.scale * float(given) + self.offset

    def _interval(self, answer: Sequence[float], value: float) -> Interval | None:
        stated = self.interval
        if stated is None:
            return None
        if stated.plus_minus is not None:
            return Interval(value - stated.plus_minus, value + stated.plus_minus, stated.level)
        ends = [self._scaled(answer[one or 0]) for one in (stated.low, stated.high)]
        # A negative scale turns them round.
        return Interval(min(ends), max(ends), stated.level)

    def _curve(self, answer: Sequence[float]) -> Curve | None:
        stated = self.curve
        if stated is None:
            return None
        points = tuple(
            (
                stated.start + stated.step * number,
                stated.scale * float(answer[stated.first + number]) + stated.offset,
            )
            for number in range(stated.points)
        )
        return Curve(stated.x.axis, stated.y.axis, points)


class CardMap(Strict):
    """A quantity at each voxel."""

    label: Label
    unit: Short
    """A UCUM code: `mm2/s`, `mL/min`, `Gy`, `1`."""
    code: CodeOf | None = None
    """Of the quantity; left out: one of the node's own."""
    scale: float = 1.0
    offset: float = 0.0
    """The quantity is `scale` times what the model gives, and `offset`."""
    window: tuple[float, float] | None = None
    """What pictures show; left out: from the 1st to the 99th percentile."""

    @model_validator(mode="after")
    def _fits(self) -> "CardMap":
        if self.scale == 0:
            raise ValueError("scale is not 0")
        if self.window is not None and self.window[0] >= self.window[1]:
            raise ValueError("window names the lesser value first")
        return self

    def map_of(
        self, values: NDArray[np.float32], not_imaged: NDArray[np.bool_] | None
    ) -> ParametricMap:
        """`values`: shape (slices, rows, columns), as the model gives them. Where nothing was
        imaged, there is no value."""
        found = np.float32(self.scale) * values + np.float32(self.offset)
        found[~np.isfinite(found)] = np.nan
        if not_imaged is not None:
            found[not_imaged] = np.nan
        return ParametricMap(
            self.label,
            code_of(self.label, self.code),
            unit_of(self.unit),
            found.astype(np.float32, copy=False),
            self.window,
        )
