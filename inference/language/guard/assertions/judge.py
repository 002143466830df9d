"""Whether the texts say what a sentence says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.language.guard.assertions.assertion import ABSENT, Assertion, Place
from inference.language.guard.assertions.corpus import Corpus
from inference.language.guard.assertions.entailment_rules import missing, readable, same_observation
from inference.language.guard.assertions.reading.parse import Parsed
from inference.language.guard.assertions.same_thing import Source
from inference.language.guard.assertions.size_comparison import comparison_holds
from inference.language.guard.evidence import STUDY, StudyFacts
from inference.language.guard.scope import BOTH_SIDES
from inference.language.guard.verdict import Ground, Reason, SourceSpan

# A sentence that differs by a side or a number is nearer than one of something else.
_WEIGHT = {Ground.CONTENT: 3, Ground.LOCATION: 2}
_OF_ANOTHER_THING = 100
_ALSO = {"CR": ("DX", "RG"), "MR": ()}


@dataclass(frozen=True)
class TextJudgement:
    """What no source says of a sentence, and the sentences that say the rest."""

    reasons: tuple[Reason, ...]
    spans: tuple[SourceSpan, ...] = ()


def judge_sentence(parsed: Parsed, corpus: Corpus, study: StudyFacts) -> TextJudgement:
    """Hold each assertion against the sources; no reasons where each follows from one."""
    if parsed.not_understood:
        words = ", ".join(f"“{one}”" for one in dict.fromkeys(parsed.not_understood))
        return TextJudgement((Reason(Ground.CONTENT, f"It is not understood: {words}."),))
    if not parsed.assertions:
        return TextJudgement((Reason(Ground.CONTENT, "It says nothing that can be checked."),))
    judged = [_judge(one, corpus, study) for one in parsed.assertions]
    return TextJudgement(
        tuple(dict.fromkeys(reason for one in judged for reason in one.reasons)),
        tuple(dict.fromkeys(span for one in judged for span in one.spans)),
    )


def is_modality_of(concept: str, study: StudyFacts) -> bool:
    """Whether the study was made so."""
    return bool({concept, *_ALSO.get(concept, ())} & set(study.modalities))


def _judge(claim: Assertion, corpus: Corpus, study: StudyFacts) -> TextJudgement:
    if claim.topic:
        claim = replace(claim, place=claim.place.joined(claim.topic))
    made_by = {one for one in claim.attributes if is_modality_of(one, study)}
    claim = replace(claim, attributes=claim.attributes - made_by)
    if _is_of_study_alone(claim, study):
        return TextJudgement((), (SourceSpan(STUDY, 0, 0),))
    if claim.than is not None:
        spans = comparison_holds(claim, corpus)
        if spans:
            return TextJudgement((), spans)
        return TextJudgement(
            (Reason(Ground.COMPARISON, f"The evidence does not compare “{claim.observation}” so."),)
        )
    nearest = _nearest(claim, corpus)
    if not nearest.reasons or claim.place.sides != BOTH_SIDES:
        return nearest
    # What is stated of both sides may be stated of each in a sentence of its own.
    halves = [
        _nearest(
            replace(claim, place=replace(claim.place, sides=frozenset((side,))), plural=False),
            corpus,
        )
        for side in sorted(BOTH_SIDES)
    ]
    if any(one.reasons for one in halves):
        return nearest
    return TextJudgement((), halves[0].spans + halves[1].spans)


def _nearest(claim: Assertion, corpus: Corpus) -> TextJudgement:
    best: TextJudgement | None = None
    lightest = 0
    for source in corpus.sources:
        reasons = tuple(missing(claim, source.assertion))
        if not reasons and _is_ambiguous(claim, source, corpus):
            reasons = (Reason(Ground.NUMBER, "The size is of one of several that it may mean."),)
        weight = sum(_WEIGHT.get(one.ground, 1) for one in reasons)
        weight += 0 if same_observation(claim, source.assertion) else _OF_ANOTHER_THING
        if best is None or weight < lightest:
            best, lightest = TextJudgement(reasons, source.spans), weight
        if not reasons:
            return TextJudgement((), source.spans)
    if best is None:
        name = readable(claim.observation)
        return TextJudgement((Reason(Ground.CONTENT, f"No source text says “{name}”."),))
    return best


def _is_ambiguous(claim: Assertion, source: Source, corpus: Corpus) -> bool:
    """`The lesion measures 12 mm`, where a cyst does, and another is called a lesion."""
    if not claim.extents or claim.observation == source.assertion.observation:
        return False
    return any(
        claim.observation in sentence.concepts
        for sentence in corpus.sentences
        if not sentence.history and sentence.span not in source.spans
    )


def _is_of_study_alone(claim: Assertion, study: StudyFacts) -> bool:
    """`CT` of a study that holds CT."""
    plain = replace(claim, observation="", dates=(), plural=False)
    empty = Assertion("", Place(), context=claim.context, heading=claim.heading)
    return is_modality_of(claim.observation, study) and claim.polarity != ABSENT and plain == empty
