"""Wards, rooms, departments with names, employers, and what belongs to an address behind it."""

import re
from collections.abc import Iterator, Sequence

from inference.language.identifying.forms import any_of
from inference.language.identifying.vocabulary import (
    UPPER,
    is_eponym,
    is_ordinary,
    is_word,
    towns,
)

_W = rf"(?:{UPPER}[\w'’&-]{{1,40}}|{UPPER}\w{{0,2}}\.)"
_ID = r"(?:[A-Z]{0,3}&?[A-Z]?[ ]?\d{1,4}[A-Za-z]?(?:[./-]\d{1,3}[a-z]?)?|[A-Z]{1,3})\b"
_NUMBERED = any_of("place_forms", "numbered")
_NAMED = any_of("place_forms", "named")
_GERMAN_NAMED = any_of("place_forms", "german_named")
_COMPOUND_ENDS = any_of("place_forms", "compound_ends")
_DEPARTMENTS = any_of("place_forms", "departments")
_DEPARTMENT_ENDS = any_of("place_forms", "department_ends")
_HOSPITALS = any_of("place_forms", "hospitals")
_WORK = any_of("place_forms", "work")
_GERMAN_WORK = any_of("place_forms", "german_work")
_STATES = any_of("place_forms", "states")
_RARE_STREETS = any_of("place_forms", "rare_streets")
_FORMS: tuple[tuple[str, str], ...] = (
    (
        "ORGANISATION",
        rf"\b{_NUMBERED}[ \t:]{{1,2}}{_ID}"
        rf"(?:[ \t/,]{{1,2}}{_NUMBERED}[ \t:]{{0,2}}{_ID})*(?:[ \t]{_W}(?=[\s,.;)]))?",
    ),
    ("ORGANISATION", rf"\b(?:Ward|Station|Unit|Bay|Suite)[ \t](?!of\b){_W}(?:[ \t]{_W})?"),
    ("ORGANISATION", rf"\b(?:{_W}[ \t]){{1,3}}{_NAMED}\b(?:[ \t]\d?[A-Z]?\b)?"),
    (
        "ORGANISATION",
        rf"\b{_GERMAN_NAMED}[ \t](?:(?:am|an[ ]der|im|in[ ]der|der|des|zum"
        rf"|zur)[ \t])?{_W}(?:[ \t](?:am|an|im)?[ ]?{_W})?",
    ),
    (
        "ORGANISATION",
        rf"\b{UPPER}[\w]{{2,30}}{_COMPOUND_ENDS}-?(?:[ \t-]{_W}){{1,2}}",
    ),
    (
        "ORGANISATION",
        rf"\b{_DEPARTMENTS}\.[ \t]?{_DEPARTMENT_ENDS}\.?\b\.?",
    ),
    (
        "ORGANISATION",
        rf"\b(?:{_W}[ \t]){{1,3}}(?:Sàrl|e\.[ ]?U\.|e\.[ ]?V\.|e\.[ ]?K\.|KGaA|plc"
        rf"|PLC|Co\.|Corp\.?|Bros\.?|& (?:Sons?|Söhne|Co\.?(?: KG)?|{_W}))(?!\w)",
    ),
    ("ORGANISATION", r"\b\d{1,2}[ ]?(?:West|North|South|East|Nord|Süd|Ost)\b"),
    (
        "ORGANISATION",
        rf"\b(?:Uni(?:klinik(?:um)?|spital)?|Frauenklinik|Kinderklinik"
        rf"|Augenklinik|Kinderspital|Univ\.-Kl(?:inik)?\.?)[ ]{_W}",
    ),
    (
        "ORGANISATION",
        rf"\b{_HOSPITALS}(?:[ ][A-ZÄÖÜ][a-zäöü]{{2,20}})?\b",
    ),
    ("ORGANISATION", rf"(?<=&[ ]){_W}(?=[ \t](?:from|in|since|as|for)\b)"),
    # Where somebody works: "driver with Northline Coaches", "Fahrer b. Wr. Linien".
    (
        "ORGANISATION",
        rf"\b{_WORK}(?:[ \t]\w+)?[ \t](?:at|for|by|with|from)[ \t]"
        rf"(?:the[ \t])?({_W}(?:[ \t](?:&|and|of)?[ ]?{_W}){{0,3}})",
    ),
    ("ORGANISATION", rf"\b[Ee]mployer[ \t]*:[ \t]*({_W}(?:[ \t](?:&[ ])?{_W}){{0,3}})"),
    (
        "ORGANISATION",
        rf"\b{_GERMAN_WORK}(?:[ \t]*:|[ \t](?:bei|b\.|beim|im|am|an|in|d\.|der)+)"
        rf"[ \t](?:der[ \t]|dem[ \t]"
        rf"|den[ \t])?({_W}(?:[ \t](?:am[ \t])?{_W}){{0,2}}(?:,[ \t]{_W}[ \t]{_W})?)",
    ),
)
_NAMED_PLACE = re.compile(r"(?:\d\S*[ \t])?([A-ZÀ-Ž][^\d,]*?),?(?:[ ]([A-Z]{2}))?(?:[ ]\d{5})?")
_COMPILED = tuple((kind, re.compile(form)) for kind, form in _FORMS)
_ADDRESS = re.compile(
    rf"\b(?:Flat|Apt\.?|Apartment|Unit|Suite|Lot)[ \t]#?\w{{1,4}},?[ \t](?=\d)"
    r"|\b(?:Hausnummer|Haus[ \t]Nr\.|house[ \t](?:no\.|number))[ \t](\d{1,4}[a-z]?)\b"
    r"(?=[.,;)\n]|$)"
    r"|\b(?:HC|RR(?![ ]\d{2,3}/)|PO[ ]?Box|P\.O\.[ ]Box"
    r"|Rural Route)[ \t]\w{1,5}(?:[ \t]Box[ \t]\w{1,5})?(?:,[ \t][\dOlI]{5})?"
    rf"|\b{UPPER}[\w-]{{1,20}}(?:pl\.|str\.|g\.|platz|gasse|straße|strasse|weg|ring"
    rf"|allee)[ \t]\d{{1,4}}[a-z]?(?:[ \t]?/[ \t]?\w{{1,4}})*"
    rf"|\b(?:D|A|CH|FL|L|F|I|NL|PL|CZ)-\d{{4,5}}\b(?:[ \t]{UPPER}[\w-]{{2,30}})?"
    rf"|\b(?:[Rr]ue|Via|Viale|[Cc]hemin|Allée|Calle|Piazza|Quai|Route|ul\.)[ ](?:(?:de|la|des"
    rf"|du|del|della)[ ]){{0,2}}{_W}(?:[ ]{_W})?(?:[ ]\d{{1,4}}\w?)?"
    # "In der Au 3, 6020 Innsbruck": without a postcode it may be a slice or a rib.
    rf"|\b(?:Im|In[ ]der|In[ ]den|Auf[ ]der|An[ ]den|Beim|Hinterm?|Unterm?|Oberm?"
    rf"|Vor[ ]dem)[ ](?:{_W}[ ])?[A-ZÄÖÜ][a-zäöüß]{{3,20}}[ ]\d{{1,3}}[a-z]?(?=,[ ]\d{{4,5}}[ ])"
    rf"|(?:(?<=of )|(?<=at )|(?<=, )|(?<=: )|(?<=\n))\d{{1,4}}[a-zA-Z]?[ ]"
    rf"(?:{UPPER}[a-z]{{3,20}}[ ]?){{1,3}}(?=,[ ]{UPPER}[a-z]{{3,}})"
    r"|(?<=, )\d{5}(?=[,.;)\n]|$)|\b[A-Z]{1,2}\d{1,2}[A-Z]?[ ]{0,2}\d[A-Z]{2}\b"
    rf"|\b{UPPER}[a-z]{{2,20}}(?:[ ]{UPPER}[a-z]{{2,20}})?,?[ ]{_STATES}(?=[,.;)\s])(?:[ ]\d{{5}})?"
    rf"|\b\d{{1,4}}(?:/\d{{1,3}})?[ \t](?:{_W}[ \t]){{1,3}}{_RARE_STREETS}\b",
)
# Stations of lymph nodes are numbered as wards are.
_OF_NODES = re.compile(r"lymph|node|LK|mediast|hil[aäu]|axill|subcarin|paratrache", re.IGNORECASE)
_AROUND = 60
_LETTERED = frozenset("Endoscopy Endoskopie Ambulanz Clinic Theatre Bay Ward Room Zimmer".split())
_TAIL = re.compile(
    rf"(?:\.[ \t]\d{{1,3}}\b(?!\.))?(?:[ \t]?[,/][ \t]?(?:(?:\d\.[ \t]?(?:OG|Stock|Etage)|EG"
    rf"|DG|Stg\.?|Stiege|Tür|Top|Whg\.?|App\.?|Hs\.?|c/o|Haus)[ \t]?\w{{0,3}}"
    rf"|\d{{4,5}}\b(?:[ \t]{UPPER}[\w-]{{2,30}})?"
    rf"|\d{{1,3}}\b(?!\.\d)))+(?:[ \t](?:b\.|bei|c/o)[ \t]{_W})?(?:,[ \t]\d{{4,5}}\b)?",
)


