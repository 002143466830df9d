"""Sums of lesions over time, in the manner of RECIST 1.1 and Lugano.

Eisenhauer et al., Eur J Cancer 2009; 45: 228-247; Cheson et al., J Clin Oncol 2014; 32:
3059-3068. Computed from what a model found: which lesions are targets, and whether a lesion is
one at all, is for a person to say.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from inference.lesions.course import Seen, Visit
from inference.lesions.measurable import is_measurable, is_node
from inference.lesions.response.categories import Category, lugano_category, recist_category
from inference.lesions.response.following import Followed, followed
from inference.lesions.response.other_lesions import (
    Grown,
    OtherLesions,
    lugano_grown,
    recist_grown,
)
from inference.lesions.response.reasons import IN_ENGLISH, Reason
from inference.lesions.response.sums import Decided, Judge, Point, Size, Sums
from inference.lesions.response.target_sizes import (
    lugano_size,
    lugano_targets,
    recist_size,
    recist_targets,
)

_LEAST_NEW_MM = 5.0
"""RECIST 1.1 wants a new lesion to be unequivocal; 5 mm are its "too small to measure" (4.3)."""
_METHODS_APART = frozenset({"edges", "half-pixel"})
_ADDS_TO_SUM = frozenset({"cut_off", "lost", "not_measured", "rejected"})
"""Reasons by which a target is missing that could only add to the sum."""
_WITHOUT_PROGRESS = frozenset({"CR", "PR", "SD"})


@dataclass(frozen=True)
class Response:
    """Of one study against the first with targets."""

    study_instance_uid: str
    study_date: str
    sum: float | None
    """Of the targets: mm of RECIST, mm2 of Lugano; None where it would be of some of them."""
    baseline: float
    nadir: float
    """The smallest sum up to the study before."""
    change_from_baseline_percent: float | None
    """Changes are None without a sum, where a study before was measured by another method, where
    the sum holds what was no target, and where a target that was gone may be there again."""
    change_from_nadir_percent: float | None
    new_lesions: int
    category: Category
    reasons: tuple[Reason, ...] = ()
    """Of PD all that hold, the others by the first rule that does; none of the first study."""
    has_nodes: bool = False
    """Whether a target is or was a lymph node, of which sums of diameters hold the short axis."""
    still_new: tuple[str, ...] = ()
    """Lesions (ids) that were new in a study before and are there."""

    @property
    def reason(self) -> str:
        """In English sentences; empty of the first study."""
        return " ".join(IN_ENGLISH[one] for one in self.reasons)


def recist(visits: Sequence[Visit]) -> tuple[frozenset[str], list[Response]]:
    """The targets (their groups), and each study; empty where there is nothing to measure.

    Sum of longest diameters, of lymph nodes the short axes. At most five targets, two of a type.
    """
    start, targets = _baseline(visits, recist_targets)
    return targets, list(
        _responses(visits[start:], targets, recist_size, recist_category, recist_grown)
    )


def lugano(visits: Sequence[Visit]) -> tuple[frozenset[str], list[Response]]:
    """Of lymph nodes: sum of the products of the diameters of the six largest."""
    start, targets = _baseline(visits, lugano_targets)
    return targets, list(
        _responses(visits[start:], targets, lugano_size, lugano_category, lugano_grown)
    )


def _baseline(
    visits: Sequence[Visit], chosen: Callable[[Visit], list[Seen]]
) -> tuple[int, frozenset[str]]:
    for number, visit in enumerate(visits):
        found = chosen(visit)
        if found:
            return number, frozenset(one.group for one in found)
    return len(visits), frozenset()


def _is_new(one: Seen) -> bool:
    """Oedema around a lesion that was there is no new lesion."""
    return one.match is not None and one.match.relation == "new" and is_measurable(one.lesion)


def _is_small(one: Seen) -> bool:
    """Where a model found it: what a reader measures is a lesion."""
    long_mm = one.lesion.long_axis_mm
    return long_mm is not None and long_mm < _LEAST_NEW_MM


def _responses(
    visits: Sequence[Visit],
    targets: frozenset[str],
    size: Size,
    judge: Judge,
    has_grown: Grown,
) -> Iterator[Response]:
    sums, others = Sums(judge, size), OtherLesions(size, has_grown)
    methods, unclear, has_nodes = set[str](), set[str](), False
    is_new = {one.lesion.lesion_id for visit in visits[1:] for one in visit.seen if _is_new(one)}
    for visit, found in zip(visits, followed(visits, targets, is_new), strict=True):
        sizes = [size(one) for one in found.targets]
        total = sum(one for one in sizes if one is not None)
        gap = _not_evaluable(visit, found, sizes) if sums.points else None
        if not gap:
            methods |= {one.lesion.axes_method for one in found.targets}
        # One pixel more or less may decide, so that nothing is stated of sums apart.
        is_apart = methods >= _METHODS_APART
        comparable = not gap and not is_apart
        may_be_again = _may_be_again(visits[0], found)
        has_change = comparable and bool(sums.points) and not found.others and not may_be_again
        baseline = sums.points[0].total if sums.points else total
        nadir = min((one.total for one in sums.points), default=total)
        # One that was a node at first leaves a first sum that holds its short axis.
        has_nodes = has_nodes or any(is_node(one.lesion) for one in found.targets)
        unclear |= visit.unclear
        is_unclear = any(
            one.group in unclear and is_measurable(one.lesion)
            for one in visit.seen
            if one not in found.targets
        )
        new = sum(1 for one in visit.seen if one.lesion.lesion_id in is_new)
        category, reasons = (
            _decided(
                visit, found, total, sums, gap, is_apart=is_apart, new=new, is_unclear=is_unclear
            )
            if sums.points
            else ("baseline", ())
        )
        if others.have_grown(visit, found.targets) and category in _WITHOUT_PROGRESS:
            category, reasons = "NE", ("others_grown",)
        if "grown" in reasons and _is_less_in_parts(found.targets, sums.points):
            reasons = (*reasons, "volume_less")
        if may_be_again and not gap:
            reasons = (*reasons, "target_again")
        yield Response(
            study_instance_uid=visit.study_instance_uid,
            study_date=visit.study_date,
            sum=None if gap else round(total, 1),
            baseline=round(baseline, 1),
            nadir=round(nadir, 1),
            change_from_baseline_percent=_change(total, baseline) if has_change else None,
            change_from_nadir_percent=_change(total, nadir) if has_change else None,
            new_lesions=new,
            category=category,
            reasons=reasons,
            has_nodes=has_nodes,
            still_new=tuple(one.lesion.lesion_id for one in found.added if not _is_new(one)),
        )
        if comparable or not sums.points:
            sums.points.append(Point(total, found.others.keys(), _volume_mm3(found.targets)))


def _may_be_again(first: Visit, found: Followed) -> bool:
    """Whether a target that was gone may be one of the lesions that came since.

    RECIST 1.1 adds a target that reappears to the sum again. A study is compared with the one
    before it, in which there was nothing: a person can state which lesion it is.
    """
    kinds = {one.group: one.lesion.type.value for one in first.seen}
    return any(
        one.lesion.type.value in {kinds.get(target) for target in targets}
        for one, targets in found.may_be
    )


def _decided(
    visit: Visit,
    found: Followed,
    total: float,
    sums: Sums,
    gap: Reason | None,
    *,
    is_apart: bool,
    new: int,
    is_unclear: bool,
) -> Decided:
    left = [one for one in visit.seen if one not in found.targets]
    decided: Decided = ("NE", (gap,)) if gap else sums.judged(total, found, left)
    if gap in _ADDS_TO_SUM and not is_apart:
        decided = sums.least(found, left) or decided
    # A complete response is compared with nothing.
    if not gap and is_apart and decided[0] != "CR":
        decided = "NE", ("other_method",)
    progress: list[Reason] = []
    added = [*filter(_is_new, visit.seen), *found.added] if new else found.added
    unequivocal = [one for one in added if visit.by_readers or not _is_small(one)]
    if new and any(map(_is_new, unequivocal)):
        progress.append("first_measured" if visit.by_readers else "new")
    if decided[0] == "PD":
        progress += decided[1]
    # RECIST 1.1, table 1: with a lesion that was not there at first, neither CR, PR nor SD.
    if any(not _is_new(one) for one in unequivocal):
        progress.append("measured_since" if visit.by_readers else "still_new")
    if progress:
        if "holds_others" in decided[1] and "holds_others" not in progress:
            progress.append("holds_others")
        return "PD", tuple(progress)
    if added and decided[0] != "NE":
        return "NE", ("new_small",)
    if found.added_unknown and decided[0] != "NE":
        return "NE", ("new_unknown",)
    if decided[0] != "NE" and any(
        one.match is not None and one.match.relation == "uncertain" and is_measurable(one.lesion)
        for one in left
    ):
        return "NE", ("uncertain",)
    if is_unclear and decided[0] != "NE":
        return "NE", ("earlier_rejected",)
    return decided


def _not_evaluable(visit: Visit, found: Followed, sizes: Sequence[float | None]) -> Reason | None:
    if not visit.is_compared:
        return "not_compared"
    if found.rejected or None in sizes:
        return "rejected"
    if any(one.lesion.is_truncated for one in found.targets):
        return "cut_off"
    if found.lost:
        return "not_measured" if visit.by_readers else "lost"
    return "either" if found.has_parts_of_either else None


def _volume_mm3(targets: Sequence[Seen]) -> float | None:
    volumes = [one.lesion.volume_mm3 for one in targets]
    known = [one for one in volumes if one is not None]
    return sum(known) if len(known) == len(volumes) else None


def _is_less_in_parts(targets: Sequence[Seen], points: Sequence[Point]) -> bool:
    """Whether a target has split, and all are smaller than when their sum was the smallest.

    RECIST 1.1 adds the diameters of the parts, which may be longer together than the whole was.
    """
    now, then = _volume_mm3(targets), min(points, key=lambda one: one.total).volume_mm3
    is_split = len({one.group for one in targets}) < len(targets)
    return is_split and now is not None and then is not None and now < then


def _change(now: float, then: float) -> float | None:
    return None if then == 0 else round((now - then) / then * 100, 1)
