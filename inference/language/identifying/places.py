"""Streets, towns, practices, hospitals and employers."""

import re
from collections.abc import Iterator

from inference.language.identifying.forms import any_of
from inference.language.identifying.vocabulary import (
    UPPER,
    is_common,
    is_eponym,
    is_first_name,
    is_word,
    of_disease,
    towns,
)

_W = rf"{UPPER}[\w'’.&-]{{1,63}}"
_STREET = any_of("place_forms", "streets")
_STRASSE = any_of("place_forms", "german_streets")
_KIND_OF_PLACE = any_of("place_forms", "institutions")
_ORGANISATIONS = (
    # Words before the kind: "Lindqvist Cancer Center", "St. Brannoc's Hospital".
    rf"(?:[Tt]he[ \t]+)?(?:(?:St\.-?|St\.?[ \t]){_W}[ \t]+|(?:{_W}[ \t]+(?:of"
    rf"[ \t]+)?)){{1,4}}{_KIND_OF_PLACE}\b(?:[ \t]+{_W}){{0,3}}",
    # And after it: "Klinikum Rechts der Alz", "Praxis am Hafentor".
    rf"\b(?:{_W}[ \t]+){{1,3}}General(?=[ \t]+in\b|[ \t]*[,.;)\n])",
    r"\b(?:MVZ|Klinikum|Klinik|Krankenhaus|KH|Spital|Universitätsspital|Universitätsklinikum"
    r"|Unfallklinik|Praxis|Institut"
    r"|Gesamtschule|Gymnasium|Grundschule|Schule|Kindergarten|Haus|Pflegeheim|Seniorenheim"
    r"|Hospital|University|Sanatorium"
    rf"|\w+i[kc]um|\w+-Einheit|AOK|BKK|DAK|Firma|Fa\.)(?:[ \t]+(?:am|an der|im|in der|der|des|zum"
    rf"|zur|of|for|{_W})){{1,4}}",
    rf"\b(?:St\.|Sankt|Barmherzige|Heilig)[\w.-]*(?:[ \t-]{_W}){{1,3}}",
    rf"\b{UPPER}[\w.-]+(?:krankenhaus|klinik|hospital|spital|klinikum)\b",
    rf"\b(?:{_W}[ \t]+){{1,4}}(?:GmbH|AG|KG|LLP|LLC|Ltd|Inc)\b",
    rf"\b(?:BG|LKH|UKE|KH)[ \t]+(?:{_W})(?:[ \t]+{_W}){{0,2}}",
)
_ADDRESSES = (
    rf"\b\d{{1,5}}[a-z]?[ \t]+(?:{_W}[ \t]+){{1,3}}{_STREET}\b\.?(?:,?[ \t]+(?:Apt|Suite|Unit"
    rf"|Flat|Room)\.?[ \t]*\w+)?",
    rf"\b(?:(?:Große|Kleine|Obere|Untere|Alte|Neue|Am|An[ \t]der|Zum|Zur|Im)"
    rf"[ \t]+)?{UPPER}[a-zäöüß-]*{_STRASSE}[ \t]+\d{{1,4}}(?:[ \t]?[a-z]\b)?(?:/\w+)?",
    rf"\b(?:Am|An[ \t]der|Zum|Zur|Auf[ \t]dem|Unter[ \t]den)[ \t]+{UPPER}[a-zäöüß-]{{3,}}"
    rf"[ \t]+\d{{1,3}}[a-z]?\b",
    r"\bP\.?[ ]?O\.?[ ]?Box[ \t]+\d+|\bPostfach[ \t]+\d+",
    r"\b[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2}\b",
    r"\b[A-Z]{2}[ ]\d{5}(?:-\d{4})?\b",
    r"\b(?:D-|A-|CH-)?\d{4,5}(?=[ \t]+[A-ZÄÖÜ][a-zäöüß]{2,})(?![ \t]+(?:Uhr|Euro|Einheiten"
    r"|Schichten|Bilder))",
    rf"\bThe[ \t]+(?:Surgery|Practice|Rectory|Vicarage|Cottage),[ \t]+\d{{1,5}}[ \t]+(?:{_W}"
    rf"[ \t]+){{1,3}}{_STREET}\b",
)
_T = rf"{UPPER}[\w'’-]{{1,63}}"
_TOWN = rf"({_T}(?:[ \t]+(?:(?:am|an der|im|ob der|bei|on|upon|de|la)[ \t]+)?{_T}){{0,2}})"
_WHERE = re.compile(
    r"\b(?:aus|wohnhaft(?:[ \t]in)?|[Ww]ohnort:?|wohnt[ \t]in|[Rr]esident[ \t]of|lives[ \t](?:in"
    r"|at|near)|live[ \t]near|born[ \t]in"
    r"|geboren[ \t]in|gebürtig[ \t]aus|from|near|[Cc]ollapsed[ \t]at|fell[ \t]at|bei|in|nach|at"
    r"|Sturz[ \t]in)[ \t]+" + _TOWN
)
# "Wolverton Falls", "Port Salerno": a town by its own words.
_BY_ITS_WORDS = re.compile(
    rf"\b{_W}[ \t]+(?:Falls|Bay|Springs|Beach|Valley|Creek|Heights|Island|Hollow|Mountain|Ridge"
    rf"|City)\b"
    rf"|\b(?:Port|Fort|Mount|Lake|New|San|Santa|Saint|Bad|Sankt)[ \t]+{_W}"
)
_SURE = re.compile(r"(?:wohn|Wohn|esident|lives|live|born|gebor|gebürt|ollapsed|fell|Sturz)")
_STREETS = re.compile(rf"{_STRASSE}|\b{_STREET}\b|Box|Postfach|[A-Z]{{2}} \d{{5}}")
_UPPER = re.compile(rf"(?<![\w-]){UPPER}[a-zà-ÿ]{{4,}}(?![\w-])")
# "Neuwieden" differs from a noun in nothing, "Poysdorf" by its end.
_OF_TOWNS = re.compile(
    r"(?:dorf|stadt|ingen|hausen|hofen|kirchen|brück|hagen|walde|furth?|stetten|wil|ikon|reuth"
    r"|weiler|münde|berg|burg|bach|heim|moos)$"
)
# What follows a street, a number of the post or an institution.
_BEHIND = re.compile(rf"(?:[ \t]*[,(][ \t]*|[ \t]+)({_W}(?:[ \t]+{_W})?)")
_CONTINUED = re.compile(r"\d{4,5}$")


