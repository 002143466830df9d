"""How many fates of lesions are found as they are, over generated pairs of studies."""

from collections.abc import Iterable
from typing import NamedTuple

from inference.lesions.matching.pairing import match
from inference.lesions.matching.registration import align
from tests.inference.lesions.phantoms import Case, Truth, case


class Score(NamedTuple):
    right: int
    of: int
    """All that is true or was found: what is found and not true counts as wrong too."""
    wrong: tuple[str, ...]


def score(seeds: Iterable[int]) -> Score:
    return score_cases(case(seed) for seed in seeds)


def score_cases(pairs: Iterable[Case]) -> Score:
    """An alignment that does not hold finds nothing: what is true is then not found."""
    right = of = 0
    wrong: list[str] = []
    for number, pair in enumerate(pairs):
        found = found_relations(pair) or set()
        right += len(found & pair.truth)
        of += len(found | pair.truth)
        wrong += [f"{number}: {one}" for one in sorted(found ^ pair.truth, key=str)]
    return Score(right, of, tuple(wrong))


def found_relations(pair: Case) -> set[Truth] | None:
    """None where the two are not compared, since their alignment does not hold."""
    alignment = align(pair.earlier.volume, pair.later.volume, time_s=300, threads=1)
    if not alignment.holds:
        return None
    earlier = [alignment.later_from_earlier(points) for points in pair.earlier.lesions]
    return {(one.relation, one.earlier, one.later) for one in match(earlier, pair.later.lesions)}
