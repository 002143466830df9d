"""Dates in the forms of letters and reports, with and without a year."""

import re
from collections.abc import Iterator

_MONTH = (
    r"(?:Jan(?:uary|uar|\.)?|Feb(?:ruary|ruar|\.)?|Mar(?:ch|\.)?|März|Mrz\.?|Apr(?:il|\.)?|May|Mai"
    r"|June?|Juni|Jun\.|July?|Juli|Jul\.|Aug(?:ust|\.)?|Sept?(?:ember|\.)?|O[ck]t(?:ober|\.)?"
    r"|Nov(?:ember|\.)?|De[cz](?:ember|\.)?|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MON = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
_WEEKDAY = (
    r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day|\.)?"
    r"|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag)"
)
_BEFORE = rf"(?:{_WEEKDAY},?[ \t]+(?:(?:dem|den|the)[ \t]+)?)?"
_FORMS = (
    rf"\b{_BEFORE}(?:the[ \t]+)?{_DAY}(?:st|nd|rd|th|\.)?(?:[ \t]+of)?[ \t-]*{_MONTH}"
    rf"(?:,?[ \t-]*(?:{_YEAR}|'?\d\d(?!\d)))?(?![\w])",
    rf"\b{_BEFORE}{_MONTH}[ \t]+{_DAY}(?:st|nd|rd|th)?(?:,?[ \t]+{_YEAR})?(?![\w.,]*\d|[ \t]?"
    rf"(?:mm|cm|mg))",
    rf"\b{_MONTH},?[ \t]+{_YEAR}\b",
    rf"\b{_BEFORE}{_YEAR}([-./]){_MON}\1{_DAY}\b(?![\w-])",
    rf"(?<![\w.,/-]){_BEFORE}{_DAY}([-./]){_MON}\2(?:{_YEAR}|\d\d)(?![\w/-])",
    rf"(?<![\w.,/-]){_MON}([-./]){_DAY}\3(?:{_YEAR}|\d\d)(?![\w/-])",
    rf"(?<![\w.,/-]){_MON}[/.-]{_YEAR}(?![\w/-])",
    rf"(?<![\w.,/]){_DAY}\.[ \t]?(?:XII|XI|IX|IV|VIII|VII|VI|V|III|II|X|I)\.[ \t]?(?:{_YEAR}"
    rf"|\d\d)?",
    # "11.4." at the end of a sentence is a number.
    rf"(?:(?<=\bam )|(?<=\bvom )|(?<=\bbis )|(?<=\bseit )|(?<=\bzum )|(?<=\bden )){_DAY}\."
    rf"[ \t]?{_MON}\.(?!\d)",
    rf"(?<![\w.,/]){_DAY}\.[ \t]?d\.[ \t]?M\.",
    rf"(?<=\bvom )(?:{_DAY}\.)(?=[ \t]+(?:bis|-|–))",
    rf"(?<![\w.,/-]){_YEAR}{_MON}{_DAY}(?![\w.-])",
    rf"(?:(?<=\bborn )|(?<=\bgeb\. )|(?<=\bgeboren )|(?<=\bJahrgang )|(?<=\bJg\. ))"
    rf"(?:in )?{_YEAR}\b",
    rf"\bJ(?:g\.|ahrgang)[ \t]*{_YEAR}\b|(?<!\w)\*[ \t]?{_YEAR}\b",
    # "9/21" of an examination: of a place it is a segment or a level.
    rf"(?:(?<=\bvom )|(?<=\bfrom )|(?<=\bseit )|(?<=\bsince )|(?<=\bbds\. )|(?<=\bdated )|"
    rf"(?<=\bof ))"
    rf"{_MON}/\d\d(?![\w/])",
)
_PATTERNS = tuple(re.compile(form.replace(r"\2", r"\1").replace(r"\3", r"\1")) for form in _FORMS)


_OF_BIRTH = re.compile(
    r"(?:\b(?:geb(?:\.|oren(?:[ \t]am)?)|born(?:[ \t]on)?|DOB|d\.o\.b\.|Geburtsdatum"
    r"|date[ \t]of[ \t]birth)|(?<!\w)\*)[ \t:]*$",
    re.IGNORECASE,
)
_LABEL_CHARACTERS = 24


def dates(text: str) -> Iterator[tuple[str, int, int]]:
    """Those of birth are of a kind of their own: an examination's may stay, and they may not."""
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - _LABEL_CHARACTERS) : match.start()]
            kind = "BIRTH_DATE" if _OF_BIRTH.search(before) else "DATE"
            yield kind, match.start(), match.end()
