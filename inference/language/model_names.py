"""Words that a small model takes for names and places, and that no list knows as anything else."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from inference.language.identifying.people import is_english
from inference.language.identifying.vocabulary import (
    UPPER,
    is_common,
    is_eponym,
    is_first_name,
    is_last_name,
    is_ordinary,
    is_term,
    is_word,
    of_disease,
)
from inference.language.identifying.whole_names import is_role
from inference.language.rampart import Rampart

_Region = tuple[int, int]
_TOKEN = re.compile(r"\S+")
_WORD = re.compile(r"(?<![\w.@/-])[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){2,40}(?![\w@/])")
_INITIALS = re.compile(rf"(?<![\w.])(?:{UPPER}\.?[ \t-]?){{1,3}}$")
_NOT_NAMED = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[’']s\b.")
# Letters and notes tell more by their neighbours than by all that stands before: of 8, 16 words,
# a line, a sentence and 480 characters, this found most of what was not lost to false ones.
_WINDOW = 16
_STEP = 8
_LEAST = 0.3
# German writes each noun with a capital, and the model takes some for names.
_NAME_IN_GERMAN = 0.9
_PLACE_IN_GERMAN = 0.7
# What German compounds of every day end in, and families seldom do.
_OF_EVERY_DAY = re.compile(
    r"(?:jahr|tag|zeit|woche|monat|stunde|tasten?|masse|bogen|schirm|zeug|karte|farbe|kurve|studie"
    r"|arbeit|gerät|dienst|ordnung|führung|kraft|nahrung|kost|verband|reihe|folge|gefühl|verlauf"
    r"|zustand|besuch|gespräch|bericht|brief|termin|mahlzeit|hilfe|weise|zahl|bedarf|dauer|plan"
    r"|sturz|unfall|bruch|riss|stich|stoß|druck|fluss|zug|lauf|fall|satz|sätze|wörter)(?:e?[ns])?$",
    re.IGNORECASE,
)
# "der Rechner", "kein Bildschirm"; "am Rippenbogen", which is no town.
_DETERMINED = re.compile(
    r"(?:^|\W)(?:[Dd](?:er|ie|as|en|em|es)|[Kk]?[Ee]ine?[rsmn]?|[Ii]hre?[rsmn]?|[Ss]eine?[rsmn]?"
    r"|[Dd]iese?[rsmn]?|[Jj]ede?[rsmn]?|[Bb]eim|[Aa]m|[Ii]m|[Zz]u[mr]|[Vv]om|[Aa]ls|zwei(?:er)?"
    r"|drei|[Aa]lle[rn]?|[Bb]eide[rn]?|the|[Aa]|this|that|each)[ \t]$"
)
# Tests and scales: "Lasègue negativ", "Garden III"; drugs and their dose.
_TESTED = re.compile(
    r"[ \t]+(?:\(?(?:positiv|negativ|pos\b|neg\b|\+|beidseits|beids|bds|sicher|frei|schmerzhaft"
    r"|unauffällig|heterozygot|positive|negative)|(?:Klassifikation|Kriterien|Score|Skala|Protokoll"
    r"|Stadium|Zeichen|Test|Manöver|Syndrom|Typ|Grad|Fraktur|Operation|Schema|Lagerung|Technik)\b|[IV]{1,4}\b|\d)"
)
# "Fraktur nach Weber", "Typ Danis".
_AUTHOR = re.compile(r"(?:nach|Typ|Morbus|Typus|Score|Test|Zeichen|[Ss]yndrom|Grad|[Tt]ype)[ \t]$")
_NOUN_BEFORE = re.compile(r"(?<!\w)([A-ZÄÖÜ][^\W\d_]{2,40})[ \t]$")
_NEIGHBOUR = 44
_SHORTEST_CAPITALS = 6
_FEW_CAPITALS = 0.04
MOST_WINDOWS = 2000
"""Some 20 s; a page has about 60."""


def names(text: str, known: Sequence[_Region], model: Rampart) -> Iterator[tuple[str, int, int]]:
    """Beyond `known`, in order and without overlaps; in the first MOST_WINDOWS windows."""
    wanted = list(_unknown(text, known))
    windows = list(_windows(text, wanted))
    words = [[wanted[index] for index in inside] for _, _, inside in windows]
    judged = model.judge(
        [text[start:end] for start, end, _ in windows],
        [
            [(begin - start, end - start) for begin, end in some]
            for (start, _, _), some in zip(windows, words, strict=True)
        ],
    )
    best: dict[_Region, tuple[float, float]] = {}
    for word, (name, place) in zip((one for some in words for one in some), judged, strict=True):
        before = best.get(word, (0.0, 0.0))
        best[word] = (max(name, before[0]), max(place, before[1]))
    of_names, of_places = (
        (_LEAST, _LEAST) if is_english(text) else (_NAME_IN_GERMAN, _PLACE_IN_GERMAN)
    )
    for word, (name, place) in best.items():
        if (name < of_names and place < of_places) or _is_thing(text, word):
            continue
        if place > name:
            yield "ADDRESS", *word
        else:
            start, end = word
            if initials := _INITIALS.search(text[max(0, start - 12) : start]):
                start -= len(initials[0])
            yield "NAME", start, end


def _is_thing(text: str, word: _Region) -> bool:
    """By what stands beside it."""
    start, end = word
    before = text[max(0, start - _NEIGHBOUR) : start]
    if _DETERMINED.search(before) or _TESTED.match(text, end) or _AUTHOR.search(before):
        return True
    # "Sphincter Oddi": of what stands before.
    noun = _NOUN_BEFORE.search(before)
    return (
        noun is not None
        and is_word(noun[1])
        and not is_common(noun[1])
        and not is_role(noun[1])
        and not is_first_name(noun[1])
    )


def is_read_whole(text: str) -> bool:
    return len(_TOKEN.findall(text)) <= MOST_WINDOWS * _STEP


def _windows(text: str, wanted: Sequence[_Region]) -> Iterator[tuple[int, int, list[int]]]:
    """Those that have wanted words, with the places of these in `wanted`."""
    tokens = [match.span() for match in islice(_TOKEN.finditer(text), MOST_WINDOWS * _STEP)]
    first = 0
    for index in range(0, max(1, len(tokens) - _STEP), _STEP):
        some = tokens[index : index + _WINDOW]
        if not some:
            return
        start, end = some[0][0], some[-1][1]
        while first < len(wanted) and wanted[first][0] < start:
            first += 1
        inside = []
        for position in range(first, len(wanted)):
            if wanted[position][1] > end:
                break
            inside.append(position)
        if inside:
            yield start, end, inside


def _unknown(text: str, known: Sequence[_Region]) -> Iterator[_Region]:
    found = list(_WORD.finditer(text))
    capitals = sum(match[0][0].isupper() for match in found)
    is_small = capitals <= _FEW_CAPITALS * len(found)
    next_region = 0
    for match in found:
        while next_region < len(known) and known[next_region][1] <= match.start():
            next_region += 1
        if next_region < len(known) and known[next_region][0] < match.end():
            continue
        if not is_small and not match[0][0].isupper():
            continue
        if _may_be_name(match[0]) and not of_disease(text, match):
            yield match.span()


def _may_be_name(word: str) -> bool:
    bare = word.removesuffix("'s").removesuffix("’s")
    parts = bare.split("-")
    if bare.isupper() and len(bare) < _SHORTEST_CAPITALS:
        return False
    if _NOT_NAMED.search(bare) or is_role(bare) or is_term(bare) or _OF_EVERY_DAY.search(bare):
        return False
    # "Kerley-B-Linien": the last part tells what it is.
    if len(parts) > 1 and not (is_last_name(parts[-1]) or is_first_name(parts[-1])):
        return False
    return not (
        any(map(is_eponym, parts))
        or any(map(is_common, parts))
        or any(map(is_word, parts))
        or is_ordinary(parts[-1])
    )