def _is_medical(named: re.Match[str]) -> bool:
    """ "Chest PA", "Breast CA", "4 Chamber View": no street and no town of a state."""
    words = re.findall(r"[^\W\d_]{2,}", named[1])
    if named[2] and not re.search(r",|\d{5}$", named[0]):
        return named[1] not in towns()
    return bool(words) and all(is_word(word) or is_ordinary(word) for word in words)


def wards(text: str) -> Iterator[tuple[str, int, int]]:
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            group = 1 if match.lastindex else 0
            words = re.findall(r"[^\W\d_]{2,}", match[group])
            if words[:1] == ["Station"] and _OF_NODES.search(
                text[max(0, match.start() - _AROUND) : match.end() + _AROUND]
            ):
                continue
            # "Level L5", "Unit II": of the body or of a scale, where all words are of medicine.
            if (
                words
                and words[0] not in _LETTERED
                and all(is_word(word) or is_eponym(word) for word in words)
                and not re.search(r"\d", match[group])
            ):
                continue
            yield kind, match.start(group), match.end(group)
    for match in _ADDRESS.finditer(text):
        if (named := _NAMED_PLACE.fullmatch(match[0])) and _is_medical(named):
            continue
        group = 1 if match.lastindex else 0
        yield "ADDRESS", match.start(group), match.end(group)
        yield from address_tails(text, [match.end(group)])


def address_tails(text: str, ends: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """Stairs, doors, postcodes behind a street, and with whom somebody lives there."""
    for end in ends:
        if match := _TAIL.match(text, end):
            yield "ADDRESS", match.start(), match.end()
