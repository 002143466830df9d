"""What has become of chosen lesions: which lesions of each study stand for them.

RECIST 1.1, 4.3.2: of lesions that merge the longest diameter of the whole counts, of one that
splits the sum of the parts. A whole may hold more than was chosen: then it is stated what, since
the first sum does not hold it. Parts of it that come apart again are recognised by where they lay.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from inference.lesions.course import Seen, Visit
from inference.lesions.measurable import is_measurable
from inference.lesions.points import points_of

_CLEARLY_NEARER = 0.5
"""Of the distance to where the other lay, from which a part is the one that lay nearer."""

_Held = dict[str, frozenset[str]]
"""By lesion: the lesions that it consists of, each by the UID that it had as one."""


@dataclass(frozen=True)
class Followed:
    """Of one study."""

    targets: tuple[Seen, ...]
    """What stands for the targets."""
    lost: Set[str]
    """Targets of which nobody can say whether they are there."""
    rejected: Set[str]
    """Those of them that were found and that a reader rejected."""
    others: Mapping[str, Sequence[Seen]]
    """Lesions that were no targets and have merged with some, as they were last by themselves."""
    has_parts_of_either: bool
    """Whether a target and another had merged and are apart, and nobody can tell which is which."""
    added: Sequence[Seen]
    """Lesions that are or hold one that was new after the first study, and have merged with no
    target."""
    added_unknown: Set[str]
    """Likewise, of which nobody can say whether they are there."""
    may_be: Sequence[tuple[Seen, Set[str]]]
    """Lesions that came in a study after one in which targets were gone, with those that are still
    gone."""


def followed(visits: Sequence[Visit], targets: Set[str], is_new: Set[str]) -> Iterator[Followed]:
    """By study. `targets` are groups of the first one, `is_new` lesions (ids) that were new later.

    A target that is gone stays gone; one that was outside of the images or uncertain, that a
    reader did not measure, that merged with what is not measurable, or in a study that was not
    compared, is lost until it is seen again.
    """
    held: _Held = {}
    of_group: _Held = {}
    alone: dict[str, tuple[int, list[Seen]]] = {}
    over, added = set[str](), set[str]()
    came_after: dict[str, Set[str]] = {}
    for number, visit in enumerate(visits):
        now = _held(visit, held, of_group, alone, targets) if number else _as_found(visit)
        held |= now
        of_group |= _by_group(visit, now)
        counted = [
            one
            for one in visit.seen
            if _of(one, now) & targets and (len(_of(one, now)) == 1 or is_measurable(one.lesion))
        ]
        counted_ids = {one.lesion.lesion_id for one in counted}
        present = _all(now[one] for one in counted_ids)
        everything = _all(now.values())
        if over & targets:
            came = (one.group for one in visit.seen if one.lesion.lesion_id in is_new)
            came_after |= dict.fromkeys(came, over & targets)
        if not visit.by_readers:
            over |= _all(held.get(one.earlier_lesion_id, frozenset()) for one in visit.gone)
        over -= present | (everything - targets)
        unknown = _all(
            held.get(one.earlier_lesion_id, frozenset())
            for one in (*visit.outside, *visit.uncertain)
        )
        rejected = _all(held.get(one.earlier_lesion_id, frozenset()) for one in visit.rejected)
        if number:
            added |= {one.group for one in visit.seen if one.lesion.lesion_id in is_new}
        others = present - targets
        holders = {each: [one for one in counted_ids if each in now[one]] for each in others}
        lost = (targets - present - over) | (targets & unknown)
        yield Followed(
            targets=tuple(counted),
            lost=lost,
            rejected=lost & rejected,
            others={one: alone[one][1] if one in alone else () for one in others},
            has_parts_of_either=any(len(one) > 1 for one in holders.values()),
            added=[one for one in visit.seen if one not in counted and added & _of(one, now)],
            added_unknown=added - everything - over,
            may_be=[
                (one, came_after[one.group] & over)
                for one in visit.seen
                if one not in counted and one.group in came_after
            ],
        )
        alone |= {one: (number, seen) for one, seen in _by_themselves(visit, now).items()}


def _of(one: Seen, held: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return held[one.lesion.lesion_id]


def _all(sets: Iterable[Set[str]]) -> set[str]:
    return {each for one in sets for each in one}


def _as_found(visit: Visit) -> _Held:
    """What merged up to the first study was no target before."""
    return {one.lesion.lesion_id: frozenset({one.group}) for one in visit.seen}


def _by_group(visit: Visit, now: _Held) -> _Held:
    found: dict[str, set[str]] = defaultdict(set)
    for one in visit.seen:
        found[one.group] |= _of(one, now)
    return {group: frozenset(one) for group, one in found.items()}


def _by_themselves(visit: Visit, now: _Held) -> dict[str, list[Seen]]:
    """By what was found as one: the lesions that are it alone, where it is in no other."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for one in visit.seen:
        for each in _of(one, now):
            found[each].append(one)
    return {
        each: seen for each, seen in found.items() if all(len(_of(one, now)) == 1 for one in seen)
    }


