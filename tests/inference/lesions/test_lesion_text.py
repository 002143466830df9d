"""The sums of lesions in a report's sentences."""

import pytest

from inference.lesions.course import Seen, Visit
from inference.lesions.response import lugano, recist
from inference.reports.lesion_text import LesionCourse, lesion_sentences
from inference.reports.locale import load_locale
from storage.lesions.entities import AxesMethod
from tests.inference.lesions.matches import NODE, lesion, match


def visit(date: str, mm: float, method: AxesMethod) -> Visit:
    node = lesion(f"n{date}", mm, mm, kind=NODE, axes_method=method)
    return Visit("1.2", date, (Seen(node, "N", "N", None),), (), (), (), is_compared=True)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "mm; not compared, since"), ("de", "mm; nicht verglichen, da")],
)
def test_sums_by_different_methods_are_stated_without_a_change(language: str, words: str) -> None:
    visits = [visit("20230101", 26, "edges"), visit("20240101", 30, "half-pixel")]
    sums = [table(visits)[1][-1] for table in (recist, lugano)]
    course = LesionCourse("nodules", visits[-1], "20230101", *sums)
    _, longest, products = (one.text for one in lesion_sentences([course], load_locale(language)))
    assert words in longest
    assert words.replace("mm", "mm²") in products
    assert longest.endswith(": NE.")
    assert products.endswith(": NE.")
    assert "26" not in longest


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Not measured again, as named on 1 January 2023: C (longest diameter 9.0 mm).",
                "Outside of these images, as named on 1 January 2023: D (longest diameter 8.0 mm).",
                "Lesions are numbered in each study separately."
                " As named on 1 January 2023: A was A and B, F was E, G was E."]),
        ("de", ["Nicht erneut gemessen, benannt wie am 1. Januar 2023: C (längster Durchmesser"
                " 9,0 mm).",
                "Außerhalb dieser Bilder, benannt wie am 1. Januar 2023: D (längster Durchmesser"
                " 8,0 mm).",
                "Jede Untersuchung nummeriert ihre Läsionen neu. Benannt wie am 1. Januar 2023:"
                " A war A und B, F war E, G war E."]),
    ],
)  # fmt: skip
def test_lesions_that_are_gone_or_renumbered_are_named(language: str, expected: list[str]) -> None:
    now = Visit(
        "1.2", "20240101",
        (
            Seen(lesion("A", 20), "A", "A", match("merged", "a", "A")),
            Seen(lesion("F", 12), "F", "F", match("split", "e", "F")),
            Seen(lesion("G", 7), "G", "G", match("split", "e", "G", is_main=False)),
            Seen(lesion("H", 7), "H", "H", match("matched", "h", "H")),
        ),
        (match("gone", "c"),), (match("merged", "b", "A", is_main=False),),
        (match("outside", "d"),), is_compared=True, by_readers=True,
    )  # fmt: skip
    sizes = {"A": 10, "B": 9.5, "C": 9, "D": 8, "E": 15, "H": 7}
    before = {name.lower(): lesion(name, mm) for name, mm in sizes.items()}
    course = LesionCourse("nodules", now, "20230101", None, None, earlier_lesions=before)
    _, *named = (one.text for one in lesion_sentences([course], load_locale(language)))
    assert named == expected
