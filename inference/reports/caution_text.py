"""Sentences about what makes findings doubtful: once for all that have the same caveat."""

from collections.abc import Iterator, Sequence

from inference.findings.facts import Fact
from inference.reports.locale import Locale
from storage.core.caveats import OF_EARLIER_STUDY, Caveat, CaveatKind
from storage.reports.entities import ReportSentence

# Words of the locale, which are called as the kinds are; the last is that of all others.
_OTHER: CaveatKind = "part_of_series"
_OF_WHAT_WAS_FOUND: tuple[CaveatKind, ...] = (
    "no_left_lung", "no_right_lung", "side_not_certain", "free_air", "hounsfield_scale", "streaks",
    "lossy_compression",
)  # fmt: skip
_WORDS: tuple[CaveatKind, ...] = (
    *_OF_WHAT_WAS_FOUND, "registered_with_residual", "tube_voltages", "born_after_study", _OTHER,
)  # fmt: skip

_WITH_OWN_SENTENCE: frozenset[CaveatKind] = frozenset({"outside_population", "ages_contradict"})


def caution_sentences(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """What is stated of the findings themselves, and not beside an earlier study."""
    yield from outside_population(facts, locale)
    yield from _worded(_WORDS, facts, locale)
    yield from ages_contradict(facts, locale)


def found_cautiously(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Which lung was not found, and what else an impression must not leave out."""
    yield from _worded(_OF_WHAT_WAS_FOUND, facts, locale)


def _worded(
    words: Sequence[CaveatKind], facts: Sequence[Fact], locale: Locale
) -> Iterator[ReportSentence]:
    for word in words:
        cautioned = tuple(
            one.finding.finding_id
            for one in facts
            if any(_word(caveat) == word for caveat in one.finding.caveats)
        )
        if cautioned:
            yield ReportSentence(locale.words[word], cautioned, basis="node")


def outside_population(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Which of the model's limits the patient or the images exceed; nothing where none is."""
    words = locale.words["outside_population"]
    caveats = {
        caveat: None
        for one in facts
        for caveat in one.finding.caveats
        if caveat.kind == "outside_population"
    }
    bound = tuple(
        one.finding.finding_id
        for one in facts
        if any(map(caveats.__contains__, one.finding.caveats))
    )
    if not bound:
        return
    limits = dict.fromkeys(limit for caveat in caveats for limit in caveat.limits)
    named = locale.words["list"]["comma"].join(words["limits"][limit] for limit in limits)
    text = locale.fill(words["what"], {"what": named}) if named else ""
    yield ReportSentence(locale.fill(words["sentence"], {"what": text}), bound, basis="node")


def ages_contradict(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Where birth date and PatientAge contradict each other, the images may be of somebody else."""
    bound = tuple(
        one.finding.finding_id
        for one in facts
        if (one.finding.normal_range and one.finding.normal_range.ages_contradict)
        or any(caveat.kind == "ages_contradict" for caveat in one.finding.caveats)
    )
    if bound:
        yield ReportSentence(locale.words["ages_contradict"], bound, basis="node")


def born_after_study(facts: Sequence[Fact], locale: Locale) -> Iterator[ReportSentence]:
    """Where the birth date lies after the study, which an impression must not leave out."""
    yield from _worded(("born_after_study",), facts, locale)


def _word(caveat: Caveat) -> CaveatKind | None:
    """None for what has a sentence of its own, or belongs to an earlier study."""
    if caveat.kind in _WITH_OWN_SENTENCE or caveat.kind in OF_EARLIER_STUDY:
        return None
    return caveat.kind if caveat.kind in _WORDS else _OTHER


def none_found(fact: Fact, locale: Locale) -> ReportSentence:
    """The node vouches for it: reworded, it might say of the patient what the software says of
    itself."""
    text = locale.fill(locale.words["none_found"], {"label": locale.label(fact.finding.label)})
    ids = (fact.finding.finding_id,)
    return ReportSentence(text, ids, basis="node", states_result=True)
