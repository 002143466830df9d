"""What a passage states of what a question looks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from inference.language.critical.concepts import lexicon as critical_lexicon
from inference.language.critical.reading import in_sentence
from inference.language.critical.status import Status, status_of, triggers_of
from inference.language.critical.tokens import Token, tokens_of
from inference.language.guard.sentences import split_sentences
from inference.language.searching.amounts import amounts_in
from inference.language.searching.question import Question
from inference.language.searching.terms import Term, is_kind_of, site_of, terms_of

_ORDER = (Status.PRESENT, Status.UNCERTAIN, Status.PAST, Status.OTHER, Status.DENIED)
_NORMAL = frozenset(
    "normal unremarkable clear intact regular patent unauffällig normal frei regelrecht intakt"
    " normalgroß unverändert".split()
)
# These may be missing in what is found; it is looked for where and what.
_MAY_LACK = frozenset(("modifier", "soft", "change"))


@dataclass(frozen=True)
class Statement:
    """A sentence that names what is looked for, and what it says of it."""

    sentence: str
    status: Status
    lacks: int = 0
    """How many of the question's words that only say more closely it has not."""

    @property
    def is_stated(self) -> bool:
        return self.status in (Status.PRESENT, Status.UNCERTAIN)


@dataclass(frozen=True)
class _Read:
    text: str
    tokens: tuple[Token, ...]
    terms: tuple[Term, ...]


def statement_of(question: Question, text: str, year: int | None = None) -> Statement | None:
    """The sentence of a passage that answers best by its words; None where there is none."""
    heading, sentences = _sentences(text)
    found = [
        one for sentence in sentences for one in _statements(question, sentence, heading, year)
    ]
    if not found:
        return None
    order = _ORDER[::-1] if question.denies else _ORDER
    return min(found, key=lambda one: (order.index(one.status), one.lacks))


def stated_by_meaning(question: Question, text: str) -> Statement | None:
    """The sentence nearest to a question that no sentence answers by its words, if it may.

    Where something known is looked for, a sentence that names something else, or says that all is
    well, answers nothing, however near the meanings are.
    """
    if question.limits:
        return None
    _, sentences = _sentences(text)
    named = any(one.is_named for one in question.terms)
    where = [one for one in question.terms if one.category == "anatomy"]
    best: tuple[int, Statement] | None = None
    for sentence in sentences:
        if named:
            stands = [one for one in where if _has(one, sentence.terms)]
            others = any(one.is_named for one in sentence.terms)
            if not stands or others or _is_normal(sentence):
                continue
        shared = sum(_has(one, sentence.terms) for one in question.terms)
        status = Status.DENIED if _is_denied(sentence) else Status.PRESENT
        if best is None or shared > best[0]:
            best = (shared, Statement(sentence.text, status))
    return best[1] if best else None


def sentence_count(text: str) -> int:
    return len(_sentences(text)[1])


def _statements(
    question: Question, sentence: _Read, heading: Sequence[Term], year: int | None
) -> Iterator[Statement]:
    statuses: list[Status] = []
    lacks = 0
    if question.critical:
        statuses = _critical_statuses(question, sentence, year)
        rest = [one for one in question.terms if one.category == "side"]
    else:
        rest = list(question.terms)
    for term in rest:
        if _has(term, sentence.terms) or (not term.is_thing and _has(term, heading)):
            continue
        if term.category == "anatomy" and any(
            is_kind_of(site_of(one.concept), term.concept) for one in sentence.terms if one.is_thing
        ):
            continue
        if term.category not in _MAY_LACK:
            return
        lacks += 1
    if question.critical and not statuses:
        return
    if not question.terms and not question.critical:
        return
    if question.limits and not _meets(question, sentence):
        return
    yield Statement(
        sentence.text, min(statuses or [_status(question, sentence)], key=_ORDER.index), lacks
    )


