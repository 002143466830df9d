"""One figure of several labels, or segments, for a gate."""

import math
from collections.abc import Collection, Mapping, Sequence

_LOWEST = ("_lower", "_minimum")


def means_over(
    names: Collection[str], of_labels: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """The mean of each metric over labels; of lower limits and of what is lowest the lowest.

    A metric that one of the labels lacks is left out, so that no gate opens by the others.
    """
    found = {}
    for name in names:
        values = [one[name] for one in of_labels if name in one]
        if values and len(values) == len(of_labels):
            is_lowest = name.endswith(_LOWEST)
            found[name] = min(values) if is_lowest else math.fsum(values) / len(values)
    return found
