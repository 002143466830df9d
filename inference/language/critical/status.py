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
_BREAKS = frozenset(
    "; but however although except while whereas aber jedoch sondern apart ausser obwohl"
    " dafuer hingegen".split()
)
_JOINS = frozenset("or nor and oder noch und sowie bzw".split())
_MARKS = frozenset(",;:?!()-")
_VERBS = frozenset(
    "is are was were has have had ist sind war waren wird hat haben besteht bestehen findet"
    " finden zeigt zeigen liegt liegen lag lagen shows show demonstrates".split()
)
# Words that begin a statement of its own after a comma.
_NEW = frozenset(
    "there large small moderate massive tiny extensive new now with mit es this grosser grosse"
    " grosses grossem kleiner kleine kleines ausgedehnte ausgedehnter ausgedehntes neue neuer"
    " neues neu deutliche deutlicher deutliches unchanged stable unveraendert bekannte bekannter"
    " bekanntes known however the der die das".split()
)
_OF_A_SIDE = frozenset(
    "left right bilateral links rechts beidseits linksseitig rechtsseitig".split()
)
_ARTICLES = frozenset("a an the there der die das ein eine einen es this".split())
_IN_YEAR = frozenset((("in",), ("from",), ("aus",), ("im", "jahr"), ("im", "jahre")))
# What stands behind four digits that are no year: units, hours.
_NO_YEAR = frozenset("ml cc mm cm hu h hrs hours uhr ms mg g".split())
# Behind these another thing is spoken of: `with absent lung markings`.
_OF_OTHERS = frozenset("with mit showing causing containing despite trotz".split())
# What was done then is no end of the finding; what was not seen then is.
_THEN = frozenset("after nach following since seit because due wegen".split())
_ATTRIBUTES = frozenset(
    "absent missing lacking negative removed resected resorbed resolved".split()
)
_NO_NOUNS = frozenset(
    "on in at by now today since from compared bilaterally left right and or in an am im heute"
    " seit completely again here hier".split()
)
_ANSWERS = frozenset("no none nil nein kein keine keiner keines nicht negative negativ".split())
_RELATIVE = frozenset("which that die der das welche welcher now since interval inzwischen".split())
_DENIES_AT_END = frozenset("no none kein keine keiner keines nicht".split())
# How many words a trigger reaches.
_REACH = {"near_before": 4, "past": 7, "uncertain": 9, "asked": 14, "denied": 30, "other": 12}
_KINDS = {
    "denied": Status.DENIED,
    "past": Status.PAST,
    "other": Status.OTHER,
    "asked": Status.OTHER,
    "uncertain": Status.UNCERTAIN,
}


@dataclass(frozen=True)
class Trigger:
    """Words that change what is stated of others: `kind` as the data has it."""

    start: int
    end: int
    kind: str
    before: bool = False
    """Stated of what follows; `after`: of what stands before."""
    after: bool = False
    near: bool = False
    next_only: bool = False


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
    rest = list(_until_mark(tokens, start))
    return all(tokens[at].text in _VERBS for at in rest)


def _until_mark(tokens: Sequence[Token], start: int) -> Iterator[int]:
    for at in range(start, len(tokens)):
        if tokens[at].text in _MARKS or tokens[at].text in _BREAKS:
            return
        yield at


def _not_at(
    at: int, tokens: Sequence[Token], read: Sequence[frozenset[object]], not_seen: Sequence[Phrase]
) -> Trigger:
    """`Nicht` denies what stands before where the clause says that it is not seen; else a word."""
    rest = list(_until_mark(tokens, at + 1))
    if tokens[at].text == "nicht":
        seen = any(read[other] & phrase[0] for phrase in not_seen for other in rest)
        if seen or not rest:
            return Trigger(at, at + 1, "denied", after=True)
    return Trigger(at, at + 1, "denied", before=True, next_only=True)


def status_of(
    parts: Sequence[Span], tokens: Sequence[Token], triggers: Sequence[Trigger], *, chronic: bool
) -> Status:
    """What is stated of a finding that stands at `parts`; `chronic`: an old one counts as well."""
    labels = {
        _KINDS[trigger.kind]
        for part in parts
        for trigger in triggers
        if not any(trigger.start < end and start < trigger.end for start, end in parts)
        and not (chronic and tokens[trigger.start].text.startswith("chron"))
        and _reaches(trigger, part, tokens)
    }
    if any(_was_in_year(part, tokens) for part in parts):
        labels.add(Status.PAST)
    for status in (Status.DENIED, Status.PAST, Status.OTHER, Status.UNCERTAIN):
        if status in labels:
            return status
    asked = any(_is_asked(part, tokens) for part in parts)
    return Status.UNCERTAIN if asked else Status.PRESENT


def _reaches(trigger: Trigger, part: Span, tokens: Sequence[Token]) -> bool:
    start, end = part
    if trigger.next_only:
        return trigger.end <= start <= trigger.end or start <= trigger.end < end
    reach = _REACH["near_before" if trigger.near else trigger.kind]
    if trigger.before and trigger.end <= start and start - trigger.end < reach:
        return not _ends_ahead(trigger, start, tokens)
    if trigger.after and end <= trigger.start:
        return not _ends_behind(trigger, end, tokens)
    return False


