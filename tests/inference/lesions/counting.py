"""How many fates of lesions are found as they are, over generated pairs of studies."""

from collections.abc import Iterable
from typing import NamedTuple

from inference.lesions.matching import match
from inference.lesions.registration import align
from tests.inference.lesions.phantoms import case


class Score(NamedTuple):
    right: int
    of: int
    """All that is true or was found: what is found and not true counts as wrong too."""
    wrong: tuple[str, ...]


def score(seeds: Iterable[int]) -> Score:
    right = of = 0
    wrong: list[str] = []
    for seed in seeds:
        pair = case(seed)
        alignment = align(pair.earlier.volume, pair.later.volume, time_s=300, threads=1)
        earlier = [alignment.later_from_earlier(points) for points in pair.earlier.lesions]
        found = {
            (one.relation, one.earlier, one.later) for one in match(earlier, pair.later.lesions)
        }
        right += len(found & pair.truth)
        of += len(found | pair.truth)
        wrong += [f"{seed}: {one}" for one in sorted(found ^ pair.truth, key=str)]
    return Score(right, of, tuple(wrong))
