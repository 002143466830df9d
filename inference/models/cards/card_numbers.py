"""How large and how small the numbers of a model's card may be."""

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

SpacingMm = Annotated[float, Field(ge=0.001, le=1000)]
VoxelEdge = Annotated[int, Field(ge=1, le=4096)]
"""Of a tile or of a whole image that a network sees, in voxels."""
MOST_VOXELS = 2**30
"""Of such a tile: 4 GiB of float32, 1,024 along each edge."""
_LEAST, _MOST = 1e-12, 1e12


def check_numbers(stated: Any) -> None:
    """Raises ValueError naming the first number that is none a card could mean.

    NaN and infinity pass every comparison or none, and a threshold of 1e300 is a slip of somebody
    or an attempt at the arithmetic behind it.
    """
    for place, number in _numbers(stated):
        size = abs(number)
        if not (size == 0 or _LEAST <= size <= _MOST):
            raise ValueError(
                f"{place} is {str(number)[:24]}; numbers of a card are 0, or between 1e-12 and 1e12"
                " in size"
            )


def check_ascending(**bounds: float | None) -> None:
    """Raises ValueError where the first of two bounds, by their names, lies above the second."""
    (low_name, low), (high_name, high) = bounds.items()
    if low is not None and high is not None and low > high:
        raise ValueError(f"{low_name} is {low:g} and {high_name} is {high:g}; exchange them")


def check_pair(name: str, pair: tuple[float, float] | None) -> None:
    """Raises ValueError where the first of a pair lies above the second."""
    if pair is not None and pair[0] > pair[1]:
        raise ValueError(f"{name} begins at {pair[0]:g} and ends at {pair[1]:g}; exchange them")


def check_voxels(name: str, edges: tuple[int, ...] | None) -> None:
    """Raises ValueError where so many voxels at once are more than a machine takes."""
    if edges is not None and math.prod(edges) > MOST_VOXELS:
        raise ValueError(
            f"{name} has {math.prod(edges):,} voxels; {MOST_VOXELS:,} are allowed at once"
        )


def _numbers(stated: Any) -> Iterator[tuple[str, int | float]]:
    """Each number with its place, as `model.spacing_mm.0`."""
    waiting: list[tuple[str, Any]] = [("", stated)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{place}.{str(key)[:40]}", one) for key, one in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{place}.{index}", one) for index, one in enumerate(value)]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield place.lstrip("."), value
