"""Normalization is Unicode's own, and takes time by the length of its text whatever that is."""

import time
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.core.text.normalization import normalized
from storage.core.text.text_folding import folded_name, search_text

FORMS: tuple[Literal["NFC", "NFKC", "NFKD"], ...] = ("NFC", "NFKC", "NFKD")
MARKS = "\u0301\u0323\u0344\u05b0\u0651\u0e38\u0f73\u302a\U0001d165"


@given(st.lists(st.text(max_size=8) | st.text(MARKS, max_size=8), max_size=3).map("".join))
def test_what_people_write_is_normalized_as_unicode_says(text: str) -> None:
    for form in FORMS:
        assert normalized(form, text) == unicodedata.normalize(form, text)


@given(st.text(MARKS, min_size=31, max_size=200))
def test_no_run_of_marks_is_long_and_none_of_them_is_lost(marks: str) -> None:
    found = normalized("NFKD", f"a{marks}b")
    apart = unicodedata.normalize("NFKD", f"a{marks}b")
    assert sorted(found.replace("\u034f", "")) == sorted(apart)
    runs = "".join("m" if unicodedata.combining(one) else " " for one in found).split()
    # U+0344 and U+0F73 are two each when they are taken apart.
    assert max(map(len, runs)) <= 60


@pytest.mark.parametrize("unit", ["\u0301\u0323", "\u0f73", "\u0323\u0344", "\u0651\u0e38"])
def test_a_name_of_nothing_but_marks_takes_no_minutes(unit: str) -> None:
    """100 kB of it in a PatientName once stopped a receiver for two minutes."""
    half = unit * (50_000 // len(unit))
    name = "a" + half + "".join(reversed(half))
    started = time.process_time()
    folded_name(name)
    search_text(name, "", name)
    assert time.process_time() - started < 2
