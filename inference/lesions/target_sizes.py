"""What the sums take of a lesion: of RECIST 1.1 a diameter, of Lugano the product of both."""

from inference.lesions.course import Seen
from inference.lesions.measurable import is_node

NORMAL_NODE_MM = 10.0
"""Of the short axis, below which a lymph node is as it should be (RECIST 1.1)."""


def recist_size(one: Seen) -> float | None:
    """mm; None of what a reader rejected."""
    return one.lesion.short_axis_mm if is_node(one.lesion) else one.lesion.long_axis_mm


def lugano_size(one: Seen) -> float | None:
    """mm2; None where a reader rejected one of the axes."""
    long_mm, short_mm = one.lesion.long_axis_mm, one.lesion.short_axis_mm
    return None if long_mm is None or short_mm is None else long_mm * short_mm


def is_normal_node(one: Seen) -> bool:
    short_mm = one.lesion.short_axis_mm
    return is_node(one.lesion) and short_mm is not None and short_mm < NORMAL_NODE_MM
