"""95% intervals of what was measured over cases."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
NOWHERE: Interval = (math.nan, math.nan)

_CONFIDENCE = 0.95
_RESAMPLES = 2000
_SEED = 20
"""The same cases give the same interval again."""
_ELEMENTS_AT_ONCE = 2_000_000


def resampled(samples: Sequence[NDArray[Any]], statistic: Callable[..., Any]) -> Interval:
    """By a bootstrap over the cases of each sample (percentiles)."""
    from scipy.stats import bootstrap

    done: Any = bootstrap(
        samples,
        statistic,
        n_resamples=_RESAMPLES,
        batch=max(1, _ELEMENTS_AT_ONCE // sum(map(len, samples))),
        confidence_level=_CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    return float(done.confidence_interval.low), float(done.confidence_interval.high)


def of_share(count: int, of: int) -> Interval:
    """By Wilson's method."""
    from scipy.stats import binomtest

    if not of:
        return NOWHERE
    interval = binomtest(count, of).proportion_ci(_CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
