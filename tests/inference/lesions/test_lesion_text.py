"""The sums of lesions in a report's sentences."""

import pytest

from inference.lesions.course import Seen, Visit
from inference.lesions.response import lugano, recist
from inference.reports.lesion_text import LesionCourse, lesion_sentences
from inference.reports.locale import load_locale
from storage.lesions.entities import AxesMethod
from tests.inference.lesions.matches import NODE, lesion


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
