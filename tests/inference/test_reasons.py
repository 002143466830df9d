"""Reasons are sentences with codes, so that a viewer can say them in another language."""

import re
import time

import pytest

from inference.reasons import CODED_AT_MOST, TEMPLATES, ReasonCode, coded, reason


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


@pytest.mark.parametrize("code", TEMPLATES)
def test_a_header_of_any_length_makes_a_short_sentence_that_has_its_code(code: ReasonCode) -> None:
    names = re.findall(r"{(\w+)}", TEMPLATES[code])
    sentence = reason(code, **dict.fromkeys(names, "x" * 30_000))
    assert len(f"{sentence} {TEMPLATES['send_orientations_apart']}") <= CODED_AT_MOST
    assert [one.code for one in coded(sentence)] == [code]


@pytest.mark.parametrize("piece", [" is", "x is ", ", EchoTime ", " and ", "; the rest are "])
def test_a_stored_reason_is_looked_up_in_no_time(piece: str) -> None:
    """Earlier versions stored headers in full, and each list of studies looks the reason up."""
    stored = TEMPLATES["rescale_type"].format(found=piece * (30_000 // len(piece)))
    started = time.thread_time()
    for text in (stored, *(f"{at}{piece * 400}"[:CODED_AT_MOST] for at in range(20))):
        coded(text)
        coded(f"{TEMPLATES['not_t1'][:60]}{text}"[:CODED_AT_MOST])
    assert time.thread_time() - started < 0.1


def test_words_that_overlap_are_not_counted_twice() -> None:
    assert coded("ImageType is x: the series is a localizer.") != ()
    assert coded("It is not an imagege.") == ()
    assert coded("The slices have different sizes ().")[0].parameters == {"found": ""}
    assert coded("Modality is CT; only is taken.") == ()
