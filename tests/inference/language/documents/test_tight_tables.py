"""Tables with little room between their cells, columns of days, and values of several lines."""

import pytest

from inference.language.documents.page import Page
from inference.language.documents.pairing.layout import rows_of
from tests.inference.language.documents.pages import Text, first, page_of

_ROWS = (
    ("Sodium", "139", "137", "mmol/L", "135 - 145"),
    ("Potassium", "4.1", "5.4", "mmol/L", "3.5 - 5.1"),
    ("Albumin", "38", "33", "g/L", "35 - 50"),
    ("Ferritin", "210", "188", "ug/L", "30 - 400"),
)
# So that five to seven points, and no more, part the widest cells from the next column.
_LEFTS = (60, 118, 182, 246, 290)


def _results(*days: str) -> Page:
    heads = ("Test", *days, "Unit", "Reference")
    return page_of(
        [
            (left, 60 + 16 * index, text)
            for index, row in enumerate((heads, *_ROWS))
            for left, text in zip(_LEFTS, row, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What was the potassium in September?", "5.4"),
        ("What was the albumin in May?", "38"),
        ("What is the normal range of sodium?", "135 - 145"),
        ("What is the ferritin?", "188"),
        ("What was the albumin in April?", ""),
    ],
)
def test_a_column_is_that_of_the_month_or_the_latest(question: str, value: str) -> None:
    assert first(_results("12.05.2026", "09.09.2026"), question) == value


def test_a_month_is_none_where_slashes_leave_two() -> None:
    page = _results("12/05/2026", "05/12/2026")
    assert first(page, "What was the potassium in May?") == ""
    page = _results("12/05/2026", "09/09/2026")
    assert first(page, "What was the potassium in May?") == "4.1"


def test_wide_spaces_of_justified_text_part_nothing() -> None:
    lines = (
        "She was well until last week when",
        "pain of her left knee began, and it",
        "has become worse after a long walk in",
        "the mountains, which she had planned",
        "for months; an operation is not wanted",
    )
    texts: list[Text] = []
    for index, line in enumerate(lines):
        left = 60.0
        for word in line.split():
            texts.append((left, 60 + 12 * index, word))
            left += 5.6 * len(word) + 5 + 0.4 * index
    assert [len(row) for row in rows_of(page_of(texts))] == [1] * len(lines)


_FORM: list[Text] = [
    (60, 60, "Surgeon"),
    (200, 60, "Mr T. Ashdown"),
    (60, 80, "Assistant"),
    (200, 80, "Dr S. Wieland"),
    (60, 100, "Aftercare"),
    (200, 100, "Full weight bearing, heparin"),
    (200, 112, "for 35 days, stitches out on day 14"),
    (60, 132, "Drain"),
    (200, 132, "none"),
    (60, 152, "Valid until"),
    (200, 152, "31 Dec 2026"),
]


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("Who operated?", "Mr T. Ashdown"),
        ("Who assisted?", "Dr S. Wieland"),
        (
            "What is the aftercare?",
            "Full weight bearing, heparin for 35 days, stitches out on day 14",
        ),
        ("Is there a drain?", "none"),
        ("Until when is it valid?", "31 Dec 2026"),
    ],
)
def test_a_value_goes_on_below_and_roles_are_asked_for_by_verbs(question: str, value: str) -> None:
    assert first(page_of(_FORM), question) == value
