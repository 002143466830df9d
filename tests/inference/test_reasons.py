"""Reasons are sentences with codes, so that a viewer can say them in another language."""

import re

import pytest

from inference.reasons import TEMPLATES, ReasonCode, coded, reason


@pytest.mark.parametrize("code", TEMPLATES)
def test_a_sentence_is_known_again_by_its_code(code: ReasonCode) -> None:
    names = re.findall(r"{(\w+)}", TEMPLATES[code])
    parameters = {name: f"{at}.5" for at, name in enumerate(names, 1)}
    (part,) = coded(reason(code, **parameters))
    assert (part.code, dict(part.parameters)) == (code, parameters)


def test_a_remedy_follows_its_sentence_with_a_code_of_its_own() -> None:
    sentence = "Slices 60 and 62 are 5.0 mm apart; the rest are 2.5 mm. Ask for a resend."
    gap, remedy = coded(sentence)
    assert (gap.code, gap.parameters["first"], gap.parameters["found"]) == ("gap", "60", "5.0")
    assert remedy.code == "ask_for_resend"
    (more, _) = coded(sentence.replace("2.5 mm.", "2.5 mm (and so at 3 more places)."))
    assert (more.code, more.parameters["count"]) == ("gaps", "3")


def test_what_is_written_in_a_header_is_taken_as_it_stands() -> None:
    description = "'T1; only MR is taken. (x)'"
    (part,) = coded(reason("named_contrast", keyword="ProtocolName", text=description))
    assert (part.code, part.parameters["text"]) == ("named_contrast", description)


@pytest.mark.parametrize("text", ["", "A rule of the site says no.", "The card wants it. Maybe."])
def test_a_sentence_without_a_code_has_none(text: str) -> None:
    assert coded(text) == ()
