"""Lesions by the last word of readers, and the sums of what is left; expected values by hand."""

from collections.abc import Mapping
from dataclasses import replace

from inference.findings.derived import void_findings
from inference.lesions.course import Seen, Visit
from inference.lesions.response.assessment import Response, lugano, recist
from inference.lesions.reviewed import reviewed
from inference.pipelines.codes import CM3, LONG_AXIS, SHORT_AXIS, VOLUME
from storage.core.findings import Code, Feedback, FeedbackKind, Finding, SegmentRef
from storage.lesions.entities import Lesion
from tests.inference.lesions.matches import LESION, NODE, NOW, lesion, match

MM = Code("mm", "UCUM", "millimeter")
_SEGMENT = SegmentRef("1.3", "1.4", 1, (255, 0, 0), LESION, category=Code("49755003", "SCT", ""))


def finding(label: str, code: Code, value: float, unit: Code, number: int | None = 1) -> Finding:
    segment = None if number is None else replace(_SEGMENT, segment_number=number)
    return Finding(
        label, "job", "1.2", "1.3", "nodules", "1", label, code, value, unit, None, label,
        f"2.25.{number or 0}", segment, NOW,
    )  # fmt: skip


def sizes(number: int = 1) -> list[Finding]:
    return [
        finding(f"Metastasis {number} volume", VOLUME, 2.1, CM3, number),
        finding(f"Metastasis {number} long axis", LONG_AXIS, 24.2, MM, number),
        finding(f"Metastasis {number} short axis", SHORT_AXIS, 12.0, MM, number),
    ]


def word(kind: FeedbackKind, value: float | None = None, unit: Code | None = None) -> Feedback:
    return Feedback("f", "", "1.2", kind, value, unit, "", "", "rosa", NOW)


def after(stored: Lesion, **words: Feedback) -> Lesion | None:
    """By quantity: `volume`, `long_axis`, `short_axis`."""
    given = {f"Metastasis 1 {name.replace('_', ' ')}": [one] for name, one in words.items()}
    return reviewed(stored, sizes(), given)


def test_the_last_word_decides_what_a_lesion_measures() -> None:
    stored = replace(lesion("a", 24.2, 12.0, cut=True), volume_mm3=2100.0)
    assert after(stored) == stored
    out = word("REJECTED")
    assert after(stored, volume=out, long_axis=out, short_axis=out) is None
    one = after(stored, long_axis=out)
    assert one is not None
    assert (one.long_axis_mm, one.short_axis_mm, one.volume_mm3) == (None, 12.0, 2100.0)
    right = after(stored, long_axis=word("CORRECTED", 40.0), volume=word("CORRECTED", 9.9))
    assert right is not None
    assert (right.long_axis_mm, right.volume_mm3) == (40.0, 9900.0)
    # A person gives the size of the whole.
    assert (right.is_truncated, right.axes_method) == (False, "drawn")
    centimetres = after(stored, long_axis=word("CORRECTED", 4.0, Code("cm", "UCUM", "")))
    assert centimetres is not None
    assert centimetres.long_axis_mm == 40.0
    pixels = after(stored, long_axis=word("CORRECTED", 4.0, Code("{pixels}", "UCUM", "")))
    assert pixels is not None
    assert pixels.long_axis_mm is None
    given = {"Metastasis 1 long axis": [out, word("ACCEPTED")]}
    assert reviewed(stored, sizes(), given) == stored


def visit(lesions: Mapping[str, Lesion], *, new: str = "", rejected: str = "") -> Visit:
    seen = tuple(
        Seen(one, uid, uid, match("new", "", one.lesion_id) if uid == new else None)
        for uid, one in lesions.items()
    )
    out = (match("matched", rejected, "x"),) if rejected else ()
    return Visit("1.2", "20240101", seen, (), (), (), is_compared=True, rejected=out)


def second(visits: list[Visit]) -> Response:
    return recist(visits)[1][1]


