"""Sums and categories by the published rules; expected values are by hand."""

from collections.abc import Sequence

import pytest

from inference.lesions.course import Seen, Visit
from inference.lesions.response import lugano, recist
from storage.core.findings import Code
from storage.lesions.entities import Lesion, LesionMatch
from tests.inference.lesions.matches import LESION, NODE, lesion, match


def visit(
    lesions: dict[str, Lesion],
    *,
    new: Sequence[str] = (),
    gone: Sequence[LesionMatch] = (),
    outside: Sequence[LesionMatch] = (),
    is_compared: bool = True,
) -> Visit:
    """Lesions by their identity."""
    seen = tuple(
        Seen(one, uid, uid, match("new", "", one.lesion_id) if uid in new else None)
        for uid, one in lesions.items()
    )
    return Visit("1.2", "20240101", seen, tuple(gone), (), tuple(outside), is_compared)


FIRST = visit({"A": lesion("a1", 30), "B": lesion("b1", 20)})


@pytest.mark.parametrize(
    ("long_mm", "category", "change"),
    [
        ((21, 14), "PR", -30.0),
        ((22, 14), "SD", -28.0),
        ((38, 21), "SD", 18.0),
        ((38, 22), "PD", 20.0),
    ],
)
def test_the_sum_of_longest_diameters_decides(
    long_mm: tuple[float, float], category: str, change: float
) -> None:
    now = visit({"A": lesion("a2", long_mm[0]), "B": lesion("b2", long_mm[1])})
    _, (_, response) = recist([FIRST, now])
    assert response.category == category
    assert response.change_from_baseline_percent == change


def test_progression_is_from_the_smallest_sum_and_by_5_mm_at_least() -> None:
    sizes = [(30, 20), (12, 8), (14, 10)]
    visits = [visit({"A": lesion(f"a{a}", a), "B": lesion(f"b{b}", b)}) for a, b in sizes]
    # 20 to 24 mm: 20 % more, and 4 mm only.
    _, responses = recist(visits)
    assert [one.category for one in responses] == ["baseline", "PR", "PR"]
    # 20 to 25 mm, still below the first 50 mm.
    _, responses = recist([*visits, visit({"A": lesion("a4", 15), "B": lesion("b4", 10)})])
    assert (responses[-1].category, responses[-1].nadir) == ("PD", 20.0)


def test_all_gone_is_a_complete_response_and_anything_new_is_progress() -> None:
    gone = visit({}, gone=[match("gone", "a1"), match("gone", "b1")])
    _, responses = recist([FIRST, gone, visit({}, gone=[])])
    assert [(one.sum, one.category) for one in responses[1:]] == [(0.0, "CR"), (0.0, "CR")]
    new = visit({"C": lesion("c2", 4)}, new=["C"], gone=gone.gone)
    assert recist([FIRST, new])[1][1].category == "PD"


def test_a_target_that_the_images_do_not_show_is_not_gone() -> None:
    lower = visit({"A": lesion("a2", 10)}, outside=[match("outside", "b1")])
    whole = visit({"A": lesion("a3", 10)})
    found = recist([FIRST, lower, whole])[1]
    assert [(one.category, one.sum) for one in found[1:]] == [("NE", None), ("NE", None)]
    assert found[2].change_from_baseline_percent is None
    # A person has named it in the third study.
    again = visit({"A": lesion("a3", 10), "B": lesion("b3", 10)})
    assert recist([FIRST, lower, again])[1][2].category == "PR"


def test_studies_that_were_not_compared_are_no_response() -> None:
    apart = visit({"X": lesion("x2", 30)}, is_compared=False)
    then = visit({"X": lesion("x3", 30)})
    assert [one.category for one in recist([FIRST, apart, then])[1][1:]] == ["NE", "NE"]


def test_a_target_that_is_cut_off_has_no_size() -> None:
    now = visit({"A": lesion("a2", 9, cut=True), "B": lesion("b2", 20)})
    assert (recist([FIRST, now])[1][1].category, recist([FIRST, now])[1][1].sum) == ("NE", None)


def test_lymph_nodes_count_by_their_short_axis() -> None:
    def nodes(*axes: tuple[float, float]) -> dict[str, Lesion]:
        return {f"N{n}": lesion(f"n{n}{a}", *a, kind=NODE) for n, a in enumerate(axes)}

    first, then = visit(nodes((30, 20), (18, 12))), visit(nodes((20, 9.9), (15, 9)))
    targets, responses = recist([first, then])
    assert targets == {"N0"}
    assert (responses[0].sum, responses[1].category) == (20.0, "CR")
    targets, responses = lugano([first, then])
    assert targets == {"N0", "N1"}
    # 30 * 20 + 18 * 12 and 20 * 9.9 + 15 * 9 mm2.
    assert [one.sum for one in responses] == [816.0, 333.0]
    assert responses[1].category == "PR"


@pytest.mark.parametrize(("kind", "count"), [(LESION, 2), (None, 5)])
def test_there_are_five_targets_and_two_of_a_type(kind: Code | None, count: int) -> None:
    lesions = {
        f"{n}": lesion(f"{n}", 10 + n, kind=kind or Code(str(n), "SCT", "organ")) for n in range(7)
    }
    assert len(recist([visit(lesions)])[0]) == count
