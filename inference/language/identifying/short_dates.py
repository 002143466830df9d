"""Dates without a year, in words and as OCR reads them, and the time of day behind a date."""

import re
from collections.abc import Iterator, Sequence

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MON = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:19|20)\d\d"
_FULL = (
    r"(?:january|february|march|april|june|july|august|september|october|november|december"
    r"|januar|jänner|jaenner|februar|feber|märz|maerz|juni|juli|oktober|dezember)"
)
_MONTH = rf"(?:{_FULL}|may|mai|jan|jän|feb|mar|mrz|apr|jun|jul|aug|sept?|okt|oct|nov|de[cz])\.?"
_WEEKDAY = (
    r"(?:mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|mon|tues?|weds?"
    r"|thurs?|fri|sat|sun|montags?|dienstags?|mittwochs?|donnerstags?|freitags?|samstags?"
    r"|sonnabends?|sonntags?|(?-i:Mo|Di|Mi|Do|Fr|Sa|So))\b\.?"
)
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth"
    r"|twenty[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth"
    r"|thirty[ -]first)"
)
_ORDNUNG = (
    r"(?:(?:ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun)und(?:zwanzig|dreißig)ste[nrs]?"
    r"|(?:erst|zweit|dritt|viert|fünft|sechst|siebt|siebent|acht|neunt|zehnt|elft|zwölft"
    r"|dreizehnt|vierzehnt|fünfzehnt|sechzehnt|siebzehnt|achtzehnt|neunzehnt|zwanzigst"
    r"|dreißigst)e[nrs]?)"
)
_UNIT = r"(?:one|two|three|four|five|six|seven|eight|nine)"
_SPOKEN_YEAR = (
    rf"(?:(?:nineteen|twenty)[ -](?:oh[ ]{_UNIT}|(?:ten|eleven|twelve|\w{{3,5}}teen"
    rf"|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -]{_UNIT})?))"
    rf"|two[ ]thousand(?:(?:[ ]and)?[ ](?:{_UNIT}|twenty(?:[ -]{_UNIT})?|ten|eleven|twelve"
    rf"|\w{{3,5}}teen))?|(?:zweitausend|neunzehnhundert)\w{{0,24}})"
)
_YEARS = rf"(?:,?[ \t]+(?:{_YEAR}|['’]\d\d|{_SPOKEN_YEAR})|[ \t]['’]?\d\d(?=[,.;)\s]|$))?"
_SINCE = (
    r"(?:on|from|since|until|till|by|dated?|before|after|between|of|to|due|seen|admitted"
    r"|discharged|d/c|adm|appt|review|booked|scheduled|am|vom|v\.|bis|seit|zum|den|ab|dem|aufn\."
    r"|aufnahme|entl\.|entlassung|op|termin|kontrolle|datum|date|vor|nach|n\.e\.)"
)
# With points, as German writes them: in English, and behind `bis` or `ab`, that is a measurement.
_SINCE_POINTED = (
    r"(?:am|vom|v\.|seit|zum|den|dem|aufn\.|aufnahme|entl\.|entlassung|termin|kontrolle|datum"
    r"|n\.e\.)"
)
_IN = r"(?:in|since|until|by|of|from|last|next|early|late|mid|im|seit|ende|anfang|mitte|ab|bis)"
_FORMS = (
    # Weekday and day: "Tuesday 10th", "Mittwoch, den 1.".
    rf"\b{_WEEKDAY},?[ \t]+(?:(?:the|den|dem)[ \t]+)?(?:{_DAY}(?:st|nd|rd|th|\.(?!\d))"
    rf"|{_ORDINAL}|{_ORDNUNG}|{_MON}/{_DAY}|{_DAY}[./]{_MON}\b\.?)(?![\w/])"
    rf"(?:[ \t]+(?:of[ \t]+)?{_MONTH}\b{_YEARS})?",
    # "september eighteenth", "second of october twenty twenty five", "dritten märz".
    rf"\b{_MONTH}[ \t]+(?:the[ \t]+)?(?:{_ORDINAL}|{_DAY}(?:st|nd|rd|th)?(?![\w.,]*\d|[ \t]?"
    rf"(?:mm|cm|mg|ml|%)))\b{_YEARS}",
    rf"\b(?:{_ORDINAL}|{_ORDNUNG}|{_DAY}(?:st|nd|rd|th|\.)?)[ \t-]*(?:of[ \t]+)?{_MONTH}(?!\w)"
    rf"(?:[ \t-]*{_YEAR}|{_YEARS})",
    rf"\b{_FULL}[ \t,]+(?:of[ \t]+)?(?:{_YEAR}|['’]\d\d|{_SPOKEN_YEAR})\b",
    rf"\b{_MONTH}[ \t/'’.-]{{1,2}}(?:{_YEAR}|['’]\d\d)\b",
    # A month alone, where a word of time stands before.
    rf"(?<=\b)(?:{_IN})[ \t]+({_FULL})\b",
    r"\b(?:im|seit)[ \t]+(mai)\b|\b(?:in|since|last|next)[ \t]+((?-i:May))\b",
    rf"\b(?:on|since|of|by|until|from|before|after)[ \t]+(the[ \t]+(?:{_DAY}(?:st|nd|rd|th)"
    rf"|{_ORDINAL}))\b(?![ \t]+(?:rib|toe|finger|digit|metatarsal|metacarpal|ventricle|time|day"
    rf"|week|month|year|lumbar|thoracic|cervical|sacral|nerve|intercostal|part|portion|third|line"
    rf"|cranial|stage|degree|branch|trimester|grade|ray|molar|phalanx|opinion|look|hand|half"
    rf"|and))",
    rf"\b{_DAY}\.[ \t]?(?:d[s]?\.|dieses|d\.[ \t]?M\.|lfd\.)(?:[ \t]?(?:M\.|Mts\.|Monats))?",
    rf"\b{_DAY}[./-][ ]?(?:xii|xi|ix|iv|viii|vii|vi|v|iii|ii|i|x)[./-][ ]?"
    rf"(?:{_YEAR}|\d\d)\b",
    rf"\b{_DAY}(?:st|nd|rd|th)(?=[ \t]*(?:,|\.|at\b|@))",
    # Without a year, day first: a comma, a mark or a small letter behind it, or a word of time.
    rf"(?<![\w.,/:-]){_DAY}\.[ \t]?{_MON}\.(?=[,;:)/–-]|[ \t]+(?-i:[(a-zäöü@–-])|[ \t]*\|)"
    rf"(?![ \t]+(?:mm|cm|ml|mg))",
    rf"\b{_SINCE_POINTED}[ \t:]*({_DAY}\.[ \t]?{_MON}\.?)(?![\w%]|[.,]?\d"
    r"|[ \t]?(?:[x×%]|[mc]m|m[lgs]|k?g|T|GBq|MBq|Gy|HU|HE)(?!\w))",
    rf"(?<![\w.,/-])({_DAY}\.(?:[ \t]?{_MON}\.)?)(?=[ \t]?[–-][ \t]?{_DAY}\.[ \t]?{_MON}\.)",
    rf"(?<=[–-]){_DAY}\.[ \t]?{_MON}\.(?:[ \t]?(?:{_YEAR}|\d\d\b))?(?!\d)",
    # With a stroke, and a year or none: no ratio, no level, no strength looks like them.
    r"(?<![\w./-])(?:0[1-9]|1[0-2])/(?:0[1-9]|[12]\d|3[01])(?![\w/%]|[.,]\d|[ \t]?(?:mm|cm|mg"
    r"|ml))",
    rf"(?<![\w./-])(?:1[3-9]|2\d|3[01])/{_MON}(?![\w/%]|[.,]\d|[ \t]?(?:mm|cm|mg|ml))",
    rf"\b{_SINCE}[ \t:]*((?:{_MON}/{_DAY}|{_DAY}/{_MON})(?:/\d\d)?)(?![\w/%]|[.,]\d)",
    rf"(?:^|\n)[^\n/]{{0,40}}?(?<![\w./-])({_DAY}/{_MON})(?=[ \t]+(?:nocte|night|am|pm|late|early"
    r"|at|@|\d{1,4}[:h]?\d\d))",
    # Times and days of the week by themselves.
    r"(?<![\w:.,/-])(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![\w:%]|[.,]\d)(?:[ ]?(?:Uhr|hrs?|h"
    r"|am|pm)\b)?",
    r"(?<![\w:.,/-])(?:[01]?\d|2[0-3])(?:[:.h][0-5]\d)?[ ]?Uhr\b",
    r"\b(?-i:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Montag|Dienstag|Mittwoch"
    r"|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag)\b",
    rf"(?:(?<=[.;:!?] )|(?<=\n)){_DAY}\.[ ]?{_MON}\.(?=[ ])(?![ ](?:mm|cm|ml|mg))",
    # Years alone, seasons, weeks, and ranges.
    rf"\b(?:in|since|from|until|till|circa|ca\.|c\.|anno|im[ ]Jahre?|seit|bis|ab|vor|nach|von"
    rf"|early|late|mid|of"
    rf"|summer|winter|spring|autumn|fall|sommer|herbst|frühjahr|frühling|ende|anfang|mitte"
    rf"|year|jahr|jg\.?)"
    rf"[ -](?:of[ ])?({_YEAR}(?:[/–-]\d\d(?!\d))?)(?![\w%]|[.,]\d|[ ]?(?:mm|ml|mg|cm|g|IE|IU|E"
    rf"|kcal|Gy))",
    rf"\b(?:KW|week|Woche|Wk)[ .]{{0,2}}\d{{1,2}}(?:/\d{{2,4}})\b|\bQ[1-4][ /]{_YEAR}\b",
    rf"(?<=[,(;][ ]){_YEAR}(?=[,.;)])|(?<=[(;]){_YEAR}(?=[,;)])",
    rf"(?<![\w.,/-]){_DAY}[ ]?([./-])[ ]?{_MON}[ ]?\1[ ]?(?:{_YEAR}|['’‘]?\d\d)(?![\w/-])",
    rf"(?<![\w.,/-]){_DAY}\.?[ ]?(?:/|&|\+|und|u\.|and|to|bis|–|-)[ ]?(?={_DAY}(?:st|nd|rd|th"
    rf"|\.)?[ ]{_MONTH}(?!\w))",
    rf"(?<![\w.]){_DAY}[ -]?(?:jan|feb|mar|mrz|apr|may|mai|jun|jul|aug|sep|o[ck]t|nov"
    rf"|de[cz])[ -]?(?:{_YEAR}|\d\d)\b",
    # What OCR makes of digits.
    r"(?<![\w./-])(?=[\dOolIAS]*[\dOolI])(?=\S*\d)[\dOolIAS]{1,2}([/.-])[\dOolIS]{1,2}\1"
    r"(?:[\dOolIS]{4}|[\dOolIS]{2})(?![\w/])",
    rf"\b{_YEAR}-\d\d-\d\dT\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
    r"\b(?:Easter(?:[ \t](?:Sunday|Monday))?|Christmas(?:[ \t](?:Eve|Day))?|Boxing[ \t]Day"
    r"|Thanksgiving|New[ \t]Year['’]?s?(?:[ \t](?:Eve|Day))?|Good[ \t]Friday|Halloween|Ostern"
    r"|Oster(?:sonntag|montag)|Karfreitag|Pfingst(?:en|sonntag|montag)|Weihnachten|Heiligabend"
    r"|Hl\.[ \t]Abend|Silvester|Neujahr|Allerheiligen|Fronleichnam|Christi[ \t]Himmelfahrt"
    r"|Rosenmontag|Aschermittwoch|Independence[ \t]Day|Labor[ \t]Day|Memorial[ \t]Day)\b",
)
_PATTERNS = tuple(re.compile(form, re.IGNORECASE) for form in _FORMS)
_TIME = re.compile(
    r"[ \t]{0,2}(?:,|@|at|um|gegen|ab|-|/|\|)?[ \t]{0,2}"
    r"((?:[01]?\d|2[0-3])(?:[:h]|\.(?=\d\d[ \t]?(?:Uhr|h|\W|$)))"
    r"[0-5]\d(?::[0-5]\d)?(?:[ \t]?(?:am|pm|a\.m\.|p\.m\.|uhr|h|hrs)\b)?"
    r"|(?<=@ )[0-2]\d[0-5]\d\b|(?<=@)[0-2]\d[0-5]\d\b|(?:[01]?\d|2[0-3])[ \t]?(?:am|pm|uhr|h)\b"
    r"|[0-2]\d[0-5]\d(?=[ \t]?(?:hrs|h|uhr)\b))(?![\w]|[.,/]\d)",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b(?:at|um|gegen|@)[ \t]+(?:[01]?\d|2[0-3])[:.][0-5]\d[ \t]?(?:Uhr|h|hrs|am|pm)\b"
    r"(?=[ \t]+(?:am|on)\b)",
    re.IGNORECASE,
)


def short_dates(text: str) -> Iterator[tuple[str, int, int]]:
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            group = 0
            if pattern.groups and r"\1" not in pattern.pattern:
                group = match.lastindex or 0
            yield "DATE", match.start(group), match.end(group)
    for match in _CLOCK.finditer(text):
        yield "DATE", match.start(), match.end()


def times_behind(text: str, ends: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """The time of day that belongs to a date which ends there."""
    for end in ends:
        if match := _TIME.match(text, end):
            yield "DATE", match.start(1), match.end(1)
