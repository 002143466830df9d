"""People, towns and numbers in texts without capitals: notes typed in haste, and dictation."""

import re
from collections.abc import Iterator

from inference.language.identifying.vocabulary import (
    is_common,
    is_first_name,
    is_last_name,
    is_ordinary,
    is_word,
    towns,
)

_L = r"[a-zß-öø-ÿāăąćčďđēėęěğīıķĺļľłńņňōőřśşšťūůűųźżž]"
_WORD = rf"{_L}[\w'’]{{1,40}}(?:-{_L}[\w'’]{{1,40}})?"
_PARTICLES = frozenset(
    "van von vom zu zur de der den des la le di da dos el al bin ibn del st".split()
)
_TITLE = re.compile(
    r"\b(?:[Dd]r|doctor|[Dd]oktor|[Pp]rof|professor|[Mm]rs?|[Mm]s|miss|[Hh]errn?|[Ff]rau"
    r"|[Nn]urse|staff nurse|sister"
    r"|schwester|pfleger|kolleg(?:e|in|en)|(?:ober|chef|assistenz|haus)(?:arzt|ärztin)|registrar"
    r"|consultant|surname|lastname|nachname|vorname|first name|last name|physio|matron|midwife"
    r"|hebamme"
    r"|signed|gezeichnet|familie)\b\.?[ \t]+"
)
_ROLE = re.compile(
    r"\b(?:[Pp]t|[Pp]at(?:ient(?:in|en)?)?|name|(?:grand)?(?:son|daughter)|dtr|wife|husband"
    r"|mother|father|mum|mom|dad"
    r"|brother|sister|partner|spouse|neighbou?r|friend|cousin|niece|nephew|aunt|uncle|carer"
    r"|primary|gp"
    r"|(?:enkel)?(?:sohn|tochter)|ehe(?:frau|mann)|mann|mutter|vater|bruder|schwester"
    r"|enkel(?:in)?"
    r"|schwager|schwägerin|neffe|nichte|nachbar(?:in)?|lebensgefährt(?:e|in)|gatt(?:e|in)"
    r"|dictating(?:[ ]on)?"
    r"|regarding|diktat(?:[ ]über)?|seen by|reported by|read by|call|called|copy(?:[ ]to)?"
    r"|attending|referred by|by"
    r"|from|for|an|durch|über|mit|with|here|hier(?:[ ]ist)?|this is)\b:?[ \t]+(?:(?:ist|is"
    r"|heißt|namens|named|called)[ \t]+)?"
)
_TOKEN = re.compile(rf"{_WORD}(?![\w@.]*@)")
_PLACED = re.compile(
    rf"\b(?:from|in|at|to|near|aus|nach|bei|of)[ \t]+({_WORD}(?:[ \t]{_WORD}){{0,2}})"
)
_INSTITUTION = re.compile(
    rf"\b(?:at|in|to|from|of|bei|im|ins|am|the)[ \t]+((?:{_WORD}[ \t]){{1,3}}(?:hospital"
    rf"|clinic|infirmary|ortho\w*"
    r"|imaging|surgery|(?:medical|health|cancer|birth|trauma)[ ](?:center|centre)|nursing home"
    r"|hospice|general"
    r"|radiology|oncology|cardiology|klinikum|krankenhaus|klinik|spital|praxis))\b"
    r"|\b(?:klinikum|krankenhaus|klinik"
    rf"|spital|praxis|universitätsklinikum)[ \t]+({_WORD}(?:[ \t]{_WORD})?)"
)
_DIGIT = (
    r"(?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|double|triple|null|eins"
    r"|ein|zwei|zwo|drei"
    r"|vier|fünf|sechs|sieben|acht|neun|dash|strich|slash|schrägstrich)"
)
_SPOKEN = re.compile(
    rf"(?<!point )(?<!komma )(?<!\w)(?:[a-z][ ]){{0,4}}{_DIGIT}(?:[ ,]{{1,2}}(?:{_DIGIT}"
    rf"|[a-z])(?![\w'’])){{3,24}}"
    rf"(?![ ](?:point|komma))",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 4
_MOST_WORDS = 5


def dictation(text: str) -> Iterator[tuple[str, int, int]]:
    names: set[str] = set()
    for start, end in _people(text):
        names |= {
            word for word in re.findall(rf"{_L}[\w'’-]{{3,}}", text[start:end]) if _is_rare(word)
        }
        yield "NAME", start, end
    for match in _TOKEN.finditer(text) if names else ():
        if match[0] in names or match[0].removesuffix("'s") in names:
            yield "NAME", match.start(), match.end()
    yield from _where(text)
    for match in _SPOKEN.finditer(text):
        if len(re.findall(_DIGIT, match[0], re.IGNORECASE)) >= _FEWEST_DIGITS:
            yield "ID", match.start(), match.end()


def _people(text: str) -> Iterator[tuple[int, int]]:
    for pattern, is_sure in ((_TITLE, True), (_ROLE, False)):
        for match in pattern.finditer(text):
            if (end := _name_end(text, match.end(), is_sure)) > match.end():
                yield match.end(), end
    # A first and a family name beside each other need no word before them.
    last = None
    for match in _TOKEN.finditer(text):
        if (
            last
            and text[last.end() : match.start()] == " "
            and _is_name(last[0])
            and is_first_name(last[0].title())
            and _is_rare(match[0])
            and (is_last_name(match[0].title()) or is_first_name(match[0].title()))
        ):
            yield last.start(), match.end()
        last = match


def _name_end(text: str, start: int, is_sure: bool) -> int:
    """Where the name ends that begins at `start`; `start` where none does."""
    end, position, particles = start, start, 0
    for _ in range(_MOST_WORDS):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        word = match[0].removesuffix("'s").removesuffix("’s")
        if word in _PARTICLES and (end > start or is_sure):
            particles += 1
        elif _is_name(word) or (_is_rare(word) and (particles or end > start or is_sure)):
            end, particles = match.end(), 0
        else:
            break
        if text[match.end() : match.end() + 1] != " ":
            break
        position = match.end() + 1
    return end


def _is_name(word: str) -> bool:
    return (is_first_name(word.title()) or is_last_name(word.title())) and _is_rare(word)


def _is_rare(word: str) -> bool:
    # "worried", "called": endings of verbs.
    return not (
        len(word) < 3
        or is_word(word)
        or is_common(word)
        or is_ordinary(word)
        or re.search(
            r"(?:ing|ed|ly|able|ible|ical|tion|t?te|ten|tet|isch|lich|ig|iert|endo?)$", word
        )
    )


def _where(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _PLACED.finditer(text):
        words = match[1].split()
        for count in range(len(words), 0, -1):
            name = " ".join(words[:count])
            if name.title() in towns() and not all(map(is_ordinary, words[:count])):
                if count > 1 or _is_rare(name):
                    yield "ADDRESS", match.start(1), match.start(1) + len(name)
                break
    for match in _INSTITUTION.finditer(text):
        group = 1 if match[1] else 2
        named = list(re.finditer(r"\S+", match[group]))
        while named and not _is_rare(named[0][0]):
            named.pop(0)
        if named and (group == 1 or len(named) <= 2):
            start = match.start(group)
            yield "ORGANISATION", start + named[0].start(), start + named[-1].end()