def _held(
    visit: Visit,
    before: _Held,
    of_group: _Held,
    alone: Mapping[str, tuple[int, Sequence[Seen]]],
    targets: Set[str],
) -> _Held:
    now: _Held = {}
    parts: dict[str, list[Seen]] = defaultdict(list)
    for one in visit.seen:
        earlier = one.match.earlier_lesion_id if one.match is not None else ""
        known = before.get(earlier) or of_group.get(one.group)
        now[one.lesion.lesion_id] = known or frozenset({one.group})
        if earlier in before:
            parts[earlier].append(one)
    for earlier, several in parts.items():
        whole = before[earlier]
        if len(several) > 1 and whole & targets and whole - targets:
            now |= _told_apart(several, whole, alone, targets)
    for match in visit.merged:
        if match.later_lesion_id in now:
            now[match.later_lesion_id] |= before.get(match.earlier_lesion_id, frozenset())
    for one in visit.seen:
        stated = _of(one, now)
        if one.match is not None and one.match.decided_by and len(stated) == 1:
            # What a person names is in no other lesion of this study.
            now = {each: held - stated if len(held) > 1 else held for each, held in now.items()}
    return now


def _told_apart(
    parts: Sequence[Seen],
    whole: frozenset[str],
    alone: Mapping[str, tuple[int, Sequence[Seen]]],
    targets: Set[str],
) -> _Held:
    """Which part is which, by where they lie to each other and lay before they merged.

    Studies share no coordinates, but neighbours keep their places beside each other. Empty where
    the number is another, they were last alone in different studies, or do not lie so.
    """
    names = sorted(whole)
    if len(parts) != len(names) or not whole <= alone.keys():
        return {}
    lesions = [one.lesion for one in parts]
    then = [one.lesion for name in names for one in alone[name][1]]
    is_one_study = len({alone[name][0] for name in names}) == 1
    if not is_one_study or len(then) != len(names) or not all(one.points for one in lesions + then):
        return {}
    places, earlier = (
        centres - centres.mean(axis=0)
        for centres in (
            np.array([points_of(one).mean(axis=0) for one in group]) for group in (lesions, then)
        )
    )
    distances_mm = np.linalg.norm(places[:, None] - earlier, axis=-1)
    # Loaded by who has such lesions, and not by whatever writes a report.
    from scipy.optimize import linear_sum_assignment

    pairs = list(zip(*linear_sum_assignment(distances_mm), strict=True))
    for part, own in pairs:
        unlike = [n for n, one in enumerate(names) if (one in targets) != (names[own] in targets)]
        if distances_mm[part, own] > _CLEARLY_NEARER * distances_mm[part, unlike].min():
            return {}
    return {lesions[part].lesion_id: frozenset({names[own]}) for part, own in pairs}
