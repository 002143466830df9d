"""What the order asks, answered first where something was measured that answers it."""

import re
from collections.abc import Iterator, Sequence

from inference.findings.facts import Fact
from inference.reports.change_text import shown
from inference.reports.evidence import Evidence
from inference.reports.locale import Locale, references
from inference.reports.reference_text import place_among_normal
from inference.reports.several_series import series_prefix
from storage.reports.entities import ReportSentence

_WORD = re.compile(r"\w+")


def question_sentences(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    """One sentence; none where no reason is stated or nothing was measured.

    A reason may ask for more than is recognised here, so that it is never called answered.
    """
    if not evidence.indication or not evidence.facts:
        return
    words = locale.words["question"]
    answering = _answering(evidence)
    if not answering:
        yield ReportSentence(words["not_answered"], basis="node")
        return
    parts = "; ".join(_part(fact, evidence, locale) for fact in answering)
    yield ReportSentence(
        locale.fill(words["measured"], {"parts": parts}),
        tuple(dict.fromkeys(fact.finding.finding_id for fact in answering)),
        basis="node",
        states_result=True,
    )


def _answering(evidence: Evidence) -> Sequence[Fact]:
    asked = _WORD.findall(evidence.indication.casefold())
    answers = [
        answer
        for question in references()["questions"]
        if any(part in word for word in asked for part in question["words"])
        for answer in question["answers"]
    ]
    # In the order of the questions; a measurement that two of them ask for stands once.
    facts = [
        fact
        for answer in answers
        for slot in answer["slots"]
        for fact in evidence.facts
        if _states(fact, answer["structure"], slot)
    ]
    return list({fact.finding.finding_id: fact for fact in facts}.values())


def _states(fact: Fact, structure: str, slot: str) -> bool:
    return (
        (fact.structure, fact.slot) == (structure, slot)
        and fact.value is not None
        and fact.is_sound
        and not fact.finding.total_of
    )


def _part(fact: Fact, evidence: Evidence, locale: Locale) -> str:
    subject = locale.measured_of(fact.slot, fact.side, fact.structure, fact.finding.label)
    stated, place = f"{subject} {shown(fact, locale)}", place_among_normal(fact, locale)
    text = f"{stated} ({place})" if place else stated
    number = series_prefix(evidence, fact.finding.series_instance_uid, locale)
    values = {"number": number, "text": text}
    return locale.fill(locale.words["several_series"], values) if number else text
