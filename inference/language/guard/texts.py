"""Whether a source text says what a clause says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from inference.language.guard.clauses import Clause
from inference.language.guard.evidence import STUDY, StudyFacts
from inference.language.guard.lexicon import LEFT, RIGHT
from inference.language.guard.reading import Reading
from inference.language.guard.scope import BOTH_SIDES, Mention
from inference.language.guard.sources import SourceClause
from inference.language.guard.text_numbers import missing_dates, missing_numbers
from inference.language.guard.verdict import Ground, Reason, SourceSpan

# A clause that differs by a side or a number is nearer than one of something else.
_WEIGHT = {Ground.CONTENT: 3, Ground.LOCATION: 2}
_BETWEEN_PLACES = frozenset(
    (",", "and", "or", "und", "oder", "the", "der", "die", "das", "left", "right")
)
_NARROWING = ("modifier", "soft", "property", "anatomy", "word", "measure")
# What is normal, if only in size, is none of these.
_DENIED_BY_NORMAL = frozenset(("enlarged",))
# What is said of places and modalities, too.
_OF_EVERYTHING = frozenset(("recommended", "not recommended", "other_person", "prior"))
_ALSO = {"CR": ("DX", "RG"), "MR": ()}


@dataclass(frozen=True)
class TextJudgement:
    """The nearest clause of the sources, and what it does not say."""

    reasons: tuple[Reason, ...]
    spans: tuple[SourceSpan, ...] = ()


def judge_clause(
    clause: Clause, reading: Reading, sources: Sequence[SourceClause], study: StudyFacts
) -> TextJudgement:
    """Hold a clause against each of the sources; no reasons where one says all of it."""
    judged = _nearest(clause, reading, sources, study)
    places = _listed_places(clause, reading) if judged.reasons else []
    if len(places) > 1:
        # What is said of a list of places may be said of each in a sentence of its own.
        each = [
            _nearest(_of_place(clause, place, places), reading, sources, study) for place in places
        ]
        if not any(one.reasons for one in each):
            return TextJudgement((), tuple(span for one in each for span in one.spans))
    if judged.reasons and clause.sides == BOTH_SIDES:
        # What is said of both sides may be said of each in a sentence of its own.
        halves = [
            _nearest(_of_side(clause, side), reading, sources, study) for side in (LEFT, RIGHT)
        ]
        if not any(one.reasons for one in halves):
            return TextJudgement((), halves[0].spans + halves[1].spans)
    return judged


def _listed_places(clause: Clause, reading: Reading) -> list[Mention]:
    """Places that only commas, `and` or `or` stand between."""
    places = [one for one in clause.mentions if one.category == "anatomy"]
    for first, second in pairwise(places):
        between = set(reading.pieces[first.word.end : second.word.at])
        if not between or not between <= _BETWEEN_PLACES:
            return []
    return places


def _of_place(clause: Clause, place: Mention, places: Sequence[Mention]) -> Clause:
    mentions = tuple(one for one in clause.mentions if one is place or one not in places)
    return replace(clause, mentions=mentions)


def _of_side(clause: Clause, side: str) -> Clause:
    sides = frozenset((side,))
    return replace(
        clause,
        mentions=tuple(replace(one, sides=sides, plural=False) for one in clause.mentions),
        sides=sides,
    )


def _nearest(
    clause: Clause, reading: Reading, sources: Sequence[SourceClause], study: StudyFacts
) -> TextJudgement:
    if _is_of_study_alone(clause, study):
        return TextJudgement((), (SourceSpan(STUDY, 0, 0),))
    best: TextJudgement | None = None
    lightest = 0
    for source in sources:
        reasons = tuple(_missing(clause, reading, source, study))
        weight = sum(_WEIGHT.get(one.ground, 1) for one in reasons)
        if best is None or weight < lightest:
            best, lightest = TextJudgement(reasons, (source.span,)), weight
        if not reasons:
            break
    if best is None:
        return TextJudgement((Reason(Ground.CONTENT, "No source text says it."),))
    return best


def _missing(
    clause: Clause, reading: Reading, source: SourceClause, study: StudyFacts
) -> Iterable[Reason]:
    said: dict[str, list[Mention]] = {}
    for one in source.mentions:
        said.setdefault(one.concept, []).append(one)
    for one in clause.mentions:
        if one.category == "modality" and is_modality_of(one.concept, study):
            continue
        there = said.get(one.concept) or _akin(one, source)
        if not there:
            normal = any(_is_plainly_normal(other, source) for other in said.get("normal", ()))
            denied = one.concept in _DENIED_BY_NORMAL and one.polarity == "absent"
            unsaid = one.word.entry.light and one.polarity == "present" and not one.labels
            whole = one.polarity == "present" and _holds_a_place(one, source)
            if not unsaid and not whole and not (normal and denied):
                yield _not_said(one)
            continue
        yield from _unlike(one, there, clause, source)
    if not clause.mentions and not clause.quantities and not clause.dates:
        yield Reason(Ground.CONTENT, "It says nothing that can be checked.")
    if clause.mentions and not any(one.asserts for one in clause.mentions):
        yield from _bare_denial(clause, source)
    yield from missing_numbers(clause, reading, source)
    yield from missing_dates(clause, source, study)


def _akin(one: Mention, source: SourceClause) -> list[Mention]:
    """A nodule is a lesion; where involvement is denied, invasion is."""
    if one.polarity == "absent":
        wider = one.word.entry.kind_of
        return [other for other in source.mentions if other.concept in wider]
    return [other for other in source.mentions if one.concept in other.word.entry.kind_of]


def _is_plainly_normal(normal: Mention, source: SourceClause) -> bool:
    softened = any(other.category == "soft" for other in source.clause.mentions)
    return normal.polarity == "present" and not normal.labels and not softened


def _is_of_study_alone(clause: Clause, study: StudyFacts) -> bool:
    """`CT` of a study that holds CT."""
    return (
        bool(clause.mentions)
        and not (clause.quantities or clause.dates or clause.sides)
        and all(
            one.category == "modality"
            and is_modality_of(one.concept, study)
            and not one.negations
            and not one.labels
            for one in clause.mentions
        )
    )


def is_modality_of(concept: str, study: StudyFacts) -> bool:
    return bool({concept, *_ALSO.get(concept, ())} & set(study.modalities))


def _holds_a_place(one: Mention, source: SourceClause) -> bool:
    """What is in a part is in the whole: the lobe is of the lung."""
    parts = {other.word.entry.part_of for other in source.mentions if other.polarity == "present"}
    return one.category == "anatomy" and one.concept in parts


def _not_said(one: Mention) -> Reason:
    ground = Ground.LOCATION if one.category == "anatomy" else Ground.CONTENT
    return Reason(ground, f"Nothing in the evidence says “{one.word.text}” here.")


def _unlike(
    one: Mention, there: Sequence[Mention], clause: Clause, source: SourceClause
) -> Iterable[Reason]:
    name = one.word.text
    stated = one.asserts or "recommended" in one.labels
    alike = [other for other in there if not stated or _same_polarity(one, other)]
    if not alike:
        yield Reason(Ground.NEGATION, f"The evidence says the opposite of “{name}”.")
        return
    if one.negations > 1 and not any(other.negations == one.negations for other in alike):
        yield Reason(Ground.NEGATION, f"“{name}” is denied twice.")
    if not any(_same_labels(one, other) for other in alike):
        yield Reason(_ground_of_labels(one, alike), f"“{name}” is not said with this certainty.")
    if not any(_same_side(one, other) for other in alike):
        yield Reason(Ground.SIDE, f"The evidence does not put “{name}” on this side.")
    several = one.plural and one.category == "thing" and one.polarity == "present"
    if several and not one.word.entry.uncountable and not any(other.plural for other in alike):
        yield Reason(Ground.NUMBER, f"The evidence tells of one, not of several: “{name}”.")
    for other in alike:
        dropped = list(_dropped(one, other, clause, source))
        if not dropped:
            return
    yield Reason(
        Ground.CONTENT, f"The evidence says this of “{name}” with a restriction: {dropped[0]}."
    )


def _same_polarity(one: Mention, other: Mention) -> bool:
    allowed = {
        "present": ("present", "presupposed"),
        "presupposed": ("present", "presupposed"),
        "absent": ("absent",),
        "resolved": ("resolved",),
    }
    return other.polarity in allowed[one.polarity]


def _same_labels(one: Mention, other: Mention) -> bool:
    labels, others = one.labels, other.labels
    if not one.asserts:
        labels, others = labels & _OF_EVERYTHING, others & _OF_EVERYTHING
    if one.word.entry.procedure:
        labels, others = labels - {"historical"}, others - {"historical"}
    return labels == others


def _ground_of_labels(one: Mention, alike: Sequence[Mention]) -> Ground:
    other = alike[0]
    differing = one.labels ^ other.labels
    if "other_person" in differing:
        return Ground.PATIENT
    return Ground.TIME if differing & {"historical", "prior"} else Ground.CERTAINTY


def _same_side(one: Mention, other: Mention) -> bool:
    if one.sides:
        return one.sides <= other.sides or (one.polarity == "absent" and not other.sides)
    return one.polarity != "absent" or not other.sides or other.sides == BOTH_SIDES


def _dropped(one: Mention, other: Mention, clause: Clause, source: SourceClause) -> Iterable[str]:
    """What narrows the evidence's word and is left out, where leaving it out says more."""
    here = {mention.concept for mention in clause.mentions} | clause.carried
    bare = not any(mention.asserts for mention in clause.mentions)
    denied = (one.asserts or bare) and one.polarity == "absent"
    wide = denied or (one.asserts and one.word.entry.restricts)
    narrowing = list(_before(other, source))
    for mention in narrowing:
        if mention.concept not in here and (wide or mention.category == "soft"):
            yield f"“{mention.word.text}”"
    if not wide:
        return
    if one.word.entry.restricts:
        for mention in source.clause.mentions:
            if mention.category == "measure" and mention.concept not in here:
                yield f"“{mention.word.text}”"
    own = [mention for mention in source.clause.mentions if mention.category == "anatomy"]
    # `Regional extent` over a line names no place of the body.
    above = [mention for mention in source.context if mention.category == "anatomy"]
    places = own or [mention for mention in above if mention.concept != "region"]
    left_out = [mention for mention in places if mention.concept not in here]
    listed = bool({",", "and", "or", "und", "oder"} & set(_between(source, places)))
    if left_out and (len(left_out) == len(places) or not listed):
        yield f"“{left_out[0].word.text}”"


