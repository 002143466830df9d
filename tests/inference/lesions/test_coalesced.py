"""Lesions that merge with what is no target, and come apart again; expected values are by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from inference.lesions.course import Seen, Visit
from inference.lesions.points import stored_points
from inference.lesions.response.assessment import lugano, recist
from storage.core.findings import Code
from storage.lesions.entities import Lesion, LesionMatch
from tests.inference.lesions.matches import LESION, NODE, lesion, match


def placed(lesion_id: str, mm: float, x_mm: float, *, kind: Code = LESION) -> Lesion:
    """A ball of `mm` around x, as its six outermost points."""
    ball = np.vstack([np.eye(3), -np.eye(3)]) * mm / 2 + [x_mm, 60.0, 0.0]
    return replace(lesion(lesion_id, mm, mm, kind), points=stored_points(ball))


def visit(*seen: Seen, merged: Sequence[LesionMatch] = ()) -> Visit:
    return Visit("1.2", "20240101", seen, (), tuple(merged), (), is_compared=True)


def first(*, kind: Code = LESION) -> Visit:
    """The targets are A and B, two of a type; C is none."""
    lesions = (placed("a1", 18, 100, kind=kind), placed("b1", 16, -9, kind=kind),
               placed("c1", 14, 9, kind=kind))  # fmt: skip
    names = ("A", "B", "C")
    return visit(*(Seen(one, name, name, None) for name, one in zip(names, lesions, strict=True)))


def coalesced(mm: float, *, kind: Code = LESION, before: str = "1", now: str = "2") -> Visit:
    """B and C are one, which has the identity of B."""
    a = replace(lesion(f"a{now}", 18, 18, kind), points=placed("", 18, 100).points)
    whole = placed(f"b{now}", mm, 0, kind=kind)
    merged = [match("merged", "c1", "b2", is_main=False)] if before == "1" else []
    relation = "merged" if merged else "matched"
    return visit(
        Seen(a, "A", "A", match("matched", f"a{before}", f"a{now}")),
        Seen(whole, "B", "B", match(relation, f"b{before}", f"b{now}")),
        merged=merged,
    )


def apart(b_mm: float, c_mm: float, *, b_x: float = -12, c_x: float = 12) -> Visit:
    """As the node matches them: the larger part of what had merged has the identity of B."""
    parts = [placed("b3", b_mm, b_x), placed("c3", c_mm, c_x)]
    main, other = sorted(parts, key=lambda one: one.long_axis_mm, reverse=True)
    return visit(
        Seen(placed("a3", 18, 100), "A", "A", match("matched", "a2", "a3")),
        Seen(main, "B", "B", match("split", "b2", main.lesion_id)),
        Seen(other, "P", "B", match("split", "b2", other.lesion_id, is_main=False)),
    )


@pytest.mark.parametrize(("b_mm", "c_mm", "total"), [(14, 12, 32.0), (12, 14, 30.0)])
def test_what_was_no_target_does_not_count_when_it_comes_apart_again(
    b_mm: float, c_mm: float, total: float
) -> None:
    """Whichever part is the larger: of the two, the target is the one that lies where it lay."""
    targets, responses = recist([first(), coalesced(38.5), apart(b_mm, c_mm)])
    assert targets == {"A", "B"}
    assert (responses[2].sum, responses[2].category) == (total, "SD")
    assert responses[2].baseline == 34.0


def test_parts_that_cannot_be_told_apart_are_no_sum() -> None:
    # Both lie across the line on which they lay.
    shifted = apart(14, 12, b_x=0, c_x=0.5)
    (_, _, response) = recist([first(), coalesced(38.5), shifted])[1]
    assert (response.category, response.sum) == ("NE", None)
    assert response.reason == (
        "A target lesion had merged with one that is not a target; they are apart again, and nobody"
        " can tell which of the parts is the target."
    )
    # A person says it: the smaller part is C.
    named = replace(shifted.seen[2], group="C", match=match("matched", "c1", "c3", by="Dr A"))
    corrected = replace(shifted, seen=(*shifted.seen[:2], named))
    (_, _, response) = recist([first(), coalesced(38.5), corrected])[1]
    assert (response.category, response.sum) == ("SD", 32.0)


@pytest.mark.parametrize(
    ("mm", "category"),
    [
        # 18 + 30 mm, of which C may be 14: what touches has not grown, 34 to 34 mm.
        (30.0, "NE"),
        # 42.5 mm without what C was.
        (38.5, "PD"),
        # 38 mm at most, and 24 at least: 70 % of 34 are 23.8 mm.
        (20.0, "SD"),
        # 36 mm at most, SD, and 22 at least, PR.
        (18.0, "NE"),
    ],
)
def test_a_whole_that_holds_more_than_a_target_is_not_compared_with_the_first_sum(
    mm: float, category: str
) -> None:
    """RECIST 1.1, 4.3.2 takes its longest diameter; the first sum does not hold C."""
    (_, response) = recist([first(), coalesced(mm)])[1]
    assert (response.category, response.sum) == (category, 18 + mm)
    assert response.change_from_baseline_percent is response.change_from_nadir_percent is None
    assert "merged with one that is not a target" in response.reason


def test_a_whole_that_grows_is_compared_with_itself() -> None:
    # 18 + 13 mm, and then 18 + 22: 40 are 29 % and 9 mm above 31; less C they would be 26 mm.
    visits = [first(), coalesced(13), coalesced(22, before="2", now="3")]
    responses = recist(visits)[1]
    assert [one.category for one in responses[1:]] == ["NE", "PD"]


def test_lymph_nodes_of_lugano_that_merge_are_all_targets() -> None:
    nodes = first(kind=NODE).seen
    whole = coalesced(34, kind=NODE)
    targets, (before, now) = lugano([visit(*nodes), whole])
    # 14 mm is no longer than 15.
    assert targets == {"A", "B"}
    assert (before.sum, now.category) == (18 * 18 + 16 * 16, "PD")
