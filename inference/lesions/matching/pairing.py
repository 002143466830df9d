"""Which lesion of a later study is which of an earlier one: by overlap, then by nearness.

Lesions are points in one space: those of the earlier study have been brought into the later
one by registration (`inference.lesions.matching.registration`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from storage.lesions.entities import Relation

Points = NDArray[np.float64]

# What the registration may err without parting a lesion from itself.
_TOLERANCE_MM = 3.0
_LEAST_SHARE = 0.5
"""Of the smaller lesion that lies in the other, from which the two are one."""
_CLEAR_SHARE = 0.8
"""From which a lesion lies in the other as a whole: more is a matter of the registration."""
_FARTHEST_MM = 5.0
"""Between two lesions that do not overlap, up to which they are one all the same."""
_UNCERTAIN_MM = 10.0
"""Up to which nobody can tell whether they are one, or one went and another came."""
_LARGEST_RATIO = 5.0
"""Of the diameters of two lesions that are one by nearness alone."""


@dataclass(frozen=True)
class Match:
    """What became of a lesion. `earlier` and `later` are places in the two lists."""

    relation: Relation
    earlier: int | None
    later: int | None
    confidence: float
    """From 0 to 1: how much of the smaller lesion lies in the other; half of that at most by
    nearness; of one that is new or gone, how much lies in no other; 0 of one that is uncertain."""
    is_main: bool = True
    """Of the parts of a split, and of those that merged, the largest: it keeps the identity."""


def match(
    earlier: Sequence[Points],
    later: Sequence[Points],
    *,
    earlier_mm: Sequence[float] | None = None,
    later_mm: Sequence[float] | None = None,
    is_one_type: Callable[[int, int], bool] = lambda _earlier, _later: True,
) -> tuple[Match, ...]:
    """Each lesion of both lists appears once at least.

    Both as points in mm of one space, spread evenly over the lesion. The diameters say which is
    the largest; without them those of the points, which a deformable registration changes.
    Lesions of types that exclude each other are never one, nor parts of one: where they are all
    that is there, both are uncertain.
    """
    sizes = (
        earlier_mm or [_diameter_mm(one) for one in earlier],
        later_mm or [_diameter_mm(one) for one in later],
    )
    overlaps = {
        (i, j): _share(one, other) for i, one in enumerate(earlier) for j, other in enumerate(later)
    }
    shares = {
        pair: share
        for pair, share in overlaps.items()
        if share >= _LEAST_SHARE and is_one_type(*pair)
    }
    found = [one for group in _groups(shares) for one in _related(group, shares, *sizes)]
    seen_earlier = {one.earlier for one in found}
    seen_later = {one.later for one in found}
    left_earlier = [i for i in range(len(earlier)) if i not in seen_earlier]
    left_later = [j for j in range(len(later)) if j not in seen_later]
    near = list(_nearest(left_earlier, left_later, earlier, later, is_one_type))
    found += near
    gone = sorted(set(left_earlier) - {one.earlier for one in near})
    new = sorted(set(left_later) - {one.later for one in near})
    uncertain = [
        (i, j)
        for i in gone
        for j in new
        if overlaps[i, j] >= _LEAST_SHARE
        or (is_one_type(i, j) and _gap_mm(earlier[i], later[j]) <= _UNCERTAIN_MM)
    ]
    for i in gone:
        if i in {pair[0] for pair in uncertain}:
            found.append(Match("uncertain", i, None, 0.0))
            continue
        most = max((overlaps[i, j] for j in range(len(later)) if is_one_type(i, j)), default=0.0)
        found.append(Match("gone", i, None, 1 - most))
    for j in new:
        if j in {pair[1] for pair in uncertain}:
            found.append(Match("uncertain", None, j, 0.0))
            continue
        most = max((overlaps[i, j] for i in range(len(earlier)) if is_one_type(i, j)), default=0.0)
        found.append(Match("new", None, j, 1 - most))
    return tuple(found)


def _share(one: Points, other: Points) -> float:
    """How much of either lies in the other, the larger of the two shares."""
    low = np.maximum(one.min(axis=0), other.min(axis=0))
    high = np.minimum(one.max(axis=0), other.max(axis=0))
    if np.any(low - high > _TOLERANCE_MM):
        return 0.0
    return max(_within(one, other), _within(other, one))


def _within(inner: Points, outer: Points) -> float:
    """The share of points that lie in another lesion or close to its edge."""
    distances, _ = cKDTree(outer).query(inner, distance_upper_bound=_reach_mm(outer))
    return float(np.isfinite(distances).mean())


def _reach_mm(points: Points) -> float:
    """The tolerance, and no less than the distance of the points from each other."""
    if len(points) < 2:
        return _TOLERANCE_MM
    gaps, _ = cKDTree(points).query(points, k=2)
    return max(_TOLERANCE_MM, float(np.median(gaps[:, 1])))


def _groups(shares: Mapping[tuple[int, int], float]) -> Iterator[list[tuple[int, int]]]:
    """Lesions that hang together by overlap, as lists of pairs."""
    of_earlier: dict[int, list[tuple[int, int]]] = defaultdict(list)
    of_later: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in shares:
        of_earlier[pair[0]].append(pair)
        of_later[pair[1]].append(pair)
    left = set(shares)
    while left:
        group, waiting = [], [min(left)]
        left.discard(waiting[0])
        while waiting:
            pair = waiting.pop()
            group.append(pair)
            for other in (*of_earlier[pair[0]], *of_later[pair[1]]):
                if other in left:
                    left.discard(other)
                    waiting.append(other)
        yield sorted(group)


def _related(
    group: Sequence[tuple[int, int]],
    shares: Mapping[tuple[int, int], float],
    earlier_mm: Sequence[float],
    later_mm: Sequence[float],
) -> Iterator[Match]:
    """Pairs first, each with its best partner; what is left over is a part or has merged."""
    mains = _assigned(group, shares, earlier_mm, later_mm)
    main_of_earlier = dict(mains)
    main_of_later = {j: i for i, j in mains}
    parts = [pair for pair in group if pair[1] not in main_of_later]
    merged = [pair for pair in group if pair[0] not in main_of_earlier]
    split_of = {i for i, _ in parts if i in main_of_earlier}
    merged_into = {j for _, j in merged if j in main_of_later}
    for i, j in mains:
        relation: Relation = "matched"
        if i in split_of:
            relation = "split"
        elif j in merged_into:
            relation = "merged"
        yield Match(relation, i, j, shares[i, j])
    for j in sorted({j for _, j in parts}):
        i = max((pair for pair in parts if pair[1] == j), key=lambda pair: shares[pair])[0]
        yield Match("split", i, j, shares[i, j], is_main=False)
    for i in sorted({i for i, _ in merged}):
        j = max((pair for pair in merged if pair[0] == i), key=lambda pair: shares[pair])[1]
        yield Match("merged", i, j, shares[i, j], is_main=False)


def _assigned(
    group: Sequence[tuple[int, int]],
    shares: Mapping[tuple[int, int], float],
    earlier_mm: Sequence[float],
    later_mm: Sequence[float],
) -> list[tuple[int, int]]:
    """One partner for each: where several lie clearly in one, the largest, else by overlap.

    The sizes of both are added: where all find a partner, every choice has the same sum, and the
    overlap alone decides between neighbours.
    """
    rows, columns = sorted({i for i, _ in group}), sorted({j for _, j in group})
    gain = np.zeros((len(rows), len(columns)))
    for i, j in group:
        share, size_mm = shares[i, j], earlier_mm[i] + later_mm[j]
        gain[rows.index(i), columns.index(j)] = (
            min(share, _CLEAR_SHARE) + size_mm / 1e4 + share / 1e6
        )
    chosen = zip(*linear_sum_assignment(-gain), strict=True)
    return [(rows[a], columns[b]) for a, b in chosen if gain[a, b] > 0]


def _nearest(
    left_earlier: Sequence[int],
    left_later: Sequence[int],
    earlier: Sequence[Points],
    later: Sequence[Points],
    is_one_type: Callable[[int, int], bool],
) -> Iterator[Match]:
    """Small lesions that a registration missed by a little."""
    if not left_earlier or not left_later:
        return
    gaps = np.array(
        [
            [_gap_mm(earlier[i], later[j]) if is_one_type(i, j) else np.inf for j in left_later]
            for i in left_earlier
        ]
    )
    for a, b in zip(*linear_sum_assignment(np.minimum(gaps, 10 * _FARTHEST_MM)), strict=True):
        if gaps[a, b] <= _FARTHEST_MM:
            confidence = 0.5 * (1 - gaps[a, b] / _FARTHEST_MM)
            yield Match("matched", left_earlier[a], left_later[b], float(confidence))


def _gap_mm(one: Points, other: Points) -> float:
    """Between the centres, less what the larger one reaches; infinite of unlike sizes."""
    sizes = sorted((_diameter_mm(one), _diameter_mm(other)))
    if sizes[1] > _LARGEST_RATIO * max(sizes[0], 1.0):
        return float("inf")
    apart = float(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)))
    return max(apart - sizes[0] / 2, 0.0)


def _diameter_mm(points: Points) -> float:
    """Of the sphere whose points would be as far from their centre."""
    spread = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return 2 * spread * float(np.sqrt(5 / 3))