def _between(source: SourceClause, places: Sequence[Mention]) -> Sequence[str]:
    if len(places) < 2:
        return ()
    return source.reading.pieces[places[0].word.end : places[-1].word.at]


def _before(other: Mention, source: SourceClause) -> Iterable[Mention]:
    """The words that stand directly before a name and describe it."""
    by_end = {mention.word.end: mention for mention in source.clause.mentions}
    at = other.word.at
    if source.reading.pieces[at : at + 1] and other not in source.clause.mentions:
        return
    sides = {word.end: word.at for word in source.reading.words if word.entry.category == "side"}
    while True:
        if at in sides:
            at = sides[at]
            continue
        mention = by_end.get(at)
        if mention is None or mention.category not in _NARROWING:
            return
        yield mention
        at = mention.word.at


def _bare_denial(clause: Clause, source: SourceClause) -> Iterable[Reason]:
    denied = {one.concept for one in clause.mentions if one.negations or one.labels}
    also = {one.concept for one in source.clause.mentions if one.negations or one.labels}
    # `No enlarged nodes` says less than `no nodes`.
    of_more = any(one.asserts and one.negations for one in source.clause.mentions)
    unlike = {one.concept for one in source.mentions if one.negations} - denied
    named = {one.concept for one in clause.mentions}
    if named & unlike or denied - also or (denied and of_more):
        yield Reason(Ground.NEGATION, "It denies or doubts what the evidence only names.")
