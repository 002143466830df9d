"""Numbers and codes of people, cases, cards and devices, by their labels and by their forms."""

import re
from collections.abc import Iterator

# Groups of a number as people write it; the first or a later one has a digit.
_VALUE = (
    r"((?:[#(+]?(?:[A-Z]{1,4}(?=[ /-]?\d))?[ \t]?)?"
    r"(?=[\w#(+/.-]*\d)[#(+]*[A-Za-z0-9](?:[\w/.()-]*[\w)])?"
    r"(?:(?:[ \t]/[ \t]|[ \t-])(?:[A-Z]{1,3}\b|\(?\d[\w/.()-]*\w|\d+)(?![ \t]?(?:mm|cm|ml|mg|%)))*)"
)
_END = r"\b\.?[ \t]*(?:(?:number|no\.|nr\.?|nummer|id|dienstl\.|privat|mobil)[ \t]*)?[:=#]?[ \t]*"
_PERSON = (
    r"(?:\w*[Pp]olicy|Police|[Pp]assport|[Pp]ass(?:port)?-?[Nn]r|[Ll]icen[cs]e(?:[ \t]plate)?"
    r"|[Dd]river['’]s[ \t]licen[cs]e|[Vv]isit|VISIT|[Oo]rder|[Aa]ccount|[Hh]ospital[ \t]no|GMC"
    r"|NHS|NPI|MRN"
    r"|ACC|SSN|[Aa]ccession|Aktenzeichen|Az|Auftrags?|Auftragsnummer|Aufnahme|Aufnahmenummer|Fall"
    r"|Fallnummer|Personalnummer|SV|AHV|Mitglied(?:snummer)?|[Mm]ember(?:ship)?|Befund-?ID"
    r"|Patienten-?ID|Patient[ \t]ID|PID|Versicherten(?:nummer)?|Versicherung|IBAN|[Ii]nsurance"
    r"|[Cc]ase|[Cc]laim|[Cc]hart|[Rr]eference[ \t]number|Kennzeichen|Ausweis|Steuer-?ID|ID)"
    r"(?:-?(?:Nr|Nummer|No|ID))?"
)
_PHONE = (
    r"(?:[Tt]el(?:efon|ephone)?|[Pp]hone|[Ff]ax|[Pp]ager|[Bb]leep|[Ee]xt(?:ension)?|[Cc]ell"
    r"|[Mm]obile?|Handy"
    r"|Hdy|Rückruf|Rufnummer|Funk|Durchwahl|DW|reached[ \t]at|Rückfragen[ \t]unter|WhatsApp)"
)
_DEVICE = (
    r"(?:[Ss]erial(?:[ \t](?:number|no|nr))?|S/N|SN|[Ss]er\.?-?[Nn]r|Seriennummer|Seriennr"
    r"|Gerätenummer"
    r"|Geräte-?[Nn]r|Gerät|LOT|[Ll]ot(?:[ \t]number)?|Chargen?-?(?:Nr)?|[Bb]atch|REF|Ref"
    r"|[Rr]eference"
    r"|[Aa]sset[ \t]tag|[Ii]nventar(?:nummer)?|INV|STATION|[Ss]tation[ \t]name|UDI|GTIN"
    r"|[Dd]evice[ \t]ID|pump,[ \t]ID|pump|gerät)"
)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ID", re.compile(rf"(?<![\w-]){_PERSON}{_END}{_VALUE}")),
    ("PHONE", re.compile(rf"(?<!\w){_PHONE}{_END}{_VALUE}")),
    (
        "DEVICE",
        re.compile(
            rf"(?<![\w-])(?:\w*(?=gerät))?{_DEVICE}{_END}(?:(?:LOT|SN|REF|INV)[ \t:]*)?{_VALUE}"
        ),
    ),
    # After "Gerät:" and "Röntgengerät" a room stands as well as a number.
    ("DEVICE", re.compile(r"\b\w*[Gg]erät:?[ \t]+((?=\S*[A-Z\d]-)\S*\w(?:[ \t]\d+/\d+)?)")),
    (
        "PHONE",
        re.compile(
            # Six digits at least, whose groups do not run into each other: else a long number were
            # divided in every way there is.
            r"(?<![\w.,])(?=\+?\d(?:[ \t./()-]{0,5}\d){5})(?:\+\d{1,3}|00\d{2,3}|0\d{2,5})\d{0,12}"
            r"(?:[ \t./-]{1,3}\(?\d{1,14}\)?|\(\d{1,14}\)){0,6}(?![\w.,]*\d)"
        ),
    ),
    ("PHONE", re.compile(r"(?<![\w.,])\(\d{2,5}\)[ \t]?\d{3}[ \t-]\d{3,4}\b")),
    ("ID", re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[\dA-Z]{4}){3,7}(?:[ ]?[\dA-Z]{1,3})?\b")),
    ("ID", re.compile(r"(?<![\w.])\d+(?:\.\d+){5,}\b")),
    ("ID", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")),
    ("ID", re.compile(r"(?<![\w.])756\.\d{4}\.\d{4}\.\d{2}\b")),
    # Long numbers, and codes of letters and numbers: nothing that is measured looks like them.
    ("ID", re.compile(r"(?<![\w.,])\d{6,}(?![\w]|[.,]\d)")),
    ("ID", re.compile(r"(?<![\w.,])\d{3}[ ]\d{3}[ ]\d{4}(?![\w.,])")),
    (
        "ID",
        re.compile(
            r"(?<![\w./-])(?=[A-Z\d-]*\d{4})(?=[A-Z\d-]*[A-Z])[A-Z\d]+(?:-[A-Z\d]+)*(?<=[\w-]{7})"
            r"(?![\w/])"
        ),
    ),
    ("ID", re.compile(r"(?<![\w./-])(?=[\w-]*\d{4})[A-Z]{1,4}\d{5,}(?:-\d+)?\b")),
    ("ID", re.compile(r"\b[A-Z]{1,3}\d{3,}/\d{2,4}\b")),
)


def codes(text: str) -> Iterator[tuple[str, int, int]]:
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            yield kind, match.start(group), match.end(group)