def _critical_statuses(question: Question, sentence: _Read, year: int | None) -> list[Status]:
    wider = critical_lexicon().wider
    return [
        one.status
        for one in in_sentence(sentence.text, year)
        if question.critical & wider(one.concept.name)
    ]


def _status(question: Question, sentence: _Read) -> Status:
    """Of the places where it is named the most present."""
    looked_for = question.things or question.terms
    spans = {
        (one.start, one.end) for one in sentence.terms if any(_is(one, term) for term in looked_for)
    }
    triggers = triggers_of(sentence.tokens)
    stated = [status_of([span], sentence.tokens, triggers, chronic=True, year=0) for span in spans]
    return min(stated, key=_ORDER.index, default=Status.PRESENT)


def _is_denied(sentence: _Read) -> bool:
    """Whether all that it names is denied."""
    spans = [(one.start, one.end) for one in sentence.terms if one.is_thing]
    triggers = triggers_of(sentence.tokens)
    return bool(spans) and all(
        status_of([span], sentence.tokens, triggers, chronic=True, year=0) is Status.DENIED
        for span in spans
    )


def _is_normal(sentence: _Read) -> bool:
    return bool(_NORMAL & {one.raw.casefold() for one in sentence.tokens})


def _meets(question: Question, sentence: _Read) -> bool:
    """Whether an amount that belongs to what is looked for meets all limits.

    It stands beside it: of several things in a sentence each has the amounts up to the next.
    """
    looked_for = question.things or question.terms
    ends = sorted({one.end for one in sentence.terms if any(_is(one, of) for of in looked_for)})
    if not ends:
        return False
    places = list(_places(sentence))
    others = [
        one
        for one in sentence.terms
        if (one.is_named or one.category == "measure")
        and not any(_is(one, of) for of in looked_for)
    ]
    first, last = places[ends[0] - 1], places[ends[-1] - 1]
    low = max((places[one.start] for one in others if places[one.start] < first), default=-1)
    high = min(
        (places[one.start] for one in others if places[one.start] > last),
        default=len(sentence.text),
    )
    amounts = [one for one in amounts_in(sentence.text) if low < one.start < high]
    behind = [one for one in amounts if one.start > last]
    return any(
        all(limit.is_met_by(amount) for limit in question.limits) for amount in behind or amounts
    )


def _places(sentence: _Read) -> Iterator[int]:
    """Where each token starts in the text, nearly: spelling may be folded."""
    at = 0
    for token in sentence.tokens:
        found = sentence.text.find(token.raw, at)
        if found >= 0:
            at = found
        yield at
        at += len(token.raw) if found >= 0 else 0


def _has(term: Term, terms: Sequence[Term]) -> bool:
    """Whether the concept is named, or its words stand there as they are."""
    if any(_is(one, term) for one in terms):
        return True
    return bool(term.words) and term.words <= frozenset().union(*(one.words for one in terms))


def _is(one: Term, term: Term) -> bool:
    if term.category == "side":
        return one.concept in (term.concept, "both")
    return one.concept == term.concept or is_kind_of(one.concept, term.concept)


@lru_cache(4096)
def _sentences(text: str) -> tuple[tuple[Term, ...], tuple[_Read, ...]]:
    """The terms of its heading, and its sentences."""
    heading, mark, rest = text.partition(": ")
    is_heading = mark and len(heading) <= 60 and not set(heading) & set(".\n")
    # `LAA-950: 2.7 %.` is one statement; `Findings: …` has sentences of its own.
    if not is_heading or rest[:1].isdigit() or rest[:1] in "-−":
        heading, rest = "", text
    read = []
    for start, end in split_sentences(rest):
        tokens = tokens_of(rest[start:end])
        terms = terms_of(tokens, every_word=True)
        read.append(_Read(rest[start:end].strip(), tokens, tuple(terms)))
    return tuple(terms_of(tokens_of(heading), every_word=True)), tuple(read)
