"""Whole numbers of strangers: what is none is none, and nothing is raised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.core.untrusted_input.whole_numbers import read_whole_number


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("007", 7), (" 12\t", 12), ("9" * 18, 10**18 - 1)]
)
def test_ascii_digits_are_a_number(text: str, number: int) -> None:
    assert read_whole_number(text) == number


@pytest.mark.parametrize(
    "text", ["", " ", "²", "5\x1e", "+5", "-5", "1_000", "٣", "1.0", "1 2", "9" * 19, "9" * 5000]
)
def test_all_else_is_none(text: str) -> None:
    assert read_whole_number(text) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    number = read_whole_number(text)
    assert number is None or number >= 0
