"""Why a job ended without a result: sentences in English, each with a code and parameters.

What is stored is the text; `coded_failure` finds its codes again. A series that cannot be used is
refused in the words of `inference.reasons`, before a job or in it. A sentence of a model, of a
container or of a server has none, and stays as it was written.
"""

from functools import lru_cache
from itertools import chain
from typing import Literal

from inference.reasons import TEMPLATES as REASONS
from inference.reasons import ReasonCode
from inference.sentence_templates import SentencePart, SentenceTemplates
from storage.jobs.withdrawals import NO_PRIOR_ANY_MORE, SUPERSEDED

FailureCode = Literal[
    "tried",
    "worker_stopped",
    "worker_died",
    "worker_died_while",
    "out_of_memory",
    "memory_limit",
    "memory_limit_again",
    "raise_memory_limit",
    "deadline_passed",
    "more_time_or_faster",
    "ended_at_deadline",
    "more_time_by_rule",
    "more_time_for_answers",
    "answer_too_slow",
    "ask_less",
    "disk_full",
    "input_output",
    "unexpected_error",
    "cancelled",
    "cancelled_because",
    "series_changed",
    "prior_not_there",
    "nothing_found",
    "nothing_shown",
    "check_series",
    "check_images",
    "volume_blank",
    "no_brain",
    "check_t1_head",
    "no_lungs",
    "no_lung_beside_airways",
    "lungs_too_large",
    "send_whole_chest",
    "model_failed",
    "container_timeout",
    "raise_container_timeout",
]
EndCode = Literal[ReasonCode, FailureCode]

FAILURES: dict[FailureCode, str] = {
    "tried": "Tried {count} times.",
    "worker_stopped": "The worker was stopped.",
    "worker_died": (
        "The worker ended without a word {count} times over this job. It may need more memory than"
        " the machine has."
    ),
    "worker_died_while": (
        "The worker ended without a word {count} times over this job, the last time while {stage}."
        " It may need more memory than the machine has."
    ),
    "out_of_memory": "The machine ran out of memory.",
    "memory_limit": "{what} took more than {limit} MiB of memory, and its process was ended.",
    "memory_limit_again": (
        "{what} took more than {limit} MiB of memory together with what earlier jobs had left in"
        " its process. It is tried again in a new one."
    ),
    "raise_memory_limit": (
        "Raise MEDIVIEW_JOB_MEMORY_BYTES on a machine with enough memory, or leave this model out."
    ),
    "deadline_passed": "The job took longer than the {limit} s that it may.",
    "more_time_or_faster": (
        "Give it more time by the site's rule or MEDIVIEW_JOB_DEADLINE_S, or a faster machine."
    ),
    "ended_at_deadline": (
        "{what} took longer than the {limit} s that it may, and did not stop: its process was"
        " ended."
    ),
    "more_time_by_rule": (
        "Give it more time by the site's rule or MEDIVIEW_JOB_DEADLINE_S, or leave this model out."
    ),
    "more_time_for_answers": (
        "Give it more time by MEDIVIEW_LANGUAGE_DEADLINE_S, or leave this model out."
    ),
    "answer_too_slow": "The answer took longer than {limit} s.",
    "ask_less": "Ask less at a time, or raise MEDIVIEW_LANGUAGE_DEADLINE_S.",
    "disk_full": "Reading or writing failed: the disk is full.",
    "input_output": "Reading or writing failed: {what}.",
    "unexpected_error": "An unexpected {error} at {place}.",
    "cancelled": "Cancelled by {by}.",
    "cancelled_because": "Cancelled by {by}: {why}",
    "series_changed": SUPERSEDED,
    "prior_not_there": NO_PRIOR_ANY_MORE,
    "nothing_found": "{model} found nothing in the series.",
    "nothing_shown": "{model} wrote nothing that could be shown.",
    "check_series": "Check that the series shows what the model looks for.",
    "check_images": "Check that the images show what the model looks for.",
    "volume_blank": "The volume is blank: all its voxels are alike.",
    "no_brain": "The model found no brain in the volume.",
    "check_t1_head": "Check that the series shows a whole head and is T1-weighted.",
    "no_lungs": "There is no air of a lung's size inside the body.",
    "no_lung_beside_airways": "Nothing of a lung's size is left beside the airways.",
    "lungs_too_large": "What looks like lungs measures {found} litres, which no lungs do.",
    "send_whole_chest": (
        "Send a CT of the whole chest, reconstructed without cutting the lungs off at the sides."
    ),
    "model_failed": "{model} failed at this series ({error}).",
    "container_timeout": "The container took longer than {limit} s and was ended.",
    "raise_container_timeout": (
        "Raise MEDIVIEW_CONTAINER_TIMEOUT_S if it needs more; the package's own manifest may state"
        " less."
    ),
}
_CODED_AT_MOST = 1500
_TEMPLATES: dict[EndCode, str] = dict(chain(REASONS.items(), FAILURES.items()))
_SENTENCES = SentenceTemplates(_TEMPLATES, _CODED_AT_MOST)

failure = _SENTENCES.write


@lru_cache(maxsize=1024)
def coded_failure(text: str) -> tuple[SentencePart[EndCode], ...]:
    """The sentences of the text; none where any of it has no code."""
    return _SENTENCES.parts(text)
