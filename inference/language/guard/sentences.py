"""Sentences of a text, with where they stand in it."""

import re
from collections.abc import Iterator

_LIST_NUMBER = re.compile(r"\s*(?:\(?\d{1,2}[.)]|[-*•–])\s+")
_END = re.compile(r"[.!?]{1,3}[\"')\]”’]{0,3}(?=\s|$)")
_LAST_WORD = re.compile(r"[^\s(\[]{1,30}$")
_NEXT_WORD = re.compile(r"\s*[\"'(\[]*([^\s]{1,30})")
_ABBREVIATIONS = frozenset(
    "dr prof mr mrs ms st no nr vs approx ca e.g i.e etc fig vol max min resp incl excl z.b u.a"
    " d.h bzw i.v z.n v.a evtl ggf lat sin dext a.p p.a usw abb tel str s.c p.o cf al inf sup ant"
    " post med mrs nos bds li re sog resp".split()
)
# Words that follow an ordinal number in German: `15. Perzentile`.
_AFTER_ORDINAL = frozenset(
    "perzentile perzentil ventrikel ventrikels rippe rippen januar jänner februar märz april mai"
    " juni juli august september oktober november dezember"
    " lendenwirbelkörper lendenwirbel brustwirbelkörper halswirbelkörper"
    " grades grad lebensjahr".split()
)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence; numbers of lists and bullets belong to none.

    Points in decimals, dates, abbreviations and German ordinals end no sentence. A line
    ends one, unless the next goes on in small letters.
    """
    return [
        span
        for start, end in _paragraphs(text)
        for span in _within(text, start, end)
        if text[span[0] : span[1]].strip()
    ]


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines of which each goes on in small letters."""
    start = end = 0
    open_line = False
    for match in re.finditer(r"[^\n]*\n?", text):
        line = match.group().strip()
        goes_on = open_line and line[:1].islower()
        if line and goes_on:
            end = match.end()
            continue
        if open_line:
            yield start, end
        start, end, open_line = match.start(), match.end(), bool(line)
    if open_line:
        yield start, end


def _within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    start = _after_list_number(text, start, end)
    at = start
    for ends in sentence_ends(text, start, end):
        if ends <= at:
            continue
        yield _stripped(text, at, ends)
        at = _after_list_number(text, ends, end)
    if at < end:
        yield _stripped(text, at, end)


def sentence_ends(text: str, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Where sentences end, by their marks alone."""
    end = len(text) if end is None else end
    for match in _END.finditer(text, start, end):
        if _ends_sentence(text, match.start(), match.end(), end):
            yield match.end()


def _after_list_number(text: str, start: int, end: int) -> int:
    match = _LIST_NUMBER.match(text, start, end)
    if match is None:
        return start
    following = _NEXT_WORD.match(text, match.end(), end)
    ordinal = following is not None and following.group(1).casefold() in _AFTER_ORDINAL
    return start if ordinal else match.end()


def _ends_sentence(text: str, point: int, after: int, end: int) -> bool:
    if text[point] in "!?":
        return True
    before = _LAST_WORD.search(text, max(point - 30, 0), point)
    word = before.group().casefold() if before else ""
    following = _NEXT_WORD.match(text, after, end)
    if following is None:
        return True
    next_word = following.group(1)
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "l"):
        return False
    if word.isdigit() and next_word.casefold().rstrip(".,;:") in _AFTER_ORDINAL:
        return False
    return not next_word[:1].islower()


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
