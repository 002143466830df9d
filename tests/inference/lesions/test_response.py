"""Sums and categories by the published rules; expected values are by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from inference.lesions.course import Seen, Visit
from inference.lesions.response.assessment import lugano, recist
from inference.reports.lesion_sums import sum_text
from inference.reports.locale import load_locale
from storage.core.findings import Code
from storage.lesions.entities import Lesion, LesionMatch
from tests.inference.lesions.matches import EDEMA, LESION, NODE, lesion, match


def visit(
    lesions: dict[str, Lesion],
    *,
    new: Sequence[str] = (),
    gone: Sequence[LesionMatch] = (),
    merged: Sequence[LesionMatch] = (),
    outside: Sequence[LesionMatch] = (),
    uncertain: Sequence[LesionMatch] = (),
    is_compared: bool = True,
) -> Visit:
    """Lesions by their identity."""
    maybe = {one.later_lesion_id: one for one in uncertain}
    seen = tuple(
        Seen(
            one,
            uid,
            uid,
            match("new", "", one.lesion_id) if uid in new else maybe.get(one.lesion_id),
        )
        for uid, one in lesions.items()
    )
    found = Visit("1.2", "20240101", seen, tuple(gone), tuple(merged), tuple(outside), is_compared)
    return replace(found, uncertain=tuple(one for one in uncertain if one.earlier_lesion_id))


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
    new = visit({"C": lesion("c2", 5)}, new=["C"], gone=gone.gone)
    assert recist([FIRST, new])[1][1].category == "PD"


def test_a_new_speck_is_no_progress_until_it_has_grown() -> None:
    gone = [match("gone", "a1"), match("gone", "b1")]
    speck = visit({"C": lesion("c2", 4.9)}, new=["C"], gone=gone)
    found = recist([FIRST, speck, visit({"C": lesion("c3", 4.0)}), visit({"C": lesion("c4", 7)})])[
        1
    ]
    assert [one.category for one in found[1:]] == ["NE", "NE", "PD"]
    assert found[1].reason.startswith("A lesion that is new is shorter than 5 mm")
    assert found[1].new_lesions == 1
    assert found[3].reason == "A lesion that was new in a study before is still there."
    # Beside one that is no speck, or whose reader measured it.
    both = visit({"C": lesion("c2", 3), "D": lesion("d2", 9)}, new=["C", "D"], gone=gone)
    assert recist([FIRST, both])[1][1].category == "PD"
    drawn = [replace(one, by_readers=True) for one in (FIRST, speck)]
    assert recist(drawn)[1][1].category == "PD"


def test_a_lesion_that_was_new_before_leaves_no_response_while_it_is_there() -> None:
    gone = [match("gone", "a1"), match("gone", "b1")]
    new = visit({"C": lesion("c2", 8)}, new=["C"], gone=gone)
    grown = visit({"C": lesion("c3", 20)})
    found = recist([FIRST, new, grown])[1]
    assert [(one.category, one.new_lesions) for one in found[1:]] == [("PD", 1), ("PD", 0)]
    assert found[2].reason == "A lesion that was new in a study before is still there."
    outside = visit({}, outside=[match("outside", "c2")])
    assert recist([FIRST, new, outside])[1][2].category == "NE"
    over = visit({}, gone=[match("gone", "c2")])
    assert recist([FIRST, new, over])[1][2].category == "CR"
    # It is a part of a target now, whose diameter counts.
    merged = visit({"A": lesion("a3", 14)}, merged=[match("merged", "c2", "a3", is_main=False)])
    kept = visit({"A": lesion("a2", 15), "C": lesion("c2", 8)}, new=["C"], gone=gone[1:])
    assert recist([FIRST, kept, merged])[1][2].category == "PR"
    drawn = [replace(one, by_readers=True) for one in (FIRST, kept, grown)]
    assert recist(drawn)[1][2].category == "PD"


def test_no_response_is_complete_while_another_lesion_is_there() -> None:
    first = visit({"A": lesion("a1", 30), "B": lesion("b1", 20), "C": lesion("c1", 8)})
    gone = [match("gone", "a1"), match("gone", "b1")]
    left = visit({"C": lesion("c2", 8)}, gone=gone)
    _, (_, response) = recist([first, left])
    assert (response.category, response.sum) == ("PR", 0.0)
    assert response.reason.endswith("others, no targets, are still there.")
    edema = visit({"E": lesion("e2", 40, kind=EDEMA)}, gone=gone)
    assert recist([first, edema])[1][1].category == "CR"


def test_what_a_reader_did_not_measure_is_not_gone() -> None:
    one_of_two = replace(
        visit({"A": lesion("a2", 30)}, gone=[match("gone", "b1")]), by_readers=True
    )
    both = visit({"A": lesion("a3", 30), "B": lesion("b3", 10)}, new=["B"])
    _, (_, second, third) = recist([FIRST, one_of_two, replace(both, by_readers=True)])
    assert (second.category, second.sum) == ("NE", None)
    assert second.reason.startswith("Not every target lesion was measured")
    assert (third.category, third.reason) == (
        "PD",
        "A lesion was measured that was not measured in the study before.",
    )


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


def test_sums_of_lesions_that_were_measured_by_different_methods_are_not_compared() -> None:
    # 25 and 30.5 mm, with pixels of 1 mm: PD by either method, SD of one beside the other.
    before = visit({"A": lesion("a1", 26, axes_method="edges")})
    now = visit({"A": lesion("a2", 30.5)})
    then = visit({"A": lesion("a3", 31.5, axes_method="edges")})
    found = recist([before, now, then])[1]
    assert [(one.category, one.sum) for one in found[1:]] == [("NE", 30.5), ("NE", 31.5)]
    assert found[1].reason.startswith("The studies were measured by different methods")
    assert found[1].change_from_baseline_percent is found[1].change_from_nadir_percent is None
    assert recist([before, then])[1][1].category == "PD"
    # Nothing left is nothing by any method.
    assert recist([before, now, visit({}, gone=[match("gone", "a2")])])[1][2].category == "CR"
    # Boxes are measured as they were before anybody recorded how.
    boxes = visit({"A": lesion("a2", 31.5, axes_method="box")})
    assert recist([before, boxes])[1][1].category == "PD"


CLOSE = visit({"A": lesion("a1", 12), "C": lesion("c1", 18), "E": lesion("e1", 10)})
"""The targets are C and A, two of a type."""


def coalesced(identity: str, *, of: Sequence[str], size: Lesion | None = None) -> Visit:
    """A and E are one now, which has the identity of either."""
    lesions = {identity: size or lesion("ae2", 30), "C": lesion("c2", 18)}
    merged = [match("merged", one, "ae2", is_main=False) for one in of]
    return visit(lesions, merged=merged)


@pytest.mark.parametrize(("identity", "other"), [("A", "e1"), ("E", "a1")])
def test_the_lesion_that_targets_have_become_counts(identity: str, other: str) -> None:
    # RECIST 1.1, 4.3.2: the longest diameter of the coalesced lesion. 12 + 18 to 30 + 18 mm.
    now = coalesced(identity, of=[other])
    targets, (_, response) = recist([CLOSE, now])
    assert targets == {"A", "C"}
    assert (response.category, response.sum) == ("PD", 48.0)
    # The first sum does not hold E.
    assert response.change_from_baseline_percent is None
    # Smaller since, and gone at last: 15 + 18 mm and 18 mm.
    smaller = visit({identity: lesion("ae3", 15), "C": lesion("c3", 18)})
    without = visit({"C": lesion("c4", 18)}, gone=[match("gone", "ae3")])
    responses = recist([CLOSE, now, smaller, without])[1]
    assert [one.sum for one in responses] == [30.0, 48.0, 33.0, 18.0]


def test_two_targets_that_merge_count_once() -> None:
    first = visit({"A": lesion("a1", 12), "E": lesion("e1", 10)})
    now = visit({"A": lesion("ae2", 30)}, merged=[match("merged", "e1", "ae2", is_main=False)])
    (_, response) = recist([first, now])[1]
    assert (response.category, response.sum) == ("PD", 30.0)


def test_what_a_target_merged_into_may_be_cut_off_or_be_no_tumour() -> None:
    for size in (lesion("ae2", 30, cut=True), lesion("ae2", 30, kind=EDEMA)):
        (_, response) = recist([CLOSE, coalesced("E", of=["a1"], size=size)])[1]
        assert (response.category, response.sum) == ("NE", None)


def test_the_parts_of_a_target_are_added() -> None:
    parts = (
        Seen(lesion("a2", 9), "A", "A", match("split", "a1", "a2")),
        Seen(lesion("a3", 8), "P", "A", match("split", "a1", "a3", is_main=False)),
        Seen(lesion("c2", 18), "C", "C", match("matched", "c1", "c2")),
    )
    now = Visit("1.2", "20240101", parts, (), (), (), is_compared=True)
    assert recist([CLOSE, now])[1][1].sum == 35.0


def test_a_target_that_is_cut_off_has_no_size() -> None:
    now = visit({"A": lesion("a2", 9, cut=True), "B": lesion("b2", 20)})
    assert (recist([FIRST, now])[1][1].category, recist([FIRST, now])[1][1].sum) == ("NE", None)


@pytest.mark.parametrize(
    ("lesions", "more"),
    [
        ({"A": lesion("a2", 70), "B": lesion("b2", 9, cut=True)}, {}),
        ({"A": lesion("a2", 70)}, {"outside": [match("outside", "b1")]}),
    ],
    ids=["cut off", "outside of the images"],
)
def test_progress_is_certain_where_the_other_targets_alone_have_grown_so_far(
    lesions: dict[str, Lesion], more: Any
) -> None:
    """RECIST 1.1, 4.4: what is missing could only add to the sum."""
    response = recist([FIRST, visit(lesions, **more)])[1][1]
    assert (response.category, response.reasons) == ("PD", ("grown_in_part",))
    assert (response.sum, response.change_from_nadir_percent) == (None, None)
    for locale in map(load_locale, ("en", "de")):
        assert "20 %" in sum_text("recist", response, locale)


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


def test_oedema_around_a_tumour_is_no_target_and_nothing_new() -> None:
    first = visit({"T": lesion("t1", 20), "E": lesion("e1", 60, kind=EDEMA)})
    now = visit(
        {
            "T": lesion("t2", 20),
            "E": lesion("e2", 30, kind=EDEMA),
            "F": lesion("f2", 40, kind=EDEMA),
        },
        new=["F"],
    )
    targets, (_, response) = recist([first, now])
    assert targets == {"T"}
    assert (response.category, response.new_lesions, response.sum) == ("SD", 0, 20.0)


def test_the_card_decides_before_the_type() -> None:
    lesions = {
        "haemangioma": lesion("h1", 50, is_measurable=False),
        "cystic metastasis": lesion(
            "c1", 30, kind=Code("367643001", "SCT", "Cyst"), is_measurable=True
        ),
    }
    assert recist([visit(lesions)])[0] == {"cystic metastasis"}


def test_a_lesion_that_may_be_new_or_not_makes_no_progress_and_no_response() -> None:
    maybe = match("uncertain", "", "n2")
    now = visit({"A": lesion("a2", 15), "B": lesion("b2", 10), "N": lesion("n2", 9)},
                uncertain=[maybe])  # fmt: skip
    response = recist([FIRST, now])[1][1]
    assert (response.category, response.reasons, response.sum) == ("NE", ("uncertain",), 25.0)
    # A target that it may be has no size.
    now = visit({"A": lesion("a2", 30), "N": lesion("n2", 9)},
                uncertain=[match("uncertain", "b1", ""), maybe])  # fmt: skip
    response = recist([FIRST, now])[1][1]
    assert (response.category, response.reasons, response.sum) == ("NE", ("lost",), None)


def test_no_change_is_stated_where_a_target_that_was_gone_may_be_there_again() -> None:
    without = visit({"A": lesion("a2", 30)}, gone=[match("gone", "b1")])
    again = visit({"A": lesion("a3", 30), "N": lesion("n3", 18)}, new=["N"])
    _, (_, second, third) = recist([FIRST, without, again])
    assert second.change_from_baseline_percent == -40.0
    assert (third.sum, third.change_from_baseline_percent) == (30.0, None)
    assert (third.category, third.reasons) == ("PD", ("new", "target_again"))
    # Of another type it is none.
    other = visit({"A": lesion("a3", 30), "N": lesion("n3", 18, kind=NODE)}, new=["N"])
    assert recist([FIRST, without, other])[1][2].change_from_baseline_percent == -40.0


@pytest.mark.parametrize(
    ("slice_mm", "targets"), [(None, "AB"), (5.0, "AB"), (6.0, "A"), (16.0, "")]
)
def test_a_target_is_twice_as_long_as_thick_slices(slice_mm: float | None, targets: str) -> None:
    first = visit({"A": lesion("a1", 30), "B": lesion("b1", 11)})
    found, _ = recist([replace(first, slice_thickness_mm=slice_mm)])
    assert found == frozenset(targets)


def test_parts_that_are_longer_and_smaller_than_the_whole_are_named() -> None:
    """RECIST 1.1 adds the diameters of the parts of a split."""
    whole = replace(lesion("a1", 20), volume_mm3=4000.0)
    parts = [replace(lesion(f"a{n}", 14), volume_mm3=1200.0) for n in (2, 3)]
    seen = tuple(Seen(one, f"A{n}", "A", None) for n, one in enumerate(parts))
    first = visit({"A": whole})
    _, (_, response) = recist([first, replace(visit({}), seen=seen)])
    assert (response.category, response.reasons) == ("PD", ("grown", "volume_less"))
    larger = tuple(replace(one, lesion=replace(one.lesion, volume_mm3=2100.0)) for one in seen)
    assert recist([first, replace(visit({}), seen=larger)])[1][1].reasons == ("grown",)


def four_of_a_type(*long_mm: float) -> Visit:
    """The two largest at first are the targets."""
    lesions = zip("ABCD", long_mm, strict=True)
    return visit({name: lesion(f"{name}{size}", size) for name, size in lesions})


@pytest.mark.parametrize(
    ("others_mm", "category"),
    [((16, 12), "PR"), ((20, 12), "PR"), ((16, 16.9), "PR"), ((21, 12), "NE"), ((16, 26), "NE")],
)
def test_nothing_is_a_response_while_a_lesion_that_is_no_target_has_grown(
    others_mm: tuple[float, float], category: str
) -> None:
    now = four_of_a_type(13, 16, *others_mm)
    _, (_, response) = recist([four_of_a_type(24, 20, 16, 12), now])
    assert (response.category, response.sum) == (category, 29)
    assert (response.reasons == ("others_grown",)) == (category == "NE")


def test_growth_of_others_is_from_their_smallest_and_takes_nothing_from_progress() -> None:
    visits = [four_of_a_type(24, 20, 16, 12), four_of_a_type(24, 20, 6, 12)]
    _, responses = recist([*visits, four_of_a_type(23, 20, 12, 12)])
    assert [one.category for one in responses] == ["baseline", "SD", "NE"]
    _, responses = recist([*visits, four_of_a_type(34, 30, 12, 12)])
    assert responses[-1].reasons == ("grown",)


def test_what_the_images_cut_off_before_or_what_has_merged_has_not_grown() -> None:
    first = four_of_a_type(24, 20, 16, 12)
    cut_off = visit({"A": lesion("a2", 24), "B": lesion("b2", 20), "C": lesion("c2", 5, cut=True)})
    now = four_of_a_type(24, 20, 16, 12)
    assert recist([first, cut_off, now])[1][-1].category == "SD"
    joined = visit(
        {"A": lesion("a2", 24), "B": lesion("b2", 20), "C": lesion("c2", 28)},
        merged=[match("merged", "D12", "c2")],
    )
    assert recist([first, joined])[1][-1].category == "SD"
