"""Which lesions the sums go by, and what they take of each: of RECIST 1.1 a diameter, of Lugano
the product of both."""

from collections import Counter

from inference.lesions.course import Seen, Visit
from inference.lesions.measurable import is_measurable, is_node

_MOST_TARGETS, _MOST_OF_A_TYPE = 5, 2
_LEAST_MM, _LEAST_NODE_MM = 10.0, 15.0
_THICK_FROM_MM = 5.0
"""Slices above it: a target is twice as long as they are thick (RECIST 1.1, 3.1.1)."""
_MOST_NODES, MEASURABLE_NODE_MM = 6, 15.0

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


def recist_targets(visit: Visit) -> list[Seen]:
    """Of the first study: the largest, at most five, two of a type."""
    thickness_mm = visit.slice_thickness_mm or 0.0
    of_thick_mm = 2 * thickness_mm if thickness_mm > _THICK_FROM_MM else 0.0
    found: list[Seen] = []
    of_type: Counter[str] = Counter()
    for one in sorted(visit.seen, key=lambda one: recist_size(one) or 0.0, reverse=True):
        least = _LEAST_NODE_MM if is_node(one.lesion) else _LEAST_MM
        kind = one.lesion.type.value
        if (
            (recist_size(one) or 0.0) >= max(least, of_thick_mm)
            and is_measurable(one.lesion)
            and not one.lesion.is_truncated
            and of_type[kind] < _MOST_OF_A_TYPE
            and len(found) < _MOST_TARGETS
        ):
            of_type[kind] += 1
            found.append(one)
    return found


def lugano_targets(visit: Visit) -> list[Seen]:
    """Of the first study: the six largest lymph nodes."""
    nodes = [
        one
        for one in visit.seen
        if is_node(one.lesion)
        and is_measurable(one.lesion)
        and lugano_size(one) is not None
        and (one.lesion.long_axis_mm or 0.0) > MEASURABLE_NODE_MM
        and not one.lesion.is_truncated
    ]
    return sorted(nodes, key=lambda one: lugano_size(one) or 0.0, reverse=True)[:_MOST_NODES]
