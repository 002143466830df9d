"""All that the texts assert, with what belongs to one thing put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.language.guard.assertions.assertion import (
    Assertion,
    Extent,
    Place,
    Thing,
)
from inference.language.guard.assertions.entailment_rules import kinds
from inference.language.guard.assertions.places import known_place
from inference.language.guard.assertions.reading.document import (
    SourceSentence,
    comparison_dates,
    sentences_of,
)
from inference.language.guard.assertions.same_thing import (
    Source,
    is_same,
    may_be_meant,
    may_name,
    named,
)
from inference.language.guard.evidence import STUDY, Evidence, SourceText
from inference.language.guard.lexicon import lexicon
from inference.language.guard.numbers.dates import FoundDate, dicom_date


@dataclass(frozen=True)
class Corpus:
    """The texts, read once."""

    sources: tuple[Source, ...]
    sentences: tuple[SourceSentence, ...]


def corpus_of(evidence: Evidence) -> Corpus:
    """Read every text, and what the headers say of the study."""
    sentences: list[SourceSentence] = []
    sources: list[Source] = []
    for text in (*evidence.texts, *_stated_by_study(evidence)):
        own = list(sentences_of(text))
        dates = comparison_dates(text)
        sentences += own
        made = [
            Source(_with_changes(one, dates, evidence), (sentence.span,), sentence.history)
            for sentence in own
            for one in sentence.assertions
        ]
        sources += _merged(made, _named_unread(own))
    return Corpus(tuple(sources), tuple(sentences))


def _named_unread(sentences: Sequence[SourceSentence]) -> frozenset[str]:
    """What the sentences name of which a part is not understood."""
    return frozenset(
        concept
        for one in sentences
        if not one.assertions and not one.history
        for concept in one.concepts
    )


def _stated_by_study(evidence: Evidence) -> list[SourceText]:
    study = evidence.study
    parts = (study.study_description, study.body_part_examined.casefold())
    text = ". ".join(part for part in parts if part)
    found: list[SourceText] = []
    if text:
        found.append(SourceText(STUDY, text, "header"))
    if not evidence.priors and not any("report" in one.kind for one in evidence.texts):
        found.append(SourceText(STUDY, "No comparison.", "header"))
    return found


def _with_changes(one: Assertion, dates: Sequence[FoundDate], evidence: Evidence) -> Assertion:
    """Sizes of then and now say how it changed; a change is since the examination compared."""
    then = [each for each in one.extents if each.prior]
    changes = one.changes | changes_of(one.extents)
    known = [*one.dates]
    study = dicom_date(evidence.study.study_date)
    if _is_of_then(one, study) and not changes and not then:
        return replace(one, dated=True)
    if changes or then:
        known += dates
    if study is not None:
        known.append(study)
    return replace(one, changes=changes, dates=tuple(known))


def _is_of_then(one: Assertion, study: FoundDate | None) -> bool:
    """`A cyst in 2019`; what was done then, and an examination, may be named without a date."""
    entry = lexicon().concepts.get(one.observation)
    past = entry is not None and (entry.procedure or entry.category == "modality")
    if past or "historical" in one.labels or one.observation == "comparison_exam":
        return False
    return any(study is None or not date.agrees(study) for date in one.dates)


def changes_of(extents: Sequence[Extent]) -> frozenset[str]:
    """What one size of now and one of then say of the change."""
    sizes = [each for each in extents if all(axis.unit.dimension == "mm" for axis in each.axes)]
    extents = sizes or extents
    now = {each.axes for each in extents if not each.prior and not each.change}
    then = {each.axes for each in extents if each.prior}
    if len(now) != 1 or len(then) != 1:
        return frozenset()
    mine, theirs = now.pop(), then.pop()
    if len(mine) != len(theirs):
        return frozenset()
    steps = [
        one.value * one.unit.factor - other.value * other.unit.factor
        for one, other in zip(mine, theirs, strict=True)
    ]
    if all(step >= 0 for step in steps) and any(steps):
        return frozenset(("increased",))
    if all(step <= 0 for step in steps) and any(steps):
        return frozenset(("decreased",))
    return frozenset()


def _merged(sources: Sequence[Source], unread: frozenset[str]) -> list[Source]:
    """What several sentences say of one thing, as one; the sentences alone stay beside it.

    `unread` is what sentences name that are not understood: it may be meant, too.
    """
    made: list[Source] = []
    things = [one for one in sources if may_be_meant(one)]
    for source in sources:
        made.append(source)
        if not _may_be_joined(source):
            continue
        same = [
            other
            for other in things
            if other is source or (_may_be_joined(other) and is_same(source, other, things, unread))
        ]
        if len(same) > 1:
            joined = _joined(source, same)
            if joined.assertion != source.assertion:
                made.append(joined)
    return [_resolved(one, made, unread) for one in made]


def _may_be_joined(source: Source) -> bool:
    return may_be_meant(source) and not source.assertion.plural and not source.assertion.unread


def _joined(source: Source, same: Sequence[Source]) -> Source:
    one = source.assertion
    attributes, needed, changes = set(one.attributes), set(one.needed), set(one.changes)
    extents, dates = list[Extent](one.extents), [*one.dates]
    place, context, others = one.place, one.context, set(one.others)
    agent, thing = one.agent, one.object
    spans = list(source.spans)
    for other in same:
        if other is source:
            continue
        two = other.assertion
        attributes |= two.attributes | (kinds(two.observation) - {one.observation})
        needed |= two.needed & one.needed
        changes |= two.changes
        extents += [each for each in two.extents if each not in extents]
        dates += [each for each in two.dates if each not in dates]
        place, context = place.joined(two.place), context.joined(two.context)
        others |= two.others
        agent, thing = agent or two.agent, thing or two.object
        spans += other.spans
    changes |= changes_of(extents)
    narrowest = min((each.assertion.observation for each in same), key=lambda o: -len(kinds(o)))
    return Source(
        replace(
            one,
            observation=narrowest
            if len(kinds(narrowest)) > len(kinds(one.observation))
            else one.observation,
            attributes=frozenset(attributes),
            needed=frozenset(needed),
            changes=frozenset(changes),
            extents=tuple(extents),
            dates=tuple(dates),
            place=place,
            context=context,
            others=frozenset(others),
            agent=agent,
            object=thing,
        ),
        tuple(dict.fromkeys(spans)),
    )


def _resolved(source: Source, sources: Sequence[Source], unread: frozenset[str]) -> Source:
    """With all that is known of the things that it names."""
    one = source.assertion
    if one.agent is None and one.object is None and not one.others:
        return source
    return replace(
        source,
        assertion=replace(
            one,
            agent=_known_thing(one.agent, sources, unread),
            object=_known_thing(one.object, sources, unread),
            others=frozenset(
                (role, _known_thing(thing, sources, unread) or thing) for role, thing in one.others
            ),
        ),
    )


def _known_thing(
    thing: Thing | None, sources: Sequence[Source], unread: frozenset[str]
) -> Thing | None:
    if thing is None or not thing.concept or may_name(thing.concept, unread):
        return thing
    called = Assertion(thing.concept, thing.place)
    found = [
        one.assertion
        for one in sources
        if may_be_meant(one)
        and thing.concept in kinds(one.assertion.observation)
        and named(one.assertion, called)
    ]
    apart = any(one.plural or one.unread for one in found)
    if not found or apart or not all(named(a, b) or named(b, a) for a in found for b in found):
        return thing
    place: Place = thing.place
    attributes = set(thing.attributes)
    for one in found:
        place = place.joined(known_place(one))
        attributes |= one.attributes
    return Thing(thing.concept, place, frozenset(attributes))
