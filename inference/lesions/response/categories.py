"""The category of a study by its sums, by the published rules."""

from collections.abc import Sequence
from typing import Literal

from inference.lesions.course import Seen
from inference.lesions.measurable import is_measurable
from inference.lesions.response.reasons import Reason
from inference.lesions.response.target_sizes import MEASURABLE_NODE_MM, is_normal_node

Category = Literal["baseline", "CR", "PR", "SD", "PD", "NE"]


def _is_left(one: Seen) -> bool:
    """Of no target: nodes below 10 mm are as they should be."""
    return is_measurable(one.lesion) and not is_normal_node(one)


def recist_category(
    total: float,
    baseline: float,
    nadir: float,
    of_targets: Sequence[Seen],
    others: Sequence[Seen],
) -> tuple[Category, Reason]:
    if all(is_normal_node(one) for one in of_targets):
        # RECIST 1.1, table 1: complete is a response of all lesions alone.
        if any(_is_left(one) for one in others):
            return "PR", "others_left"
        return "CR", "all_gone"
    if total - nadir >= 5 and total >= 1.2 * nadir:
        return "PD", "grown"
    if total <= 0.7 * baseline:
        return "PR", "less"
    return "SD", "stable"


def lugano_category(
    total: float,
    baseline: float,
    nadir: float,
    of_targets: Sequence[Seen],
    _others: Sequence[Seen],
) -> tuple[Category, Reason]:
    if all((one.lesion.long_axis_mm or 0.0) <= MEASURABLE_NODE_MM for one in of_targets):
        return "CR", "products_normal"
    if total >= 1.5 * nadir:
        return "PD", "products_grown"
    if total <= 0.5 * baseline:
        return "PR", "products_less"
    return "SD", "products_stable"
