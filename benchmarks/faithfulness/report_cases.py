"""Cases from the five reports: paraphrases, their mutations, and sentences that are false."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.faithfulness.cases import FAITHFUL, Case, Half, templates
from benchmarks.faithfulness.evidence import reported
from benchmarks.faithfulness.mutations import changed_number, replaced_side, replaced_unit

_MARKED = re.compile(r"<([a-z]):([^>]*)>")
_WHAT = {"n": "number", "u": "unit", "s": "side", "d": "wrong_prior", "a": "wrong_patient"}
_OTHER_SEX = {"male": "female", "woman": "man", "female": "male", "man": "woman"}
# The same patient's two examinations: what one says is not false of the other's patient.
_SAME_PATIENT = {"ct_chest_joe": "cta_chest_joe", "cta_chest_joe": "ct_chest_joe"}


def report_cases(half: Half) -> Iterator[Case]:
    """Nothing where the reports are not there."""
    given = templates(half, "reports")
    for name, evidence in reported().items():
        for marked in given[name]["faithful"]:
            text = _plain(marked)
            yield Case(half, name, FAITHFUL, marked, text, evidence)
            for what, changed in _changed(marked):
                denies = re.match("No |There are no |Kein", marked) is not None
                if what == "side" and denies and name == _DENIED_OF_BOTH_SIDES:
                    continue
                yield Case(half, name, what, marked, changed, evidence)
            # A sentence with a size or an age is of one patient alone.
            for other, elsewhere in reported().items():
                if re.search("<[na]:", marked) and other not in (name, _SAME_PATIENT.get(name)):
                    yield Case(half, other, "wrong_patient", marked, text, elsewhere)
        for what, sentences in given[name]["unfaithful"].items():
            for sentence in sentences:
                yield Case(half, name, what, sentence, sentence, evidence)


# The report denies the same of both breasts, so that a change of side makes nothing false.
_DENIED_OF_BOTH_SIDES = "mammo_bilateral_sally"


def _plain(marked: str) -> str:
    return _MARKED.sub(lambda match: match.group(2), marked)


def _changed(marked: str) -> Iterator[tuple[str, str]]:
    """One sentence for each marked part, and for some parts more than one."""
    for match in _MARKED.finditer(marked):
        kind, stated = match.groups()
        for variant in range(3):
            other = _other(kind, stated, variant)
            if other and other != stated:
                text = marked[: match.start()] + other + marked[match.end() :]
                yield _WHAT.get(kind, "wrong_patient"), _plain(text)
            if kind not in ("n", "u"):
                break


def _other(kind: str, stated: str, variant: int) -> str:
    if kind in ("n", "a"):
        return changed_number(stated, variant)
    if kind == "u":
        return replaced_unit(stated, variant)
    if kind == "s":
        return replaced_side(stated)
    if kind == "d":
        return f"{stated[:-1]}{(int(stated[-1]) + 3) % 10}"
    return _OTHER_SEX[stated]
