"""Sentences about what makes findings doubtful: once for all that have the same caveat."""

from collections.abc import Iterator, Mapping, Sequence

from inference.findings.facts import Fact
from inference.models.population import limits_exceeded
from inference.reports.locale import Locale
from storage.core.acquisition import OF_EARLIER_STUDY
from storage.core.findings import (
    AGES_CONTRADICT,
    OUTSIDE_POPULATION,
    REGISTERED_WITH_RESIDUAL,
    TUBE_VOLTAGES,
)
from storage.reports.entities import ReportSentence

_OTHER = "part_of_series"
# The word of the locale by the beginning of the caveat, which may be one of several.
_WORDS: Mapping[str, str | tuple[str, ...]] = {
    "registered_with_residual": REGISTERED_WITH_RESIDUAL,
    "tube_voltages": TUBE_VOLTAGES,
}


def caution_sentences(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """What is stated of the findings themselves, and not beside an earlier study."""
    yield from outside_population(facts, locale)
    for word in (*_WORDS, _OTHER):
        cautioned = tuple(
            one.finding.finding_id
            for one in facts
            if any(_word(caveat) == word for caveat in one.finding.caveats)
        )
        if cautioned:
            yield ReportSentence(locale.words[word], cautioned, basis="node")
    yield from ages_contradict(facts, locale)


def outside_population(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Which of the model's limits the patient or the images exceed; nothing where none is."""
    words = locale.words["outside_population"]
    caveats = {
        caveat: None
        for one in facts
        for caveat in one.finding.caveats
        if caveat.startswith(OUTSIDE_POPULATION)
    }
    bound = tuple(
        one.finding.finding_id
        for one in facts
        if any(map(caveats.__contains__, one.finding.caveats))
    )
    if not bound:
        return
    limits = dict.fromkeys(limit for caveat in caveats for limit in limits_exceeded(caveat))
    named = locale.words["list"]["comma"].join(words["limits"][limit] for limit in limits)
    text = locale.fill(words["what"], {"what": named}) if named else ""
    yield ReportSentence(locale.fill(words["sentence"], {"what": text}), bound, basis="node")


def ages_contradict(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Where birth date and PatientAge contradict each other, the images may be of somebody else."""
    bound = tuple(
        one.finding.finding_id
        for one in facts
        if one.finding.normal_range and AGES_CONTRADICT in one.finding.normal_range.missing
    )
    if bound:
        yield ReportSentence(locale.words["ages_contradict"], bound, basis="node")


def _word(caveat: str) -> str:
    """Empty for what has a sentence of its own, or belongs to an earlier study."""
    if caveat.startswith((OUTSIDE_POPULATION, *OF_EARLIER_STUDY)):
        return ""
    return next((word for word, begins in _WORDS.items() if caveat.startswith(begins)), _OTHER)
