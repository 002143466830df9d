"""Regular expressions of rules take time by the length of the text, whatever they are."""

import time

import pytest

from inference.rules.conditions import Test as Asked
from inference.rules.file import rules_in
from inference.rules.patterns import check_pattern, is_found
from storage.core.errors import InvalidRequest

BACKTRACKING = [
    "^(a+)+$",
    "^([a-z]+[ _-]?)+$",
    "(a|a)*!x",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(.*a){20}x",
]


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_a_header_of_a_stranger_costs_no_more_than_its_length(pattern: str) -> None:
    check_pattern(pattern)
    begun = time.process_time()
    for _ in range(10):
        is_found(pattern, "a" * 10_000 + "!")
    assert time.process_time() - begun < 1


def test_what_lies_behind_the_longest_text_of_dicom_is_not_looked_at() -> None:
    assert is_found("x$", "a" * 10_000 + "x")
    assert not is_found("x", "a" * 11_000 + "x")


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("abd|spleen|^$", "", True),
        ("abd|spleen|^$", "ABDOMEN venös", True),
        ("^B[5-9]", "b30f", False),
        ("größe|ø", "GRÖSSE", False),
        ("ø\\d+", "Ø12", True),
        ("\\bT1\\b", "ax t1 fs", True),
        ("^\\w+$", "schädel", True),
        ("^[\\w-]+$", "schädel-ct", True),
        ("^\\W$", "ä", False),
        ("^[^\\d]$", "٣", False),
        ("^\\\\w$", "\\w", True),
        ("(?P<kernel>Br\\d{2})", "br40", True),
    ],
)
def test_letters_of_any_alphabet_are_alike_in_both_cases(
    pattern: str, text: str, found: bool
) -> None:
    assert is_found(pattern, text) is found


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("(", "missing )"),
        ("a(?=b)", "invalid perl operator"),
        ("(a)\\1", "invalid escape sequence"),
        ("((a{500}){500}){2}", "invalid repetition size"),
        ("x" * 1001, "more than 1000 characters"),
        ("\ud800", "half a character"),
    ],
)
def test_what_is_not_matched_in_bounded_time_is_refused_with_its_reason(
    pattern: str, named: str
) -> None:
    with pytest.raises(ValueError, match="matches") as refused:
        Asked.model_validate({"matches": pattern})
    assert named in str(refused.value)


@pytest.mark.parametrize("value", ["2026-02-30", "2026-13-01", "0b_", "0x_", "9" * 5000])
def test_a_number_or_date_that_does_not_exist_is_no_yaml(value: str) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        rules_in(f"rules:\n  - name: {value}\n", "rules.yaml", "Correct it.")


def test_many_mistakes_cost_little_and_fifty_are_named() -> None:
    text = "".join(f"unknown_{number}: 1\n" for number in range(9000))
    begun = time.process_time()
    with pytest.raises(InvalidRequest) as refused:
        rules_in(text, "rules.yaml", "Correct it.")
    assert time.process_time() - begun < 5
    assert "unknown_49" in refused.value.message
    assert "8950 mistakes more" in refused.value.message
