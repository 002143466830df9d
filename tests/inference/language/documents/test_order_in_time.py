"""Of several rows of one thing the first or the last in time; of two columns, before or after."""

import pytest

from inference.language.documents.page import Page
from tests.inference.language.documents.pages import first, page_of, table

IMMUNIZATIONS = [
    ("Vaccine", "Date given", "Lot number"),
    ("Tetanus", "14.03.2022", "TE-982"),
    ("Tetanus", "20.01.2012", "TE-771"),
    ("Measles", "02.06.1998", "MA-118"),
    ("Influenza", "17.10.2023", "FL-187"),
    ("Influenza", "09.10.2024", "FL-229"),
]
COURSE = [
    ("Date", "HbA1c (%)", "Creatinine (umol/L)"),
    ("18 Nov 2025", "6.9", "-"),
    ("20 May 2025", "7.3", "88"),
    ("14 May 2024", "8.4", "84"),
]
TEST = [
    ("", "Before bronchodilator", "After bronchodilator"),
    ("FEV1 (L)", "1.88", "2.21"),
    ("PEF (L/min)", "310", "401"),
]
DIALYSIS = [
    ("", "vor Dialyse", "nach Dialyse"),
    ("Gewicht (kg)", "73,9", "71,2"),
    ("Puls", "88", "78"),
]


def _page(rows: list[tuple[str, ...]]) -> Page:
    return page_of(table(60, (60, 240, 420), *rows))


@pytest.mark.parametrize(
    ("rows", "question", "answer"),
    [
        (IMMUNIZATIONS, "When was the last tetanus vaccine?", "14.03.2022"),
        (IMMUNIZATIONS, "When was the first tetanus vaccine?", "20.01.2012"),
        (IMMUNIZATIONS, "What is the lot number of the latest influenza vaccine?", "FL-229"),
        (IMMUNIZATIONS, "What is the lot number of the earliest influenza vaccine?", "FL-187"),
        (COURSE, "What was the latest HbA1c?", "6.9"),
        (COURSE, "What was the first HbA1c?", "8.4"),
        (COURSE, "What was the most recent creatinine?", "88"),
        (TEST, "What was the FEV1 before the bronchodilator?", "1.88"),
        (TEST, "What was the FEV1 after the bronchodilator?", "2.21"),
        (TEST, "What was the PEF after the bronchodilator?", "401"),
        (DIALYSIS, "Wie hoch war das Gewicht nach der Dialyse?", "71,2"),
        (DIALYSIS, "Wie hoch war der Puls vor der Dialyse?", "88"),
    ],
)
def test_the_row_or_column_of_that_time_answers(
    rows: list[tuple[str, ...]], question: str, answer: str
) -> None:
    assert first(_page(rows), question) == answer


@pytest.mark.parametrize(
    ("rows", "question"),
    [
        (IMMUNIZATIONS, "When was the last hepatitis vaccine?"),
        (COURSE, "What was the latest ferritin?"),
        (TEST, "What was the DLCO after the bronchodilator?"),
        # Which is later, nothing tells: months before days, or days before months.
        (
            [
                ("Vaccine", "Date given", "Lot number"),
                ("Tetanus", "03/04/2022", "TE-982"),
                ("Tetanus", "04/03/2022", "TE-771"),
            ],
            "What is the lot number of the last tetanus vaccine?",
        ),
        # One has no day.
        (
            [
                ("Vaccine", "Date given", "Lot number"),
                ("Tetanus", "14.03.2022", "TE-982"),
                ("Tetanus", "20.01.2012", "TE-771"),
                ("Tetanus", "unknown", "TE-003"),
            ],
            "What is the lot number of the first tetanus vaccine?",
        ),
        # Two on one day.
        (
            [
                ("Vaccine", "Date given", "Lot number"),
                ("Tetanus", "14.03.2022", "TE-982"),
                ("Tetanus", "14.03.2022", "TE-771"),
                ("Measles", "20.01.2012", "MA-118"),
            ],
            "What is the lot number of the last tetanus vaccine?",
        ),
    ],
)
def test_where_nothing_tells_which_nothing_answers(
    rows: list[tuple[str, ...]], question: str
) -> None:
    assert not first(_page(rows), question)
