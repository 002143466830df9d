"""Which lines tell of the history, the question or an examination before, and what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from inference.language.guard.assertions.assertion import Assertion
from inference.language.guard.assertions.reading.lines import Line
from inference.language.guard.assertions.reading.unknown_words import THEN
from inference.language.guard.lexicon import lexicon
from inference.language.guard.sections import begins_findings, concludes, heading_of, is_preamble

_TECHNIQUE = re.compile(r"techni|procedure|prozedur", re.IGNORECASE)
LABEL = re.compile(r"\s*([^:.\n]{1,70}):(?:\s|$)")
HISTORY, TECHNIQUE = "history", "technique"
_BEGINS = re.compile(
    r"\W*(?:clinical )?(?:indication|history|information|question|reason for|fragestellung|anamnese"
    r"|indikation|klinische angaben|vorgeschichte)\b",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"\b(?:CT|MRI?|MRT|PET|US|sono\w*|radiograph|x-?ray|röntgen\w*|angiogra\w+)\b.*\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)
_OF_THEN = frozenset(("historical", "prior"))
# What was done to make the images is no finding.
_TECHNICAL = frozenset(("modality", "grammar"))


def histories_of(
    lines: Sequence[Line], is_heading: Callable[[Sequence[Line], int], bool]
) -> list[str]:
    """For each line, `HISTORY`, `TECHNIQUE` or nothing, by the heading or the label before it.

    After a heading of its own line, up to the next heading; after a label, its line, and where a
    heading of the findings follows, up to the end of the paragraph or the next label.
    """
    found: list[str] = []
    section = paragraph = ""
    last = max((at for at, one in enumerate(lines) if _begins_findings(one.text)), default=-1)
    for position, one in enumerate(lines):
        text = one.text.strip()
        label = LABEL.match(one.text)
        apart = position and one.start > lines[position - 1].end + 1
        if apart or not text or label is not None or position > last:
            paragraph = ""
        if heading_of(text) or is_heading(lines, position):
            section = _kind_of(text)
        elif label is not None:
            section = "" if begins_findings(label.group(1)) else section
            paragraph = _kind_of(label.group(1))
            if position and _DATED.search(label.group(1)):
                # `CT of 1 Feb 2020: 18 mm nodule`; as a heading, it may be of this report.
                found.append(HISTORY)
                continue
        found.append(section or paragraph)
    return found


def _begins_findings(line: str) -> bool:
    label = LABEL.match(line)
    heading = label.group(1) if label is not None else heading_of(line)
    return begins_findings(heading) and not concludes(heading)


def history_within(sentence: str, before: str) -> str:
    """The same of a sentence, where the one before it in its line is of this.

    `CT CHEST. INDICATION: Pulmonary embolism. FINDINGS: No embolism.`
    """
    label = LABEL.match(sentence)
    if label is None:
        return HISTORY if _BEGINS.match(sentence) else before
    if begins_findings(label.group(1)):
        return ""
    return before or _kind_of(label.group(1))


def _kind_of(heading: str) -> str:
    if not is_preamble(heading):
        return ""
    return TECHNIQUE if _TECHNIQUE.search(heading) else HISTORY


def stands(one: Assertion, kind: str) -> bool:
    """Whether it may be stated: of the history what says that it is of then (`prior discectomy`),
    or what was done.
    """
    entry = lexicon().concepts.get(one.observation)
    technical = entry is not None and (entry.procedure or entry.category in _TECHNICAL)
    return (
        kind != HISTORY
        or technical
        or one.observation == "comparison_exam"
        or bool(one.labels & _OF_THEN)
        or THEN in one.unread
    )
