"""How far words reach that change what is stated of a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.critical.forms import Span
from inference.language.critical.tokens import Token

BREAKS = frozenset(
    "; but however although except while whereas aber jedoch sondern apart ausser obwohl"
    " dafuer hingegen".split()
)
_JOINS = frozenset("or nor and oder noch und sowie bzw".split())
MARKS = frozenset(",;:?!()-")
VERBS = frozenset(
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
_RELATIVE = frozenset("which that die der das welche welcher now since interval inzwischen".split())
# How many words a trigger reaches.
_REACH = {"near_before": 4, "past": 7, "uncertain": 9, "asked": 14, "denied": 30, "other": 12}


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


def until_mark(tokens: Sequence[Token], start: int) -> Iterator[int]:
    for at in range(start, len(tokens)):
        if tokens[at].text in MARKS or tokens[at].text in BREAKS:
            return
        yield at


def does_reach(trigger: Trigger, part: Span, tokens: Sequence[Token]) -> bool:
    """Whether it changes what is stated of what stands at `part`."""
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
        if text in BREAKS or (text in "?()" or (text == ":" and trigger.kind != "other")):
            return True
        if trigger.kind == "other":
            ends = text == ","
        elif text == ",":
            ends = not denies or not _goes_on(at, start, tokens)
        elif text in ("and", "und"):
            ends = following in _ARTICLES or following in _NEW or trigger.near
        elif trigger.kind == "denied":
            ends = text in VERBS and at > trigger.end
        else:
            ends = text in ("with", "mit")
        if ends:
            return True
    return False


def _goes_on(comma: int, start: int, tokens: Sequence[Token]) -> bool:
    """Whether a list that began before the comma goes on behind it: `no A, B or C`."""
    after = next(iter(until_mark(tokens, comma + 1)), None)
    if after is None or tokens[after].text in _NEW:
        return False
    end = next(
        (at for at in range(start, len(tokens)) if tokens[at].text in BREAKS | {":", "?"}),
        len(tokens),
    )
    for at in range(comma + 1, end):
        if tokens[at].text in VERBS:
            break
        if tokens[at].text in _JOINS:
            return tokens[min(at + 1, len(tokens) - 1)].text not in _NEW
    segment = [tokens[at].text for at in until_mark(tokens, comma + 1)]
    short = len(segment) <= 3 and not any(one[0].isdigit() for one in segment)
    return short and not set(segment) & (_OF_A_SIDE | VERBS)


def _ends_behind(trigger: Trigger, end: int, tokens: Sequence[Token]) -> bool:
    """Whether something between what stands before and the trigger begins another statement."""
    if _is_attribute(trigger, tokens):
        return True
    for at in range(end, trigger.start):
        text = tokens[at].text
        if text in BREAKS or text == "!" or text in _OF_OTHERS:
            return True
        then = text in _THEN and trigger.kind == "past"
        if then or (text in ":?" and trigger.start - at > 4):
            return True
        if text in (",", "(", ")", "and", "und", "or", "oder"):
            if VERBS & {one.text for one in tokens[:at]}:
                return not _relates(trigger, at, tokens)
            alone = text == "," and not _joined(trigger, at, tokens)
            # "(chest tube removed)" is of the tube.
            far = 1 if trigger.kind == "past" and not _relates(trigger, at, tokens) else 3
            if alone or (text == "(" and trigger.start - at > far):
                return True
    return False


def _is_attribute(trigger: Trigger, tokens: Sequence[Token]) -> bool:
    """`Absent lung markings`, `fehlende Gefäße`: stated of the noun that follows."""
    first, last = tokens[trigger.start].text, trigger.end
    is_one = first in _ATTRIBUTES or first.startswith(("fehlend", "negative"))
    if not is_one or trigger.end - trigger.start > 1 or last >= len(tokens):
        return False
    following = tokens[last]
    if trigger.start and tokens[trigger.start - 1].text in VERBS:
        return False
    return following.is_word and following.text not in _NO_NOUNS | BREAKS | VERBS


def _joined(trigger: Trigger, comma: int, tokens: Sequence[Token]) -> bool:
    """`A, B and C are absent`, `A, resolved`, `A, which has resolved`."""
    between = {one.text for one in tokens[comma + 1 : trigger.start]}
    return bool(between & _JOINS) or _relates(trigger, comma, tokens)


def _relates(trigger: Trigger, comma: int, tokens: Sequence[Token]) -> bool:
    if tokens[comma].text not in (",", "("):
        return False
    between = [one.text for one in tokens[comma + 1 : trigger.start]]
    return len(between) == 0 or between[0] in _RELATIVE or set(between) <= VERBS
