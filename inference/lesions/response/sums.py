"""The sums of the studies so far, and what they say of the next one."""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from inference.lesions.course import Seen
from inference.lesions.response.categories import Category
from inference.lesions.response.following import Followed
from inference.lesions.response.reasons import Reason

Decided = tuple[Category, tuple[Reason, ...]]
Size = Callable[[Seen], float | None]
"""None of what a reader rejected."""
Judge = Callable[[float, float, float, Sequence[Seen], Sequence[Seen]], tuple[Category, Reason]]
"""By the sum, that of the first study and the smallest; the targets, and the other lesions."""
_IN_PART: Mapping[Reason, Reason] = {
    "grown": "grown_in_part",
    "products_grown": "products_grown_in_part",
}


@dataclass(frozen=True)
class Point:
    """The sum of one study, and which lesions it holds beside the targets."""

    total: float
    others: Set[str]
    volume_mm3: float | None
    """Of the targets; None of what readers measured, or where a reader rejected one."""


@dataclass
class Sums:
    """Of the studies so far, by which the next one is judged."""

    judge: Judge
    size: Size
    points: list[Point] = field(default_factory=list)

    def judged(self, total: float, found: Followed, left: Sequence[Seen]) -> Decided:
        """What a whole holds beside a target may be as large as it was last by itself, or have gone
        into nothing: a category stands where both say it."""
        baseline, nadir = self.points[0].total, min(one.total for one in self.points)
        category, reason = self.judge(total, baseline, nadir, found.targets, left)
        if not found.others:
            return category, (reason,)
        beside = [self._beside(found.others, one.others) for one in self.points]
        at = min(range(len(beside)), key=lambda n: self.points[n].total + beside[n])
        least, nearest = max(total - beside[at], 0.0), self.points[at].total
        if self.judge(least, baseline, nearest, found.targets, left)[0] == category:
            return category, (reason, "holds_others")
        return "NE", ("holds_others",)

    def least(self, found: Followed, left: Sequence[Seen]) -> Decided | None:
        """What is certain where not every target was measured as a whole: progress by those that
        were, since the others only add to the sum; None where they are less."""
        if found.others:
            return None
        whole = [one for one in found.targets if not one.lesion.is_truncated]
        sizes = [size for one in whole if (size := self.size(one)) is not None]
        baseline, nadir = self.points[0].total, min(one.total for one in self.points)
        category, reason = self.judge(sum(sizes), baseline, nadir, found.targets, left)
        return ("PD", (_IN_PART[reason],)) if category == "PD" else None

    def _beside(self, others: Mapping[str, Sequence[Seen]], then: Set[str]) -> float:
        """The sizes of what has come in since; infinite of what was never by itself, or has no
        size."""
        return sum(
            sum(math.inf if (size := self.size(one)) is None else size for one in seen)
            if seen
            else math.inf
            for name, seen in others.items()
            if name not in then
        )
