"""The measure of docs/faithfulness.md, and that its halves are what they are said to be."""

from collections import Counter
from itertools import islice

import pytest

from benchmarks.faithfulness.all_cases import all_cases
from benchmarks.faithfulness.cases import FAITHFUL, HALVES, Half, templates
from benchmarks.faithfulness.evidence import reported
from benchmarks.faithfulness.halves import is_held_out
from benchmarks.faithfulness.measure import (
    CLASSES,
    LEAST_FALSE_WITHHELD,
    MOST_FAITHFUL_WITHHELD,
    Measure,
    measure,
)


@pytest.fixture(
    scope="module",
    params=[5, pytest.param(1, marks=pytest.mark.slow)],
    ids=["every fifth case", "all cases"],
)
def found(request: pytest.FixtureRequest) -> Measure:
    return measure(islice(all_cases(), 0, None, request.param))


def test_there_are_a_thousand_cases_of_each() -> None:
    faithful = Counter(case.what == FAITHFUL for case in all_cases())
    assert faithful[False] >= 1000
    assert faithful[True] >= 1000 or not reported()


def test_each_half_has_cases_of_each_class() -> None:
    assert {(case.half, case.what) for case in all_cases()} >= {
        (half, what) for half in HALVES for what in CLASSES
    }


@pytest.mark.parametrize("half", HALVES)
def test_the_shares_hold_in_both_halves(found: Measure, half: Half) -> None:
    """Of the held-out half figures alone are shown, whatever they are."""
    assert found.sum(half, faithful=False).share >= LEAST_FALSE_WITHHELD
    assert found.sum(half, faithful=True).share <= MOST_FAITHFUL_WITHHELD


def test_what_is_false_is_withheld(found: Measure) -> None:
    tuned = found.sum("tuned", faithful=False)
    assert tuned.share >= LEAST_FALSE_WITHHELD, [
        (case.what, case.text) for case in found.wrong if case.half == "tuned"
    ]


def test_what_is_faithful_passes(found: Measure) -> None:
    tuned = found.sum("tuned", faithful=True)
    assert tuned.share <= MOST_FAITHFUL_WITHHELD, [
        case.text for case in found.wrong if case.half == "tuned"
    ]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("name", ["findings", "reports"])
def test_a_template_is_in_the_half_that_its_words_decide(half: Half, name: str) -> None:
    found = list(_sentences(templates(half, name)))
    assert len(found) > 50
    assert all(is_held_out(one) == (half == "held_out") for one in found)


def _sentences(node):  # type: ignore[no-untyped-def]
    if isinstance(node, str):
        yield node
        return
    for part in node.values() if isinstance(node, dict) else node:
        yield from _sentences(part)
