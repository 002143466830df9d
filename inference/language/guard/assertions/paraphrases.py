"""Turns of phrase that say one thing, in the one that the rules read.

Each holds word for word in both directions, of sources and of what is stated of them alike: what
softens, narrows or strengthens stays.
"""

from __future__ import annotations

import re

_PHRASE = r"[^,.;:()]{2,80}?"
_IS_NOT = (
    r"(?:besteh(?:t|en)|bestand(?:en)?|finde[nt] sich|fand(?:en)? sich|erg(?:ibt|eben|ab|aben) sich"
    r"|zeig(?:t|en|te|ten) sich|lieg(?:t|en)|lag(?:en)?|gibt es|gab es|(?:sind|waren|ist|war))"
)
_LENGTH = r"(\d+(?:[.,]\d+)?\s?(?:mm|cm))"
_AXIS = r"((?:(?:maximal|maximum|greatest) )?(?:thickness|diameter|length|width|depth|height))"
# Not before the value of then, `from 2023 (6 mm)`, nor `from 2023 to 2025`.
_THAT_YEAR = r"(?=(?:19|20)\d\d\b(?!\s?(?:\(|to\b|bis\b|[-x%]|mm|cm|ml)))"
# `Less likely representing` is not `likely`.
_NO_DEGREE = "".join(
    rf"(?<!\b{word})"
    for word in "not no never hardly less least more very as equally longer also or than".split()
)
_TURNS = (
    (re.compile(rf"\bmeasuring {_LENGTH} in {_AXIS}\b", re.I), r"with a \2 of \1"),
    (re.compile(rf"\bmeasures {_LENGTH} in {_AXIS}\b", re.I), r"has a \2 of \1"),
    (
        re.compile(rf"\b(unchanged|stable|increased|decreased) from {_THAT_YEAR}", re.I),
        r"\1 since ",
    ),
    (re.compile(rf"\b(?:im )?Vergleich zu {_THAT_YEAR}", re.I), "seit "),
    (re.compile(r"\bum (?=\d+(?:[.,]\d+)?\s?(?:Grad\b|°))"), "von "),
    # `The quadriceps and patellar tendons are both intact`: two things, and no sides.
    (re.compile(rf"\b(and {_PHRASE} (?:are|were|remain|appear)) both\b", re.I), r"\1"),
    (re.compile(rf"\bboth (?=the {_PHRASE} and the )", re.I), ""),
    (re.compile(r"\b(may|might|could) (?:represent|reflect)\b", re.I), r"\1 be"),
    (
        re.compile(
            rf"{_NO_DEGREE},? (possibly|probably|(?:most )?likely) (?:represent|reflect)"
            r"(?:s|ing)?\b",
            re.I,
        ),
        r", \1",
    ),
    (re.compile(r"\b(?:is|are) in contact with\b", re.I), "contacts"),
    (re.compile(r", as before(?=\s?(?:[.,;]|$))", re.I), ", unchanged"),
    (re.compile(r", wie (?:zuvor|vorher|vorbestehend)(?=\s?(?:[.,;]|$))", re.I), ", unverändert"),
    (re.compile(r"\bim kurzen Durchmesser\b", re.I), "in der Kurzachse"),
    (
        re.compile(
            rf"^(Unauffällig|Regelrecht)e Darstellung (?:von|der|des) ({_PHRASE})(?=[.;]?$)"
        ),
        r"\2 unauffällig",
    ),
    (re.compile(r"\b(?:auf|in) (?:der )?Höhe (?:von )?(?=(?:L|C|Th|[BLHS]WK)\s?\d)", re.I), "bei "),
    (re.compile(r"\bat the level of (?=(?:L|C|Th?|S)\d)"), "at "),
    (
        re.compile(r"^(?:the )?appearances? (?:is|are)(?= (?:consistent|compatible)\b)", re.I),
        "findings are",
    ),
    (re.compile(r"\bmit einer (?:Ausdehnung|Größe) von (?=\d)", re.I), "von "),
    (
        re.compile(
            r"\b(?:als|as) ((?:(?:TI|BI|PI|LI|Lung)-?RADS|Bosniak|Fazekas|Modic)[ -][\w -]{1,12}?)"
            r" (?:eingestuft|klassifiziert)\b",
            re.I,
        ),
        r"\1",
    ),
    (
        re.compile(
            r"\b(?:classified|categorized|categorised|graded|rated) as"
            r" (?=(?:(?:TI|BI|PI|LI|Lung)-?RADS|Bosniak|Fazekas|Modic)\b)",
            re.I,
        ),
        "",
    ),
    (re.compile(r"\b(?:mittig|mittelständig)(?=e|en|er|es|\b)", re.I), "mittelständig"),
    (
        re.compile(
            rf"^(?:Hinweise?|Anzeichen|Zeichen) (?:auf|für) ({_PHRASE}) {_IS_NOT} nicht"
            r"(?: vor| nachweisbar| erkennbar)?(?=\s?[.;]?$)",
            re.I,
        ),
        r"Kein Hinweis auf \1",
    ),
    (
        re.compile(
            rf"^Für ({_PHRASE}) {_IS_NOT} kein(?:e|en)? (?:Hinweise?|Anhalt|Anhaltspunkte?"
            r"|Anzeichen|Zeichen)(?=\s?[.;]?$)",
            re.I,
        ),
        r"Kein Hinweis auf \1",
    ),
    (
        re.compile(
            r"\b(?:es gibt |es (?:besteht|bestehen|finden sich|findet sich) )?kein(?:e|en)?"
            r" (?:Anzeichen|Zeichen|Anhalt|Anhaltspunkte?|Hinweise?) (?:für|auf)\b",
            re.I,
        ),
        "Kein Hinweis auf",
    ),
    (
        re.compile(
            rf"\b(?:kann|könnte)n? (?:auch )?((?:einer?|einem) {_PHRASE}) entsprechen\b", re.I
        ),
        r"ist möglicherweise \1",
    ),
)


def in_plain_turns(sentence: str) -> str:
    """Before folding, as `in_one_spelling` is."""
    for form, written in _TURNS:
        sentence = form.sub(written, sentence)
    return sentence
