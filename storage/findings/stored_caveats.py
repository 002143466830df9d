"""Caveats as they lie in the index, also those of older versions, which stored the text alone."""

import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict, get_args

from storage.core.caveats import Caveat, CaveatKind, Limit


class StoredCaveat(TypedDict):
    kind: CaveatKind
    text: str
    limits: NotRequired[list[Limit]]


_BEGINNINGS: tuple[tuple[str, CaveatKind], ...] = (
    ("Outside the population", "outside_population"),
    ("The series holds", "part_of_series"),
    ("The images were made with", "tube_voltages"),
    ("The images are of a multi-energy acquisition", "tube_voltages"),
    ("Registered with a residual", "registered_with_residual"),
    ("Not compared with the study", "not_compared"),
    ("Lung volume differs from that of the study", "other_breath"),
    ("Compared across slice thicknesses with the study", "other_slices"),
    ("Compared with the study", "other_side"),
)
_CONTRAST = re.compile("with(out)? contrast agent")


def read_caveats(stored: Sequence[str | StoredCaveat]) -> tuple[Caveat, ...]:
    return tuple(
        _of_text(one)
        if isinstance(one, str)
        else Caveat(one["kind"], one["text"], tuple(one.get("limits", ())))
        for one in stored
    )


def _of_text(text: str) -> Caveat:
    known = (kind for begins, kind in _BEGINNINGS if text.startswith(begins))
    kind: CaveatKind = next(known, "other")
    return Caveat(kind, text, _limits(text) if kind == "outside_population" else ())


def _limits(text: str) -> tuple[Limit, ...]:
    phrases = text.rstrip(".").partition(": ")[2].rpartition(": ")[2].split("; ")
    return tuple(
        limit
        for limit in get_args(Limit)
        if any(
            phrase.startswith(f"{limit} ")
            or (limit == "contrast agent" and _CONTRAST.fullmatch(phrase))
            for phrase in phrases
        )
    )
