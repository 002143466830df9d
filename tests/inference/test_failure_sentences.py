"""Why a job ended is found again as codes, so that a viewer can say it in another language."""

import errno
import re

import pytest

from inference.failure_sentences import FAILURES, FailureCode, coded_failure, failure
from inference.failures import explain
from inference.job_progress import DeadlinePassed
from inference.reasons import reason


@pytest.mark.parametrize("code", FAILURES)
def test_a_sentence_is_known_again_by_its_code(code: FailureCode) -> None:
    names = re.findall(r"{(\w+)}", FAILURES[code])
    parameters = {name: f"{at}.5" for at, name in enumerate(names, 1)}
    (part,) = coded_failure(failure(code, **parameters))
    assert (part.code, dict(part.parameters)) == (code, parameters)


@pytest.mark.parametrize(
    ("error", "codes"),
    [
        (MemoryError(), ["out_of_memory"]),
        (OSError(errno.ENOSPC, "No space left on device"), ["disk_full"]),
        (OSError(errno.EIO, "Input/output error"), ["input_output"]),
        (ValueError("of a library"), ["unexpected_error"]),
        (
            DeadlinePassed(
                failure("deadline_passed", limit="1.5"), remedy=failure("more_time_or_faster")
            ),
            ["deadline_passed", "more_time_or_faster"],
        ),
    ],
)
def test_what_a_job_failed_of_has_codes_after_any_number_of_attempts(
    error: Exception, codes: list[str]
) -> None:
    sentence = explain(error).sentence
    assert [one.code for one in coded_failure(sentence)] == codes
    again = f"{failure('tried', count=3)} {sentence}"
    assert [one.code for one in coded_failure(again)] == ["tried", *codes]


def test_a_series_that_is_refused_within_a_job_has_the_codes_of_reasons() -> None:
    text = f"{reason('gap', first=1, second=2, found='5.0', usual='2.5')} Ask for a resend."
    assert [one.code for one in coded_failure(text)] == ["gap", "ask_for_resend"]


def test_words_of_a_person_stay_together() -> None:
    (part,) = coded_failure("Cancelled by ada: Wrong patient. Ask for a resend.")
    assert dict(part.parameters) == {"by": "ada", "why": "Wrong patient. Ask for a resend."}


@pytest.mark.parametrize("text", ["", "The model says no.", f"{failure('disk_full')} Or else."])
def test_a_text_with_a_sentence_of_anybody_elses_has_none(text: str) -> None:
    assert coded_failure(text) == ()
