"""How the values of a reference population are distributed."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, NamedTuple

_STANDARD = NormalDist()
# Below it the transformation is the logarithm, as far as a float can tell.
_SMALLEST_POWER = 1e-8


@dataclass(frozen=True)
class Distribution:
    """Of the LMS method (Cole and Green, Stat Med 1992; 11: 1305-1319).

    `l`: power of the Box-Cox transformation; `m`: median; `s`: coefficient of variation.
    """

    l: float  # noqa: E741 - its name in the method
    m: float
    s: float

    def z_score(self, value: float) -> float | None:
        """None of a value that the transformation cannot take."""
        if value <= 0:
            return None
        if abs(self.l) < _SMALLEST_POWER:
            return math.log(value / self.m) / self.s
        return float(((value / self.m) ** self.l - 1) / (self.l * self.s))

    def value_at(self, z_score: float) -> float | None:
        """None where the distribution ends before that."""
        if abs(self.l) < _SMALLEST_POWER:
            return self.m * math.exp(self.s * z_score)
        base = 1 + self.l * self.s * z_score
        return None if base <= 0 else float(self.m * base ** (1 / self.l))

    @property
    def median(self) -> float:
        return self.m


@dataclass(frozen=True)
class NormalDistribution:
    """By mean and standard deviation, in the unit of the values."""

    mean: float
    sd: float

    def z_score(self, value: float) -> float:
        return (value - self.mean) / self.sd

    def value_at(self, z_score: float) -> float:
        return self.mean + z_score * self.sd

    @property
    def median(self) -> float:
        return self.mean


def percentile_of(z_score: float) -> float:
    """To a tenth, from 0.1 to 99.9: no reference population is large enough for its ends."""
    return min(max(round(_STANDARD.cdf(z_score) * 100, 1), 0.1), 99.9)


class ShownPercentile(NamedTuple):
    """As people read it: a whole number from 1 to 99, or that the value lies beyond these."""

    number: int
    place: Literal["below", "at", "above"] = "at"


def shown_percentile(percentile: float) -> ShownPercentile:
    """Halves are rounded up, as in the viewer."""
    if percentile < 1:
        return ShownPercentile(1, "below")
    if percentile > 99:
        return ShownPercentile(99, "above")
    return ShownPercentile(math.floor(percentile + 0.5))
