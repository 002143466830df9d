"""The studies of a hospital's working day: when each comes, from which modality, and how urgent."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from api.planning.load import MODALITIES, Load

# Percent of a day's studies by hour. Assumed; the busiest has as much as `mediview plan` assumes.
BY_HOUR: Sequence[float] = (
    *(0.8, 0.6, 0.5, 0.5, 0.6, 0.8, 1.7, 4.5, 9.0, 11.5, 12.0, 10.5),
    *(6.5, 8.0, 8.0, 6.5, 4.5, 3.0, 2.8, 2.2, 1.8, 1.5, 1.2, 1.0),
)
PEAK_HOUR = BY_HOUR.index(max(BY_HOUR))
STAT_PERCENT = 15.0
_SERIES_OF = {"CT": 3, "MR": 5, "PT": 2}
"""Series of a study, assumed; of other modalities one."""
PIPELINES = {"CT": "lung-density", "MR": "brain-volume"}
"""Of which modality each pipeline takes a series."""


@dataclass(frozen=True)
class Arrival:
    """A study that a modality begins to send."""

    after_s: float
    """Of the replay, from its start."""
    modality: str
    series: Sequence[int]
    """Instances of each."""
    is_stat: bool
    is_for_pipeline: bool
    """Its first series is of the body part that the modality's pipeline takes."""


def arrivals(
    load: Load, *, from_hour: float, hours: float, speed: float, rng: random.Random
) -> list[Arrival]:
    """Those of a part of the day, at so many times its speed, in the order in which they begin.

    By a Poisson process whose rate is that of the hour.
    """
    names, shares = zip(*load.mix.items(), strict=True)
    found: list[Arrival] = []
    hour = from_hour
    while True:
        by_hour = load.studies_per_day * BY_HOUR[math.floor(hour) % 24] / 100
        # No hour has none; what is left of this one is short beside the next study's distance.
        hour += rng.expovariate(by_hour)
        if hour >= from_hour + hours:
            return found
        modality = rng.choices(names, shares)[0]
        pipeline = PIPELINES.get(modality, "")
        wanted = load.pipelines.get(pipeline, 0.0) / load.mix[modality]
        found.append(
            Arrival(
                after_s=(hour - from_hour) * 3600 / speed,
                modality=modality,
                series=_series(modality),
                is_stat=rng.random() * 100 < STAT_PERCENT,
                is_for_pipeline=rng.random() < wanted,
            )
        )


def _series(modality: str) -> list[int]:
    count = MODALITIES[modality].instances
    parts = _SERIES_OF.get(modality, 1)
    return [count // parts + (part < count % parts) for part in range(parts)]
