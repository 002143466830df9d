"""Whether a critical finding is there now, denied, past, asked about or doubted.

After ConText (Harkema et al. 2009), as the guard's `scope` is, but with the opposite care: the
guard lets nothing pass that it does not understand, and here what is not understood counts as
there, since a critical finding that is lost costs more than one that is named in vain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

import yaml

from inference.language.critical.forms import Phrase, Span, Vocabulary, Word, form_of, phrase_spans
from inference.language.critical.scope import (
    BREAKS,
    MARKS,
    VERBS,
    Trigger,
    does_reach,
    until_mark,
)
from inference.language.critical.tokens import Token


class Status(StrEnum):
    """What a text says of a finding."""

    PRESENT = "present"
    UNCERTAIN = "uncertain"
    DENIED = "denied"
    PAST = "past"
    """Historical, resolved, removed."""
    OTHER = "other"
    """Of another person, asked about, a risk, not assessed."""


_WORDS = "may be entirely completely fully reliably definitely confidently safely sich sicher"
_WITHIN_TRIGGERS = frozenset(f"{_WORDS} eindeutig definitiv mit sicherheit vollständig".split())
_ANSWERS = frozenset("no none nil nein kein keine keiner keines nicht negative negativ".split())
_DENIES_AT_END = frozenset("no none kein keine keiner keines nicht".split())
_IN_YEAR = frozenset((("in",), ("from",), ("aus",), ("im", "jahr"), ("im", "jahre")))
# What stands behind four digits that are no year: units, hours.
_NO_YEAR = frozenset("ml cc mm cm hu h hrs hours uhr ms mg g".split())
_KINDS = {
    "denied": Status.DENIED,
    "past": Status.PAST,
    "other": Status.OTHER,
    "asked": Status.OTHER,
    "uncertain": Status.UNCERTAIN,
}


@dataclass(frozen=True)
class _Context:
    phrases: Mapping[Word, Sequence[tuple[Phrase, str, str]]]
    """Phrase, kind, reach, by the first word of the phrase."""
    not_seen: tuple[Phrase, ...]
    vocabulary: Vocabulary


@cache
def _context() -> _Context:
    file = resources.files("inference.language.critical") / "data" / "context.yaml"
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    vocabulary = Vocabulary()
    phrases: dict[Word, list[tuple[Phrase, str, str]]] = defaultdict(list)
    not_seen: list[Phrase] = []
    for kind, reaches in given.items():
        for reach, texts in reaches.items():
            for text in texts.split("|"):
                form = form_of(text.strip())
                vocabulary.add(form)
                (phrase,) = form.parts[0]
                if kind == "not_seen":
                    not_seen.append(phrase)
                else:
                    for word in phrase[0]:
                        phrases[word].append((phrase, kind, reach))
    return _Context(phrases, tuple(not_seen), vocabulary)


def triggers_of(tokens: Sequence[Token]) -> tuple[Trigger, ...]:
    """All that changes what the sentence says of a finding; of overlapping ones the longest."""
    context = _context()
    read = [context.vocabulary.read(one) for one in tokens]
    found: dict[Span, list[tuple[str, str]]] = {}
    for word in frozenset().union(*read):
        for phrase, kind, reach in context.phrases.get(word, ()):
            for span in phrase_spans(phrase, read, tokens, 2, _WITHIN_TRIGGERS):
                found.setdefault(span, []).append((kind, reach))
    taken: set[int] = set()
    triggers: list[Trigger] = []
    for span in sorted(found, key=lambda one: (one[0] - one[1], one[0])):
        places = set(range(*span))
        if places & taken:
            continue
        taken |= places
        triggers += _triggers_at(span, found[span], tokens)
    for at, token in enumerate(tokens):
        if token.text in ("nicht", "not") and at not in taken:
            triggers.append(_not_at(at, tokens, read, context.not_seen))
    return tuple(triggers)


def _triggers_at(
    span: Span, kinds: Sequence[tuple[str, str]], tokens: Sequence[Token]
) -> Iterator[Trigger]:
    start, end = span
    by_kind: dict[str, set[str]] = {}
    for kind, reach in kinds:
        by_kind.setdefault(kind, set()).add(reach)
    if "neutral" in by_kind:
        return
    at_end = _only_verbs(tokens, end) and tokens[start].text in _DENIES_AT_END
    for kind, reaches in by_kind.items():
        if kind == "denied" and at_end:
            yield Trigger(start, end, kind, after=True)
            continue
        yield Trigger(
            start,
            end,
            kind,
            before=bool(reaches & {"before", "near_before"}),
            after="after" in reaches,
            near="near_before" in reaches,
        )


def _only_verbs(tokens: Sequence[Token], start: int) -> bool:
    """Whether nothing more is named before the clause ends."""
    rest = list(until_mark(tokens, start))
    return all(tokens[at].text in VERBS for at in rest)


def _not_at(
    at: int, tokens: Sequence[Token], read: Sequence[frozenset[object]], not_seen: Sequence[Phrase]
) -> Trigger:
    """`Nicht` denies what stands before where the clause says that it is not seen; else a word."""
    rest = list(until_mark(tokens, at + 1))
    if tokens[at].text == "nicht":
        seen = any(read[other] & phrase[0] for phrase in not_seen for other in rest)
        if seen or not rest:
            return Trigger(at, at + 1, "denied", after=True)
    return Trigger(at, at + 1, "denied", before=True, next_only=True)


def status_of(
    parts: Sequence[Span],
    tokens: Sequence[Token],
    triggers: Sequence[Trigger],
    *,
    chronic: bool,
    year: int,
) -> Status:
    """What is stated of a finding that stands at `parts`; `chronic`: an old one counts as well.

    `year`: the present one, of which a finding is none of the past.
    """
    labels = {
        _KINDS[trigger.kind]
        for part in parts
        for trigger in triggers
        if not any(trigger.start < end and start < trigger.end for start, end in parts)
        and not (chronic and tokens[trigger.start].text.startswith("chron"))
        and does_reach(trigger, part, tokens)
    }
    if any(_was_in_year(part, tokens, year) for part in parts):
        labels.add(Status.PAST)
    for status in (Status.DENIED, Status.PAST, Status.OTHER, Status.UNCERTAIN):
        if status in labels:
            return status
    asked = any(_is_asked(part, tokens) for part in parts)
    return Status.UNCERTAIN if asked else Status.PRESENT


def _was_in_year(part: Span, tokens: Sequence[Token], present: int) -> bool:
    """`Pulmonary embolism in 2018`; no amount, hour or full date, and no year that is not over."""
    words = [one.text for one in tokens[part[1] : part[1] + 4]]
    for size in (1, 2):
        if tuple(words[:size]) in _IN_YEAR and len(words) > size:
            year, following = words[size], words[size + 1 : size + 2]
            if len(year) == 4 and year.isdigit() and year.startswith(("19", "20")):
                return int(year) < present and not any(
                    one in _NO_YEAR or one[0].isdigit() for one in following
                )
    return False


def _is_asked(part: Span, tokens: Sequence[Token]) -> bool:
    """Whether a question mark stands before it, or ends what it stands in."""
    start, end = part
    following = next((at for at in range(end, len(tokens)) if tokens[at].text in MARKS), None)
    ahead = start > 0 and tokens[start - 1].text == "?"
    return ahead or (following is not None and tokens[following].text == "?")


def answers(sentence: Sequence[Token]) -> bool:
    """Whether a sentence is no more than an answer to the one before: `None.`"""
    return 0 < len(sentence) <= 3 and sentence[0].text in _ANSWERS


def parts_clauses(token: Token) -> bool:
    """Whether a side or a site behind it is no more that of what stands before."""
    return token.text in MARKS or token.text in BREAKS
