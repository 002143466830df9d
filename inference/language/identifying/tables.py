"""Columns of tables that say in their header what stands in them: names, births, numbers."""

import re
from collections.abc import Iterator

_DELIMITERS = (";", "|", "\t", ",")
_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "BIRTH_DATE",
        r"geb\w*\.?(?:[ -]?dat\w*\.?)?|geburts\w*|dob|d\.o\.b\.?|birth\w*|date of birth|\*|jg\.?",
    ),
    (
        "NAME",
        r".{0,20}name\w{0,6}|pat\.?|patient(?:in|en)?|surname|forename|first|last|given|family"
        r"|zuw\.?\w*|"
        r"überw\.?\w*|anf\.?|anforderer|arzt|ärztin|operateur\w*|op\.?|ass\.?|untersucher\w*"
        r"|befunder\w*"
        r"|referr\w*|refer\w* (?:dr|by)|consultant|surgeon|operator|doctor|dr\.?|physician"
        r"|reporter"
        r"|radiologist|clinician|hausarzt|ha|gp|kin|nok|kontakt\w*|angehörige\w*|mta|mtra?"
        r"|reported by"
        r"|read by|attending|betreuer\w*|nurse|pflege|seen by|staff|requested by",
    ),
    (
        "ID",
        r"(?:.{0,20}[ .-])?(?:mrn|nhs|id|nr\.?|no\.?|number|nummer)|fall\w*\.?|case|acc\w*\.?"
        r"|#|.{0,20}(?:nr\.?|nummer)"
        r"|versicher\w*|policy|vers\.?|svnr|ssn|hosp\w*|unit no|chart|pid|akz\.?|auftrag\w*",
    ),
    (
        "PHONE",
        r"tel\w*\.?|phone|mobile?|fax|handy|pager|bleep|ext\.?|durchwahl"
        r"|contact(?: no\.?)?",
    ),
    (
        "DATE",
        r"dat\w*\.?|date\w*|day|tag|termin|uhrzeit|zeit|time|scan date|examined|op-dat\w*"
        r"|aufn\.?|entl\.?",
    ),
    (
        "ADDRESS",
        r"ad(?:d)?ress\w*|anschrift|wohnort|ort|plz|town|city|street|straße|strasse|postcode"
        r"|zip|place",
    ),
    (
        "ORGANISATION",
        r"station|ward|klinik|hospital|site|unit|abt\w*\.?|room|zimmer|bed|bett|praxis|employer"
        r"|arbeitgeber|einrichtung|referrer|source|clinic|location",
    ),
)
_COMPILED = tuple((kind, re.compile(form, re.IGNORECASE)) for kind, form in _HEADERS)
_RULE = re.compile(r"[\s|:+=-]*")
_FEWEST_COLUMNS = 3


def tables(text: str) -> Iterator[tuple[str, int, int]]:
    for delimiter in _DELIMITERS:
        yield from _of_delimiter(text, delimiter)


def _of_delimiter(text: str, delimiter: str) -> Iterator[tuple[str, int, int]]:
    kinds: list[str] = []
    position = 0
    for line in text.split("\n"):
        cells = line.split(delimiter)
        if len(cells) < _FEWEST_COLUMNS:
            kinds = []
        elif len(cells) != len(kinds) or _kinds(cells).count("") < kinds.count(""):
            kinds = _kinds(cells)
            # One column that is known may be chance, in a sentence with commas.
            if len(kinds) - kinds.count("") < (3 if delimiter == "," else 2):
                kinds = []
        elif not _RULE.fullmatch(line):
            yield from _row(cells, kinds, position, len(delimiter))
        position += len(line) + 1


def _row(
    cells: list[str], kinds: list[str], position: int, between: int
) -> Iterator[tuple[str, int, int]]:
    for cell, kind in zip(cells, kinds, strict=True):
        value = cell.strip(" \t\"'*")
        if kind and re.search(r"\w", value):
            start = position + cell.index(value)
            yield kind, start, start + len(value)
        position += len(cell) + between


def _kinds(cells: list[str]) -> list[str]:
    return [_kind(cell.strip(" \t\"'*_:")) for cell in cells]


def _kind(header: str) -> str:
    return next((kind for kind, form in _COMPILED if form.fullmatch(header)), "")