def places(text: str) -> Iterator[tuple[str, int, int]]:
    for pattern in _ADDRESSES:
        for match in re.finditer(pattern, text):
            if is_segment(match[0]):
                continue
            yield "ADDRESS", match.start(), match.end()
            yield from _behind(text, match.end(), bool(_CONTINUED.search(match[0])))
    for pattern in _ORGANISATIONS:
        for match in re.finditer(pattern, text):
            start, end = _trimmed(text, match.start(), match.end())
            if end > start:
                yield "ORGANISATION", start, end
                yield from _behind(text, end, False)
    yield from _towns(text)


def _towns(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WHERE.finditer(text):
        yield from _town(text, match, bool(_SURE.search(match[0])))
    for match in _BY_ITS_WORDS.finditer(text):
        # "Fort II" is a fracture.
        roman = re.search(r"[ \t][IVX]+$", match[0])
        if not roman and not all(is_word(word) or is_eponym(word) for word in match[0].split()):
            yield "ADDRESS", match.start(), match.end()
    for match in _UPPER.finditer(text):
        known = is_word(match[0]) or is_first_name(match[0])
        by_its_end = len(match[0]) > 6 and _OF_TOWNS.search(match[0])
        if (match[0] in towns() or by_its_end) and not known and not of_disease(text, match):
            yield "ADDRESS", match.start(), match.end()
    for match in re.finditer(_TOWN, text):
        if " " in match[1] and match[1] in towns():
            yield "ADDRESS", match.start(1), match.end(1)


def is_segment(text: str) -> bool:
    """Of a part of the body, not of a street: all its words are words of the field."""
    words = [word for word in re.findall(r"[^\W\d_]{3,}", text) if word[0].isupper()]
    return bool(words) and is_word(words[-1]) and not _STREETS.search(text)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without words of the sentence before the name of an institution."""
    words = list(re.finditer(r"\S+", text[start:end]))
    while (
        words
        and is_common(words[0][0])
        and words[0][0]
        not in ("St.", "The", "the", "Praxis", "Klinik", "Hospital", "Klinikum", "Schule")
    ):
        words.pop(0)
    named = [one for one in words if not is_word(one[0].strip(".,'")) or len(words) > 2]
    if not named:
        return start, start
    return start + words[0].start(), start + words[-1].end()


def _behind(text: str, end: int, at_once: bool) -> Iterator[tuple[str, int, int]]:
    match = _BEHIND.match(text, end)
    if match and (at_once or match[0].lstrip().startswith((",", "("))):
        first = match[1].split()[0]
        if not is_word(first) and not first.isupper():
            second = match[1].split()[1:]
            stop = (
                match.end(1)
                if not second or not is_word(second[0])
                else match.start(1) + len(first)
            )
            yield "ADDRESS", match.start(1), stop


def _town(text: str, match: re.Match[str], sure: bool) -> Iterator[tuple[str, int, int]]:
    words = match[1].split()
    for count in range(len(words), 0, -1):
        name = " ".join(words[:count]).rstrip(".,")
        if name in towns() or (
            sure and not is_word(words[0].rstrip(".,")) and not is_eponym(words[0])
        ):
            yield "ADDRESS", match.start(1), match.start(1) + len(name)
            return
