"""What comes from outside is valid, short and without controls before it is quoted."""

import os
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from storage.core.errors import InvalidRequest
from storage.core.text.outside_text import (
    shown_file_name,
    text_from_outside,
    valid_unicode,
)

# Any code point, halves of surrogate pairs and controls more often than they come by chance.
ANY_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.characters(categories=("Cs", "Cc", "Cf", "Zl", "Zp")),
        st.sampled_from("\ud83d\ude00\r\n\t\x85\u202e\u2066\ufffe"),
    )
)
_DIRECTIONS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


@given(ANY_TEXT, st.integers(1, 40), st.booleans())
@example("The study shows no lesion \ud800 today.", 40, True)
def test_it_is_valid_short_and_without_controls(text: str, at_most: int, lines: bool) -> None:
    found = text_from_outside(text, at_most, lines=lines)
    found.encode()
    assert len(found) <= at_most
    allowed = "\n\t" if lines else ""
    for one in found:
        assert one in allowed or unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(one) not in _DIRECTIONS
    assert text_from_outside(found, at_most, lines=lines) == found


@given(ANY_TEXT)
def test_valid_text_stays_and_halves_are_replaced(text: str) -> None:
    found = valid_unicode(text)
    found.encode()
    try:
        text.encode()
    except UnicodeEncodeError:
        assert found != text
    else:
        assert found is text


@given(st.binary(max_size=60).filter(lambda name: b"\0" not in name))
@example(b"a.\xff\xfe")
def test_any_file_name_can_be_shown(name: bytes) -> None:
    found = shown_file_name(os.fsdecode(name), 400)
    assert found.isprintable()
    found.encode()


def test_what_is_meant_stays() -> None:
    assert valid_unicode("\ud83d\ude00 \ud800") == "😀 \ufffd"
    assert text_from_outside("Größe: 3 µm²\r\n心臓", 99, lines=True) == "Größe: 3 µm²\n心臓"
    assert text_from_outside("one\r\ntwo\tthree", 99) == "one two three"
    assert text_from_outside("a" * 100_000, 5) == "aaaa…"
    assert shown_file_name("scan \udcff\udcfe\n.nii") == "scan \\xff\\xfe\\n.nii"
    assert shown_file_name("Säge.dcm") == "Säge.dcm"


def test_errors_quote_nothing_that_cannot_be_stored() -> None:
    error = InvalidRequest(f"No file \udcff\x1b[31m{'x' * 10_000}.", remedy="Ask \ud800.")
    assert f"{error}{error.message}{error.remedy}".encode()
    assert "\x1b" not in error.message
    assert len(error.message) <= 4000
