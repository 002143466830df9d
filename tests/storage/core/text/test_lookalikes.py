"""Names that people take for one another."""

import pytest

from storage.core.text.lookalikes import mixes_scripts, skeleton


@pytest.mark.parametrize(
    "imitation",
    [
        "Jane Doe", "JANE DOE", "jane  doe ", "jane\u200bdoe", "jane\u00a0doe", "\u202ejane doe",
        "j\u0430ne doe", "\u0458\u0430n\u0435 d\u043e\u0435", "jane d0e",
        "jäne doe", "ｊａｎｅ doe", "𝐣𝐚𝐧𝐞 doe", "j\u03b1ne d\u03bfe", "jane d\u00f8e",
        "jane\u00addoe", "jane\u3164doe", "\uffa0jane doe", "jane\u2800doe", "jane doe\ufe0f",
        "jane doe\U000e0101", "jane\u17b5doe", "\u0237ane doe", "\u1d0a\u1d00\u0274\u1d07 doe",
    ],
)  # fmt: skip
def test_imitations_have_the_skeleton_of_the_name(imitation: str) -> None:
    assert skeleton(imitation) == skeleton("jane doe")


def test_letters_of_one_shape_are_one() -> None:
    assert skeleton("Iiam.bell") == skeleton("liam.be11") == skeleton("1iam.beII")
    assert skeleton("barnes") == skeleton("bames")
    assert skeleton("a\u2010b") == skeleton("a-b")


def test_other_names_stay_different() -> None:
    names = ["jane", "jan", "john", "Müller", "Miller", "Иванов", "山田", "jane.doe", "jane-doe"]
    assert len({skeleton(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "is_mixed"),
    [
        ("jane.doe2@example.org", False),
        ("Müller", False),
        ("Иванов", False),
        ("山田 タロウ (Yamada)", False),
        ("김철수 Kim", False),
        ("j\u0430ne", True),
        ("Ωmega", True),
        ("\u13aa\u13a1\u13a2", True),  # Cherokee letters
        ("\U00010341", True),  # Gothic
        ("4711", False),
    ],
)
def test_scripts_that_imitate_one_another_are_noticed(name: str, is_mixed: bool) -> None:
    assert mixes_scripts(name) is is_mixed
