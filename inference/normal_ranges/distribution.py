"""How the values of a reference population are distributed."""

import math
from dataclasses import dataclass
from statistics import NormalDist

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
    """From 0 to 100."""
    return _STANDARD.cdf(z_score) * 100
