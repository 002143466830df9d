"""Sums of lesions over time, in the manner of RECIST 1.1 and Lugano.

Eisenhauer et al., Eur J Cancer 2009; 45: 228-247; Cheson et al., J Clin Oncol 2014; 32:
3059-3068. Computed from what a model found: which lesions are targets, and whether a lesion is
one at all, is for a person to say.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from inference.lesions.course import Seen, Visit
from inference.lesions.measurable import is_measurable

Category = Literal["baseline", "CR", "PR", "SD", "PD", "NE"]

LYMPH_NODES = frozenset({"59441001", "181756000"})
"""SCT: structure of lymph node, lymph node."""
_MOST_TARGETS, _MOST_OF_A_TYPE = 5, 2
_LEAST_MM, _LEAST_NODE_MM, _NORMAL_NODE_MM = 10.0, 15.0, 10.0
_MOST_NODES, _MEASURABLE_NODE_MM = 6, 15.0
_NOT_BEFORE = "A lesion was measured that was not measured in the study before."
_NOT_AT_FIRST = "A lesion was measured that was not measured in the first study."
_STILL_NEW = "A lesion that was new in a study before is still there."
_NEW_UNKNOWN = (
    "Of a lesion that was new in a study before nobody can say whether it is still there."
)
_METHODS_APART = frozenset({"edges", "half-pixel"})
_OTHER_METHOD: tuple[Category, str] = (
    "NE",
    "The studies were measured by different methods: run the jobs of the older ones again (retry"
    " with force).",
)
_BASELINE: tuple[Category, str] = ("baseline", "")


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
    """Changes are None without a sum, and where a study before was measured by another method."""
    change_from_nadir_percent: float | None
    new_lesions: int
    category: Category
    reason: str


def recist(visits: Sequence[Visit]) -> tuple[frozenset[str], list[Response]]:
    """The targets (their groups), and each study; empty where there is nothing to measure.

    Sum of longest diameters, of lymph nodes the short axes. At most five targets, two of a type.
    """
    start, targets = _baseline(visits, _recist_targets)
    return targets, list(_responses(visits[start:], targets, _recist_size, _recist_category))


def lugano(visits: Sequence[Visit]) -> tuple[frozenset[str], list[Response]]:
    """Of lymph nodes: sum of the products of the diameters of the six largest."""
    start, targets = _baseline(visits, _lugano_targets)
    return targets, list(_responses(visits[start:], targets, _lugano_size, _lugano_category))


def _baseline(
    visits: Sequence[Visit], chosen: Callable[[Visit], list[Seen]]
) -> tuple[int, frozenset[str]]:
    for number, visit in enumerate(visits):
        found = chosen(visit)
        if found:
            return number, frozenset(one.group for one in found)
    return len(visits), frozenset()


def _recist_targets(visit: Visit) -> list[Seen]:
    found: list[Seen] = []
    of_type: Counter[str] = Counter()
    for one in sorted(visit.seen, key=_recist_size, reverse=True):
        least = _LEAST_NODE_MM if _is_node(one) else _LEAST_MM
        kind = one.lesion.type.value
        if (
            _recist_size(one) >= least
            and is_measurable(one.lesion)
            and not one.lesion.is_truncated
            and of_type[kind] < _MOST_OF_A_TYPE
            and len(found) < _MOST_TARGETS
        ):
            of_type[kind] += 1
            found.append(one)
    return found


def _lugano_targets(visit: Visit) -> list[Seen]:
    nodes = [
        one
        for one in visit.seen
        if _is_node(one)
        and is_measurable(one.lesion)
        and one.lesion.long_axis_mm > _MEASURABLE_NODE_MM
        and not one.lesion.is_truncated
    ]
    return sorted(nodes, key=_lugano_size, reverse=True)[:_MOST_NODES]


def _is_node(one: Seen) -> bool:
    return one.lesion.type.value in LYMPH_NODES


def _is_new(one: Seen) -> bool:
    """Oedema around a lesion that was there is no new lesion."""
    return one.match is not None and one.match.relation == "new" and is_measurable(one.lesion)


def _is_left(one: Seen) -> bool:
    """Of no target: nodes below 10 mm are as they should be."""
    is_small_node = _is_node(one) and one.lesion.short_axis_mm < _NORMAL_NODE_MM
    return is_measurable(one.lesion) and not is_small_node


def _recist_size(one: Seen) -> float:
    return one.lesion.short_axis_mm if _is_node(one) else one.lesion.long_axis_mm


def _lugano_size(one: Seen) -> float:
    return one.lesion.long_axis_mm * one.lesion.short_axis_mm


def _responses(
    visits: Sequence[Visit],
    targets: frozenset[str],
    size: Callable[[Seen], float],
    category: Callable[[float, float, float, Sequence[Seen], Sequence[Seen]], tuple[Category, str]],
) -> Iterator[Response]:
    baseline = nadir = 0.0
    methods = set[str]()
    followed = zip(visits, _followed(visits, targets), _added(visits), strict=True)
    for number, (visit, (groups, lost), (added, unknown)) in enumerate(followed):
        of_targets = [one for one in visit.seen if one.group in groups]
        total = sum(size(one) for one in of_targets)
        new = sum(1 for one in visit.seen if _is_new(one))
        gap = _not_evaluable(visit, of_targets, lost) if number else None
        if not gap:
            methods |= {one.lesion.axes_method for one in of_targets}
        # One pixel more or less may decide, so that nothing is stated of sums apart.
        comparable = not gap and not methods >= _METHODS_APART
        has_change = comparable and number > 0
        if number == 0:
            baseline = nadir = total
            found, new = _BASELINE, 0
        elif new:
            found = "PD", _NOT_BEFORE if visit.by_readers else "New lesions."
        else:
            others = [one for one in visit.seen if one not in of_targets]
            found = gap or category(total, baseline, nadir, of_targets, others)
            # A complete response is compared with nothing.
            if not gap and not comparable and found[0] != "CR":
                found = _OTHER_METHOD
            # RECIST 1.1, table 1: with a lesion that was not there at first, neither CR, PR nor SD.
            if added - groups and found[0] != "PD":
                found = "PD", _NOT_AT_FIRST if visit.by_readers else _STILL_NEW
            elif unknown and found[0] not in ("PD", "NE"):
                found = "NE", _NEW_UNKNOWN
        yield Response(
            study_instance_uid=visit.study_instance_uid,
            study_date=visit.study_date,
            sum=None if gap else round(total, 1),
            baseline=round(baseline, 1),
            nadir=round(nadir, 1),
            change_from_baseline_percent=_change(total, baseline) if has_change else None,
            change_from_nadir_percent=_change(total, nadir) if has_change else None,
            new_lesions=new,
            category=found[0],
            reason=found[1],
        )
        if comparable:
            nadir = min(nadir, total)


def _not_evaluable(
    visit: Visit, of_targets: Sequence[Seen], lost: Set[str]
) -> tuple[Category, str] | None:
    if not visit.is_compared:
        return "NE", "The lesions were not compared with those of the study before."
    if any(one.lesion.is_truncated for one in of_targets):
        return "NE", "The images cut a target lesion off."
    if lost and visit.by_readers:
        return "NE", "Not every target lesion was measured, or the images do not show it."
    if lost:
        return "NE", "The images do not show every target lesion, or it could not be followed."
    return None


def _followed(
    visits: Sequence[Visit], targets: frozenset[str]
) -> Iterator[tuple[Set[str], Set[str]]]:
    """By study: what stands for the targets, and what of it nobody can say whether it is there.

    A lesion that a target has merged into stands for it from then on: RECIST 1.1 takes the longest
    diameter of the coalesced lesion. A target that is gone stays gone; one that was outside of the
    images, that a reader did not measure, or in a study that was not compared, is lost until it is
    seen again.
    """
    by_lesion = {one.lesion.lesion_id: one for visit in visits for one in visit.seen}
    groups, over = set(targets), set[str]()

    def group_of(lesion_id: str) -> str:
        return by_lesion[lesion_id].group if lesion_id in by_lesion else ""

    for number, visit in enumerate(visits):
        seen = {one.group for one in visit.seen}
        if not visit.by_readers:
            over |= {group_of(one.earlier_lesion_id) for one in visit.gone}
        # What merged up to the first study was no target before.
        for match in visit.merged if number else ():
            coalesced = by_lesion.get(match.later_lesion_id)
            group = group_of(match.earlier_lesion_id)
            if group in groups and coalesced and is_measurable(coalesced.lesion):
                groups.add(coalesced.group)
                over.add(group)
        over -= seen
        outside = {group_of(one.earlier_lesion_id) for one in visit.outside}
        yield frozenset(groups), (groups - seen - over) | (groups & outside)


def _added(visits: Sequence[Visit]) -> Iterator[tuple[Set[str], Set[str]]]:
    """By study: lesions that were new after the first one and are there, and those of which nobody
    can say it.

    One that has merged into another lesion is there as long as that is.
    """
    by_lesion = {one.lesion.lesion_id: one.group for visit in visits for one in visit.seen}
    added, over = set[str](), set[str]()
    for number, visit in enumerate(visits):
        seen = {one.group for one in visit.seen}
        if number:
            added |= {one.group for one in visit.seen if _is_new(one)}
        if not visit.by_readers:
            over |= {by_lesion.get(one.earlier_lesion_id, "") for one in visit.gone}
        for match in visit.merged:
            group = by_lesion.get(match.earlier_lesion_id, "")
            if group in added and match.later_lesion_id in by_lesion:
                added.add(by_lesion[match.later_lesion_id])
                over.add(group)
        over -= seen
        yield added & seen, added - seen - over


def _change(now: float, then: float) -> float | None:
    return None if then == 0 else round((now - then) / then * 100, 1)


def _recist_category(
    total: float,
    baseline: float,
    nadir: float,
    of_targets: Sequence[Seen],
    others: Sequence[Seen],
) -> tuple[Category, str]:
    if all(_is_node(one) and _recist_size(one) < _NORMAL_NODE_MM for one in of_targets):
        # RECIST 1.1, table 1: complete is a response of all lesions alone.
        if any(_is_left(one) for one in others):
            return (
                "PR",
                "The target lesions are gone; others, no targets, are still there.",
            )
        return "CR", "All target lesions are gone, and lymph nodes are below 10 mm."
    if total - nadir >= 5 and total >= 1.2 * nadir:
        return "PD", "The sum is 20 % and 5 mm or more above the smallest."
    if total <= 0.7 * baseline:
        return "PR", "The sum is 30 % or more below that of the first study."
    return "SD", "Neither 30 % less than at first nor 20 % more than the smallest."


def _lugano_category(
    total: float,
    baseline: float,
    nadir: float,
    of_targets: Sequence[Seen],
    _others: Sequence[Seen],
) -> tuple[Category, str]:
    if all(one.lesion.long_axis_mm <= _MEASURABLE_NODE_MM for one in of_targets):
        return "CR", "No lymph node is longer than 15 mm."
    if total >= 1.5 * nadir:
        return "PD", "The sum of products is 50 % or more above the smallest."
    if total <= 0.5 * baseline:
        return "PR", "The sum of products is 50 % or more below that of the first study."
    return "SD", "Neither 50 % less than at first nor 50 % more than the smallest."
