"""The guard: a sentence passes only where everything that it asserts is supported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from inference.language.guard.assertions.corpus import Corpus, corpus_of
from inference.language.guard.assertions.judge import is_modality_of, judge_sentence
from inference.language.guard.assertions.measures import borne_out
from inference.language.guard.assertions.reading.document import MOST_TRIGGERS
from inference.language.guard.assertions.reading.lines import LONGEST_SENTENCE
from inference.language.guard.assertions.reading.parse import parse
from inference.language.guard.characters import folded, hidden_or_foreign
from inference.language.guard.evidence import STUDY, Evidence, StudyFacts
from inference.language.guard.french.sentences import in_english, is_french
from inference.language.guard.headings import asserts_nothing
from inference.language.guard.instructions import instructs
from inference.language.guard.measures.measured import judge_measures
from inference.language.guard.measures.normal_range import in_normal_range
from inference.language.guard.numbered_labels import with_numbers
from inference.language.guard.numbers.dates import FoundDate, dicom_date
from inference.language.guard.patient import PatientCheck, check_patient
from inference.language.guard.premises import premises_of
from inference.language.guard.reading import Reading, read
from inference.language.guard.sentences import split_sentences
from inference.language.guard.subjects import Subject, numbered_things, subjects_of
from inference.language.guard.unassessed import is_unassessed
from inference.language.guard.verbatim import word_for_word
from inference.language.guard.verdict import (
    Ground,
    Reason,
    SourceSpan,
    Verdict,
)

SecondOpinion = Callable[[str, Sequence[str]], Reason | None]
"""Asked of a sentence that the rules accept, with the evidence that they found for it in
words; a reason withholds it. It can accept nothing."""


@dataclass(frozen=True)
class _Known:
    """The evidence, read once."""

    subjects: tuple[Subject, ...]
    corpus: Corpus
    study_date: FoundDate | None
    french: bool
    """Whether a text of it is."""


@lru_cache(maxsize=32)
def _known(evidence: Evidence) -> _Known:
    return _Known(
        subjects_of(evidence),
        corpus_of(evidence),
        dicom_date(evidence.study.study_date),
        any(is_french(one.text) for one in evidence.texts),
    )


def check_sentence(
    sentence: str, evidence: Evidence, second_opinion: SecondOpinion | None = None
) -> Verdict:
    """Whether the evidence supports all of the sentence; if not, why.

    Several sentences in one string are each held to it. The same input gives the same
    verdict; the order of the evidence changes nothing but the ids' order.
    """
    refused = refusal(sentence)
    if refused is not None:
        return Verdict(False, (refused,))
    if asserts_nothing(sentence):
        return Verdict(True)
    spans = split_sentences(sentence)
    if not spans:
        return Verdict(False, (Reason(Ground.LENGTH, "There is no sentence."),))
    parts = [_check_part(sentence[start:end], evidence) for start, end in spans]
    verdict = _together(parts)
    premises = premises_of(verdict, evidence) if verdict.supported else ()
    if premises and second_opinion is not None:
        doubt = second_opinion(sentence, premises)
        if doubt is not None:
            return replace(verdict, supported=False, reasons=(doubt,))
    return verdict


def refusal(sentence: str) -> Reason | None:
    """What is refused unread."""
    if len(sentence) > LONGEST_SENTENCE:
        return Reason(
            Ground.LENGTH, f"It is longer than {LONGEST_SENTENCE:,} characters, too long to judge."
        )
    foreign = hidden_or_foreign(sentence)
    if foreign is not None:
        return foreign
    if instructs(folded(sentence)):
        return Reason(Ground.INSTRUCTION, "It gives orders or carries an address or code.")
    return None


def _check_part(part: str, evidence: Evidence) -> Verdict:
    written, part = part, in_english(part, _known(evidence).french)
    if asserts_nothing(part):
        return Verdict(True)
    patient = check_patient(part, evidence)
    reading = read(patient.rest)
    refused = (*patient.reasons, *_unreadable(reading))
    if refused:
        return Verdict(False, refused)
    if not _names_anything(reading):
        return _of_patient_alone(part, patient, reading)
    return _of_study(written, patient.rest, reading, evidence)


def _of_study(written: str, rest: str, reading: Reading, evidence: Evidence) -> Verdict:
    """Whether the findings, else the texts, say it; where neither does, what comes nearest."""
    known = _known(evidence)
    span = word_for_word(written, evidence.texts, known.corpus.sentences)
    if span is not None:
        return Verdict(True, source_spans=(span,))
    if is_unassessed(reading, known.subjects, known.corpus):
        return Verdict(True, source_spans=(SourceSpan(STUDY, 0, 0),))
    parsed = parse(rest)
    plain = with_numbers(
        _without_modality(reading, evidence.study), numbered_things(known.subjects)
    )
    finding_ids = borne_out(parsed, known.subjects, known.study_date)
    finding_ids = finding_ids or in_normal_range(plain, known.subjects)
    if finding_ids:
        return Verdict(True, finding_ids=finding_ids)
    measured = judge_measures(plain, known.subjects, known.study_date)
    # `Larger than the right` compares within the study, which the rules for values do not read.
    if not measured.reasons and not any(one.than for one in parsed.assertions):
        return Verdict(True, finding_ids=measured.finding_ids)
    by_texts = _supported_by_texts(rest, evidence, known)
    if by_texts.supported or not _speaks_of_findings(reading, known):
        return by_texts
    return Verdict(False, measured.reasons or by_texts.reasons)


def _without_modality(reading: Reading, study: StudyFacts) -> Reading:
    """`MRI: the brain stem measures ...` says nothing more where the study is one."""
    words = tuple(
        word
        for word in reading.words
        if word.entry.category != "modality" or not is_modality_of(word.entry.concept, study)
    )
    return replace(reading, words=words)


def _of_patient_alone(part: str, patient: PatientCheck, reading: Reading) -> Verdict:
    """Of a sentence that names no more than the patient: `60-year-old man.`"""
    changed = any(word.entry.category == "trigger" for word in reading.words)
    if patient.rest != folded(part) and not changed:
        return Verdict(True, source_spans=(SourceSpan(STUDY, 0, 0),))
    return Verdict(False, (Reason(Ground.CONTENT, "It says nothing that can be checked."),))


def _speaks_of_findings(reading: Reading, known: _Known) -> bool:
    concepts = {word.entry.concept for word in reading.words if word.entry.category == "anatomy"}
    return any(concepts & subject.concepts for subject in known.subjects)


def _unreadable(reading: Reading) -> Iterator[Reason]:
    if reading.marks:
        signs = " ".join(sorted(reading.marks))
        yield Reason(Ground.CHARACTERS, f"It holds signs that no rule reads: {signs}")
    if sum(word.entry.category == "trigger" for word in reading.words) > MOST_TRIGGERS:
        yield Reason(Ground.LENGTH, "It denies and doubts more than can be followed.")


def _names_anything(reading: Reading) -> bool:
    named = any(word.entry.category not in ("grammar", "trigger") for word in reading.words)
    return named or bool(reading.quantities) or bool(reading.dates)


def _supported_by_texts(rest: str, evidence: Evidence, known: _Known) -> Verdict:
    judged = judge_sentence(parse(rest), known.corpus, evidence.study)
    return Verdict(not judged.reasons, judged.reasons, source_spans=judged.spans)


def _together(parts: Sequence[Verdict]) -> Verdict:
    supported = all(one.supported for one in parts)
    return Verdict(
        supported,
        tuple(reason for one in parts for reason in one.reasons),
        tuple(dict.fromkeys(i for one in parts for i in one.finding_ids if supported)),
        tuple(dict.fromkeys(s for one in parts for s in one.source_spans if supported)),
    )