def _ends_ahead(trigger: Trigger, start: int, tokens: Sequence[Token]) -> bool:
    """Whether something between the trigger and what follows begins another statement."""
    denies = trigger.kind in ("denied", "asked")
    for at in range(trigger.end, start):
        text = tokens[at].text
        following = tokens[at + 1].text
        if text in _BREAKS or (text in "?()" or (text == ":" and trigger.kind != "other")):
            return True
        if trigger.kind == "other":
            ends = text == ","
        elif text == ",":
            ends = not denies or not _goes_on(at, start, tokens)
        elif text in ("and", "und"):
            ends = following in _ARTICLES or following in _NEW or trigger.near
        elif trigger.kind == "denied":
            ends = text in _VERBS and at > trigger.end
        else:
            ends = text in ("with", "mit")
        if ends:
            return True
    return False


def _goes_on(comma: int, start: int, tokens: Sequence[Token]) -> bool:
    """Whether a list that began before the comma goes on behind it: `no A, B or C`."""
    after = next(iter(_until_mark(tokens, comma + 1)), None)
    if after is None or tokens[after].text in _NEW:
        return False
    end = next(
        (at for at in range(start, len(tokens)) if tokens[at].text in _BREAKS | {":", "?"}),
        len(tokens),
    )
    for at in range(comma + 1, end):
        if tokens[at].text in _VERBS:
            break
        if tokens[at].text in _JOINS:
            return tokens[min(at + 1, len(tokens) - 1)].text not in _NEW
    segment = [tokens[at].text for at in _until_mark(tokens, comma + 1)]
    short = len(segment) <= 3 and not any(one[0].isdigit() for one in segment)
    return short and not set(segment) & (_OF_A_SIDE | _VERBS)


def _ends_behind(trigger: Trigger, end: int, tokens: Sequence[Token]) -> bool:
    """Whether something between what stands before and the trigger begins another statement."""
    if _is_attribute(trigger, tokens):
        return True
    for at in range(end, trigger.start):
        text = tokens[at].text
        if text in _BREAKS or text == "!" or text in _OF_OTHERS:
            return True
        then = text in _THEN and trigger.kind == "past"
        if then or (text in ":?" and trigger.start - at > 4):
            return True
        if text in (",", "(", ")", "and", "und", "or", "oder"):
            if _VERBS & {one.text for one in tokens[:at]}:
                return not _relates(trigger, at, tokens)
            alone = text == "," and not _joined(trigger, at, tokens)
            if alone or (text == "(" and trigger.start - at > 3):
                return True
    return False


def _is_attribute(trigger: Trigger, tokens: Sequence[Token]) -> bool:
    """`Absent lung markings`, `fehlende Gefäße`: stated of the noun that follows."""
    first, last = tokens[trigger.start].text, trigger.end
    is_one = first in _ATTRIBUTES or first.startswith(("fehlend", "negative"))
    if not is_one or trigger.end - trigger.start > 1 or last >= len(tokens):
        return False
    following = tokens[last]
    if trigger.start and tokens[trigger.start - 1].text in _VERBS:
        return False
    return following.is_word and following.text not in _NO_NOUNS | _BREAKS | _VERBS


def _joined(trigger: Trigger, comma: int, tokens: Sequence[Token]) -> bool:
    """`A, B and C are absent`, `A, resolved`, `A, which has resolved`."""
    between = {one.text for one in tokens[comma + 1 : trigger.start]}
    return bool(between & _JOINS) or _relates(trigger, comma, tokens)


def _relates(trigger: Trigger, comma: int, tokens: Sequence[Token]) -> bool:
    if tokens[comma].text not in (",", "("):
        return False
    between = [one.text for one in tokens[comma + 1 : trigger.start]]
    return len(between) == 0 or between[0] in _RELATIVE or set(between) <= _VERBS


def _was_in_year(part: Span, tokens: Sequence[Token]) -> bool:
    """`Pulmonary embolism in 2018`; no amount, hour or full date."""
    words = [one.text for one in tokens[part[1] : part[1] + 4]]
    for size in (1, 2):
        if tuple(words[:size]) in _IN_YEAR and len(words) > size:
            year, following = words[size], words[size + 1 : size + 2]
            if len(year) == 4 and year.isdigit() and year.startswith(("19", "20")):
                return not any(one in _NO_YEAR or one[0].isdigit() for one in following)
    return False


def _is_asked(part: Span, tokens: Sequence[Token]) -> bool:
    """Whether a question mark stands before it, or ends what it stands in."""
    start, end = part
    following = next((at for at in range(end, len(tokens)) if tokens[at].text in _MARKS), None)
    ahead = start > 0 and tokens[start - 1].text == "?"
    return ahead or (following is not None and tokens[following].text == "?")


def answers(sentence: Sequence[Token]) -> bool:
    """Whether a sentence is no more than an answer to the one before: `None.`"""
    return 0 < len(sentence) <= 3 and sentence[0].text in _ANSWERS


def parts_clauses(token: Token) -> bool:
    """Whether a side or a site behind it is no more that of what stands before."""
    return token.text in _MARKS or token.text in _BREAKS
