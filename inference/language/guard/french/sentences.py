"""French sentences in the words of English that the rules read.

A word becomes the English name of its concept, in its own place of the sentence: the rules read
`effusion pleural left` as they read `left pleural effusion`. Four things are put as English has
them: `ne` goes with the word that completes it, an article of an indefinite amount goes, a doubt
behind its noun comes before it, and numbers and dates are written with points. What is not known
here becomes a word of no language, so that a French word is never read as an English or German one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from inference.language.guard.characters import folded
from inference.language.guard.french.vocabulary import Form, Vocabulary, vocabulary
from inference.language.guard.french.words import FrenchWord, without_accents, words_of
from inference.language.guard.lexicon import lexicon

UNKNOWN = "zfr"
"""What French words that are not known begin with."""
MOST_CHARACTERS = 4_000
_MONTHS = {
    name: english
    for english, names in {
        "January": "janvier janv",
        "February": "février fevrier",
        "March": "mars",
        "April": "avril",
        "May": "mai",
        "June": "juin",
        "July": "juillet",
        "August": "août aout",
        "September": "septembre sept",
        "October": "octobre",
        "November": "novembre",
        "December": "décembre decembre",
    }.items()
    for name in names.split()
}
# What numbers and dates are written with here.
_ENGLISH = frozenset((*_MONTHS.values(), "BI", "RADS"))
_MONTH = re.compile(
    rf"\b(?:(\d{{1,2}})(?:er)?\s)?({'|'.join(_MONTHS)})\.?\s((?:19|20)\d\d)\b", re.IGNORECASE
)
_SLASHED = re.compile(r"(?<![\w./])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\w/])")
_AGE = re.compile(r"\b(?:âgée?s? )?de (\d{1,3}) ans\b", re.IGNORECASE)
_AGO = re.compile(r"\bil y a (?=\w+ (?:ans?|mois|semaines?|jours?)\b)", re.IGNORECASE)
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_THOUSANDS = re.compile(r"\b(\d{1,3}) (\d{3})(?= ?(?:mm|cm|ml|uh)\b)", re.IGNORECASE)
_DORSAL = re.compile(r"\bD(?=\d{1,2}\b)")
_RIB = re.compile(r"\b(\d{1,2})(?:e|è|ème|eme)(?= côtes?\b)", re.IGNORECASE)
_BREAST = re.compile(r"\bACR(?= [0-6]\b)")
_ROMAN = re.compile(r"[IVX]{1,4}[ab]?")
_BEING = frozenset(("is", "are", "has been", "have been", "remains", "remain", "appears", "appear"))
_ARTICLES = frozenset("the a this its these their".split())
_INWARD = frozenset(("of", "in", "on", "at", "within"))
_ENDS = frozenset(",;:.?!()")
_UNITS = frozenset("mm cm m ml l dl hu g kg".split())


@dataclass(frozen=True)
class _Piece:
    """A part of the English sentence."""

    text: str
    kind: str
    """`name`, `small`, `number`, `mark` or `unknown`."""
    glued: bool = False


def is_french(text: str, otherwise: bool = False) -> bool:
    """Whether more of its words are French alone than are not; `otherwise` where none tells."""
    french, other = _counts(text[:MOST_CHARACTERS])
    return french > other or (otherwise and not other)


def in_english(sentence: str, otherwise: bool = False) -> str:
    """A French sentence as the rules read it; one in another language as it is.

    `otherwise`: whether it stands among French ones, where none of its words tells.
    """
    return _translated(sentence) if is_french(sentence, otherwise) else sentence


@lru_cache(maxsize=4096)
def _counts(text: str) -> tuple[int, int]:
    known = vocabulary()
    french = other = 0
    words = words_of(text)
    at = 0
    while at < len(words):
        word, form = words[at], known.longest(words, at)
        at += len(form.keys) if form is not None else 1
        if word.kind != "word" or word.key in known.not_telling:
            continue
        elsewhere = lexicon().longest((word.text.casefold(),), 0) is not None
        french += form is not None and not elsewhere
        other += form is None and elsewhere
    return french, other


@lru_cache(maxsize=4096)
def _translated(sentence: str) -> str:
    known = vocabulary()
    words = _without_ne(words_of(_in_digits(folded(sentence))), known)
    pieces: list[_Piece] = []
    at = 0
    while at < len(words):
        forms = known.at(words, at)
        form = next((one for one in forms if _applies(one, words, at, known, pieces)), None)
        if form is None:
            _add_word(words, at, pieces)
            at += 1
            continue
        if form.kind == "doubt":
            _add_doubt(form.english, pieces)
        else:
            kind = "name" if form.kind == "name" else "small"
            pieces.append(_Piece(form.in_number_of(words[at]), kind))
        at += len(form.keys)
    return _joined(pieces)


def _in_digits(sentence: str) -> str:
    """Numbers, dates, ages and levels as English has them."""
    plain = _MONTH.sub(_date, sentence)
    plain = _SLASHED.sub(lambda one: f"{one[1]}.{one[2]}.{_year(one[3])}", plain)
    plain = _AGE.sub(r"\1yo", plain)
    plain = _AGO.sub("ago ", plain)
    plain = _COMMA.sub(".", plain)
    plain = _THOUSANDS.sub(r"\1\2", plain)
    plain = _DORSAL.sub("Th", plain)
    plain = _RIB.sub(r"\1th", plain)
    return _BREAST.sub("BI-RADS", plain)


def _date(match: re.Match[str]) -> str:
    month = _MONTHS[match[2].casefold()]
    return " ".join(filter(None, (match[1], month, match[3])))


def _year(written: str) -> str:
    if len(written) == 4:
        return written
    return f"{19 if int(written) >= 70 else 20}{written}"


def _without_ne(words: Sequence[FrenchWord], known: Vocabulary) -> list[FrenchWord]:
    """Without each `ne` that another word of its clause completes."""
    found: list[FrenchWord] = []
    for at, word in enumerate(words):
        if word.key == "ne" and known.longest(words, at) is None:
            start = next((i + 1 for i in range(at, -1, -1) if words[i].text in _ENDS), 0)
            end = next((i for i in range(at, len(words)) if words[i].text in _ENDS), len(words))
            if any(one.key in known.denials for one in words[start:end]):
                continue
        found.append(word)
    return found


def _applies(
    form: Form,
    words: Sequence[FrenchWord],
    at: int,
    known: Vocabulary,
    pieces: Sequence[_Piece],
) -> bool:
    if form.kind == "doubt of a thing":
        ahead = at + len(form.keys)
        while ahead < len(words) and words[ahead].key in ("le", "un", "une"):
            ahead += 1
        named = known.longest(words, ahead) if ahead < len(words) else None
        return named is not None and named.category == "thing"
    if form.english == "definite":
        # `Certains nodules` are some.
        return bool(pieces) and (pieces[-1].kind == "name" or pieces[-1].text in _BEING)
    return True


def _add_word(words: Sequence[FrenchWord], at: int, pieces: list[_Piece]) -> None:
    """What no form begins with."""
    word = words[at]
    before = pieces[-1] if pieces else None
    text, key = word.text, word.key
    if word.kind == "mark":
        pieces.append(_Piece(text, "mark", word.glued))
    elif word.kind == "raw" or (before is not None and before.kind == "number" and _is_unit(text)):
        pieces.append(_Piece(text, "number", word.glued))
    elif _ROMAN.fullmatch(text) and before is not None and before.text in _GRADED:
        pieces.append(_Piece(text, "name"))
    elif key == "le":
        if before is None or before.kind != "partitive":
            pieces.append(_Piece("the", "small"))
    elif key == "de":
        _add_of(words, at, pieces)
    elif text in _ENGLISH:
        pieces.append(_Piece(text, "name"))
    else:
        pieces.append(_Piece(UNKNOWN + without_accents(text.casefold()), "unknown"))


_GRADED = frozenset(("segment", "segments", "stage", "grade", "type"))


def _is_unit(text: str) -> bool:
    return text.casefold() in _UNITS or text in ("x", "sur")


def _add_of(words: Sequence[FrenchWord], at: int, pieces: list[_Piece]) -> None:
    """`De` behind a name; elsewhere an indefinite amount: `avec des calculs`, `est de 8 mm`."""
    before = pieces[-1] if pieces else None
    article = words[at + 1 : at + 2] and words[at + 1].key == "le"
    if before is None or before.kind in ("small", "mark"):
        pieces.append(_Piece("", "partitive"))
    elif before.kind == "number" and article:
        # `A stone of 8 mm in the kidney`
        pieces.append(_Piece("in", "small"))
    else:
        pieces.append(_Piece("of", "small"))


def _add_doubt(english: str, pieces: list[_Piece]) -> None:
    """Before the phrase that it stands behind, or that it is stated of."""
    before = pieces[-1] if pieces else None
    if before is not None and before.text in _BEING:
        pieces.insert(_start_of_phrase(pieces, len(pieces) - 1), _Piece(english, "small"))
        pieces.append(_Piece("present", "small"))
    elif before is not None and before.kind in ("name", "unknown", "number"):
        pieces.insert(_start_of_phrase(pieces, len(pieces)), _Piece(english, "small"))
    elif before is not None and before.text == "not":
        pieces.append(_Piece(f"{UNKNOWN}{english}", "unknown"))
    else:
        pieces.append(_Piece(english, "small"))


def _start_of_phrase(pieces: Sequence[_Piece], end: int) -> int:
    """Where the nouns before `end` begin, with the places behind them; after their article."""
    start = end
    while start > 0:
        one = pieces[start - 1]
        inward = one.kind == "small" and one.text in _ARTICLES | _INWARD
        if not (inward or one.kind in ("name", "unknown", "number", "partitive")):
            break
        start -= 1
    while start < end and pieces[start].text in (*_ARTICLES, ""):
        start += 1
    return start


def _joined(pieces: Sequence[_Piece]) -> str:
    text = ""
    opened = False
    for one in pieces:
        if not one.text:
            continue
        closing = one.kind == "mark" and one.text in ",;:.?!)"
        text += one.text if not text or closing or opened or one.glued else f" {one.text}"
        opened = one.kind == "mark" and one.text == "("
    return text
