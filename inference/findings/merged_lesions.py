"""Lesions that merged or split: which parts of two studies make the same whole."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MergedLesions:
    """What belongs together in both studies, by tracking UID. A part is no earlier whole."""

    earlier_uids: tuple[str, ...]
    later_uids: tuple[str, ...]

    @property
    def relation(self) -> Literal["merged", "split", "regrouped"]:
        if len(self.later_uids) == 1:
            return "merged"
        return "split" if len(self.earlier_uids) == 1 else "regrouped"