def test_sums_go_by_what_readers_left() -> None:
    first = visit({"A": lesion("a1", 24.2), "B": lesion("b1", 20.4)})
    now = {"A": lesion("a2", 18.5), "B": lesion("b2", 15.8)}
    # 34.3 of 44.6 mm: SD. By the corrected axis 40.0 + 15.8 = 55.8 mm: 25.1 % more.
    assert (second([first, visit(now)]).sum, second([first, visit(now)]).category) == (34.3, "SD")
    corrected = second([first, visit({**now, "A": replace(now["A"], long_axis_mm=40.0)})])
    assert (corrected.sum, corrected.category) == (55.8, "PD")
    assert corrected.change_from_baseline_percent == 25.1
    # 15.8 mm alone would be PR: of a target whose size nobody knows, nothing is concluded.
    unknown = second([first, visit({**now, "A": replace(now["A"], long_axis_mm=None)})])
    gone = second([first, visit({"B": now["B"]}, rejected="a1")])
    for one in (unknown, gone):
        assert (one.sum, one.category, one.change_from_baseline_percent) == (None, "NE", None)
        assert one.reason == "A reader rejected a target lesion of this study, or its diameter."
    # Rejected at the first study, it is no target.
    left = second([visit({"B": lesion("b1", 20.4)}), visit({"B": now["B"], "A": now["A"]})])
    assert (left.baseline, left.sum, left.category) == (20.4, 15.8, "SD")
    sizeless = visit({"A": replace(lesion("a1", 24.2), long_axis_mm=None), "B": lesion("b1", 20.4)})
    assert recist([sizeless, visit(now)])[0] == {"B"}


def test_what_was_rejected_and_is_found_again_is_not_stable() -> None:
    first = visit({"A": lesion("a1", 24.2)})
    # One that was new in the second study was rejected there; in the third it is matched to it.
    then = visit({"A": lesion("a2", 24.0)})
    again = visit({"A": lesion("a3", 24.1), "N": lesion("n3", 40.0)})
    later = visit({"A": lesion("a4", 24.1), "N": lesion("n4", 40.0)})
    found = recist([first, then, replace(again, unclear=frozenset({"N"})), later])[1]
    assert [(one.category, one.reasons) for one in found[1:]] == [
        ("SD", ("stable",)),
        ("NE", ("earlier_rejected",)),
        ("NE", ("earlier_rejected",)),
    ]
    # Where it is the same as before, or a person stated that it is new, nothing is unclear.
    assert recist([first, then, again])[1][2].category == "SD"
    stated = visit({"A": lesion("a3", 24.1), "N": lesion("n3", 40.0)}, new="N")
    assert recist([first, then, stated])[1][2].category == "PD"


def test_a_node_that_is_gone_was_a_node() -> None:
    first = visit({"A": lesion("a1", 24.2), "N": lesion("n1", 30, 20, kind=NODE)})
    gone = replace(visit({"A": lesion("a2", 20.0)}), gone=(match("gone", "n1", ""),))
    assert [one.has_nodes for one in recist([first, gone])[1]] == [True, True]


def test_products_need_both_axes() -> None:
    first = visit({"N": lesion("n1", 24, 20, kind=NODE)})
    short = visit({"N": replace(lesion("n2", 24, 20, kind=NODE), short_axis_mm=None)})
    for table in (recist, lugano):
        assert (table([first, short])[1][1].sum, table([first, short])[1][1].category) == (
            None,
            "NE",
        )
    assert lugano([visit({"N": replace(lesion("n1", 24), short_axis_mm=None)}), short])[1] == []


def test_a_total_goes_with_any_of_its_lesions() -> None:
    total = finding("Metastasis volume, total of 2 lesions and others", VOLUME, 5.0, CM3, None)
    others = finding("Lymph node volume, total of 2 lesions", VOLUME, 3.0, CM3, None)
    nodes = [finding(f"Lymph node {n} volume", VOLUME, 1.5, CM3, 2 + n) for n in (1, 2)]
    rest = finding("Metastasis, others volume", VOLUME, 0.1, CM3, 9)
    every = [total, others, *nodes, *sizes(1), *sizes(2), rest]

    def void(label: str, given: Feedback) -> frozenset[str]:
        return void_findings(every, {label: [given]}, {})

    for label in ("Metastasis 2 volume", "Metastasis, others volume"):
        assert void(label, word("REJECTED")) == {total.finding_id}
        assert void(label, word("CORRECTED", 9.9)) == {total.finding_id}
    assert void("Metastasis 2 volume", word("ACCEPTED")) == frozenset()
    assert void("Metastasis 2 long axis", word("REJECTED")) == frozenset()
    assert void("Lymph node 1 volume", word("REJECTED")) == {others.finding_id}
