"""The lists of words that stand beside names and places load whole, and a bad one is refused."""

import re
from importlib import resources

import pytest
import yaml

from inference.language.identifying import by_context, forms

_FILES = ("name_forms", "place_forms")


def test_every_list_of_both_files_is_one_pattern_that_finds_its_own_words() -> None:
    count = 0
    for file in _FILES:
        text = (resources.files(forms.__package__) / "data" / f"{file}.yaml").read_text("utf-8")
        for name, listed in yaml.safe_load(text).items():
            pattern = re.compile(forms.any_of(file, name))
            for plain in (one for one in listed if re.fullmatch(r"[\w-]+", one)):
                assert pattern.match(plain), (file, name, plain)
            count += len(listed)
    assert count > 500


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Operateurin: Grünwald", "Grünwald"),
        ("godmother unclear, stepdaughter: Ravensdale", "Ravensdale"),
        ("verlegt auf Kreißsaal 4", "Kreißsaal 4"),
        ("He worked as a baker for Hollis & Crane.", "Hollis"),
    ],
)
def test_what_stands_beside_a_listed_word_is_found(text: str, gone: str) -> None:
    assert any(gone in text[start:end] for _, start, end in by_context(text, is_released=True))


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ([], "has 0 forms"),
        (["a"] * 2, "twice"),
        (["x" * 121], "at most 120"),
        (["(open"], "no regular expression"),
        (["(group)"], "has a group"),
        (["n?"], "matches nothing"),
        ([f"form{index}" for index in range(251)], "251 forms"),
    ],
)
def test_a_list_out_of_bounds_is_refused(
    monkeypatch: pytest.MonkeyPatch, listed: list[str], reason: str
) -> None:
    monkeypatch.setattr(forms, "_lists", lambda file: {"titles": listed})
    with pytest.raises(ValueError, match=reason):
        forms.any_of("name_forms", "titles")
