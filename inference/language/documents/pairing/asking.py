"""What a question about a document asks for: a kind of value, and what it belongs to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.language.documents.pairing.topics import (
    DONE,
    Unit,
    folded,
    plain_units_of,
    same_unit,
    units_of,
    words_of_text,
)
from inference.language.guard.numbers.dates import find_dates
from inference.language.identifying.vocabulary import is_first_name

_ASKS_WHEN = (
    r"^(?:(?:on|at|since|until|from|by) )?(?:when|what time|what date|which date|which day)\b"
    r"|^at (?:what|which) time\b|^(?:(?:seit|bis|ab|von) )?wann\b|^an welchem (?:tag|datum)\b"
    r"|^um wie ?viel uhr\b|^since when\b"
)
_ASKS_NUMBER = (
    r"\bhow (?:much|many|high|tall|heavy|old|large|big|long|low|fast|thick|wide|deep)\b"
    r"|\bwie ?viele?\b|\bwie (?:hoch|schwer|gross|alt|lang|lange|niedrig|tief|dick|breit|weit)\b"
    r"|^what (?:is|was|are|were) the (?:\w+ ){0,2}"
    r"(?:length|width|volume|diameter|thickness|depth|area|weight|pressure|temperature)\b"
)
_VERBS = (
    "is are was were does do did has have had can could should will ist sind war waren hat haben"
    " hatte besteht bestehen bestand nimmt nahm liegt liegen lag wird wurde wurden gibt gab leidet"
    " raucht trinkt kann darf soll tragt kam konnte muss"
)
_KINDS = (
    ("person", r"^(?:who|whom|by whom|wer|wen|wem|von wem|durch wen)\b"),
    ("person", r"^(?:which|welcher?) \w*(?:doctor|physician|nurse|surgeon|ologist|arzt|arztin)\b"),
    ("date", _ASKS_WHEN),
    ("place", r"^(?:where|wo|in welchem|in welcher)\b"),
    ("number", _ASKS_NUMBER),
    ("yes_no", rf"^(?:{'|'.join(_VERBS.split())})\b"),
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|mär|maerz|marz|okt|dez)[a-zä]*\.?"
_MONTH_ALONE = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember)"
)
DATE = re.compile(
    rf"\b\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}\b|\b\d{{1,2}}-\d{{1,2}}-\d{{4}}\b|\b\d{{1,2}}[./]\s?\d{{1,2}}[./]\s?\d{{2,4}}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)?[ -]{_MONTH}[ -]?,?\s?\d{{2,4}}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)? {_MONTH_ALONE}\b"
    rf"|\b{_MONTH} \d{{1,2}},? \d{{4}}\b|\b{_MONTH} \d{{4}}\b|\b(?:0?\d|1[0-2])/\d{{4}}\b",
    re.IGNORECASE,
)
_NUMERAL = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|zwei|drei|vier|fünf|sechs|sieben"
    r"|acht|neun|zehn|elf|zwölf|einer|einem|einen|a few|several|einigen)"
)
SPAN = re.compile(
    rf"\b(?:\d+|{_NUMERAL})\s(?:to \d+ |bis \d+ )?"
    r"(?:minute|hour|day|week|month|year|minuten?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?)s?\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"\b\d{1,2}:\d{2}\b|\b(?:19|20)\d{2}\b|\b\d{1,2} (?:uhr|am|pm)\b", re.IGNORECASE)
_WHENEVER = re.compile(
    r"\b(?:today|tomorrow|yesterday|heute|morgen|gestern|monday|tuesday|wednesday|thursday|friday"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|gleich|sofort)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"(?<![\w.,])[<>≤≥~±]?\s?\d+(?:[.,/]\d+)*(?:\s?(?:%|°\s?C|[a-zA-Zµμ]+(?:[/*·^][\w²³^]+)*))?",
    re.UNICODE,
)
_NUMERALS = re.compile(rf"\b{_NUMERAL}\b", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:Dr|Prof|Mr|Mrs|Ms|Herrn?|Frau|Miss|Sister|Nurse)\b\.? ?(?:med\b\.? ?)?[A-ZÄÖÜ]"
    r"|\bM\.?D\.?\b"
    r"|\b[A-Z]\. ?[A-ZÄÖÜ]\w+"
)
_NAMES = re.compile(r"\b([A-ZÄÖÜ][a-zäöüß]+)(?:-[A-ZÄÖÜ][a-zäöüß]+)? [A-ZÄÖÜ][\w.-]+")
_WHICH_WORD = re.compile(r"which|what|welche[rnms]?")
_WHICH = re.compile(r"^(?:\w+ )?(?:which|welche[rnms]?)\b|^what (?!is|are|was|were)")
_LITTLE = 0.15
# Verbs of taking and giving.
_LIGHT = frozenset(("nimmt", "taken", "take", "takes", "nehmen", "given", "bekommt", "gets"))
_NAME = re.compile(r"\b[^\W\d_][-'\w.]*", re.UNICODE)


@dataclass(frozen=True)
class Asked:
    kind: str
    """person, date, place, number, yes_no, code, or open."""
    units: tuple[Unit, ...]
    text: str
    subject: tuple[Unit, ...] = ()
    """Of the document's title, which its fields need not name again."""

    @property
    def names_thing(self) -> bool:
        """ "Which drug", "how much": yes is no answer."""
        return self.kind in ("person", "date", "place", "number", "code") or bool(
            _WHICH.match(folded(self.text))
        )

    @property
    def weight(self) -> float:
        return sum(unit.weight for unit in self.units)


def read_asked(question: str) -> Asked:
    for one in reversed(find_dates(question)):
        # Slashes are read in two ways.
        if one.day and "/" not in question[one.start : one.end]:
            written = f"{one.day}.{one.month}.{one.year}"
            question = question[: one.start] + written + question[one.end :]
    plain = folded(question).strip()
    kind = next((kind for kind, pattern in _KINDS if re.search(pattern, plain)), "open")
    units = units_of(question, is_question=True)
    if kind == "open":
        of = next((unit.topic.kind for unit in units if unit.topic is not None), "open")
        kind = of if of in ("date", "number", "code") else "open"
    return Asked(kind, tuple(_by_weight(kind, units, question)), question)


def word_by_word(asked: Asked) -> Asked:
    """Without topics: labels may have the very words."""
    units = plain_units_of(asked.text, is_question=True)
    weighed = _by_weight(asked.kind, units, asked.text)
    return replace(asked, units=_less_for(asked.subject, weighed))


def of_document(asked: Asked, title: str) -> Asked:
    """As it is asked of a document with this title."""
    subject = (*units_of(title), *plain_units_of(title))
    return replace(asked, units=_less_for(subject, asked.units), subject=subject)


def _less_for(subject: Sequence[Unit], units: Sequence[Unit]) -> tuple[Unit, ...]:
    is_of = [any(same_unit(unit, one) for one in subject) for unit in units]
    if not any(unit.weight == 1.0 and not of for unit, of in zip(units, is_of, strict=True)):
        return tuple(units)
    return tuple(
        replace(unit, weight=min(unit.weight, 0.5)) if of else unit
        for unit, of in zip(units, is_of, strict=True)
    )


def _by_weight(kind: str, units: Sequence[Unit], question: str) -> list[Unit]:
    verb = _verb_of(kind, units, question)
    chief = [verb] if verb else [one for one in units if _is_chief(kind, one)]
    if chief:
        # "Who completed the summary": what was completed hardly matters.
        units = [
            replace(one, weight=1.0) if one in chief else replace(one, weight=min(one.weight, 0.3))
            for one in units
        ]
    return _weighed(kind, units, question)


def _is_chief(kind: str, unit: Unit) -> bool:
    return kind == "person" and unit.topic is not None and unit.topic.kind == "person"


def _verb_of(kind: str, units: Sequence[Unit], question: str) -> Unit | None:
    """ "Who injected the contrast", "wer hat den Befund freigegeben": what was done tells."""
    words = words_of_text(question)
    is_why = any(one.key == "reason" for one in units)
    if not (kind == "person" or is_why) or any(_is_chief(kind, one) for one in units):
        return None
    is_german = bool(words) and words[0] in ("wer", "wen", "wem", "von", "durch")
    at = len(words) - 1 if is_german or is_why else 2 if words[0] == "which" else 1
    one = next((unit for unit in units if unit.at == at and unit.topic is None), None)
    if one is None or (one.weight <= _LITTLE and any(two.weight > _LITTLE for two in units)):
        return None
    # German nouns are written with a capital.
    is_verb = question.rsplit(maxsplit=1)[-1].islower() if is_german else bool(DONE.match(one.key))
    return one if is_verb else None


def _weighed(kind: str, units: Sequence[Unit], question: str) -> list[Unit]:
    """Less for what is counted, how it is measured, and the occasion, beside what they are of."""
    words = words_of_text(question)
    found: list[Unit] = []
    for one in units:
        before = tuple(words[max(one.at - 2, 0) : one.at])
        is_counted = before[-1:] in (("viele",), ("many",), ("wieviele",), ("wieviel",))
        is_size = before[-1:] in (("wie",), ("how",)) and kind == "number"
        is_occasion = one.topic is not None and one.topic.is_occasion
        others = any(other is not one and other.weight == 1.0 for other in units)
        if others and one.topic is None and (is_counted or is_size):
            found.append(replace(one, weight=_LITTLE))
        elif others and is_occasion:
            found.append(replace(one, weight=0.5))
        else:
            found.append(one)
    return found


def without_kind(asked: Asked) -> Asked:
    """What a value belongs to, without the name of its kind: of "dose of X", X."""
    units = tuple(
        one
        for one in asked.units
        if one.key not in _LIGHT and (one.topic is None or not one.topic.is_column)
    )
    if asked.kind == "person":
        units = tuple(one for one in units if one.weight == 1.0)
    return replace(asked, units=units) if asked.kind in ("number", "person") and units else asked


def in_text(asked: Asked) -> Asked:
    """As it is asked of running text, where no columns are: "the result of the MRI"."""
    words = words_of_text(asked.text)
    others = sum(one.weight == 1.0 for one in asked.units) > 1

    def is_type(one: Unit) -> bool:
        """Of "which drug is she allergic to", the drug."""
        before = words[one.at - 1] if 0 < one.at <= len(words) else ""
        return others and bool(_WHICH_WORD.fullmatch(before))

    units = tuple(
        replace(one, weight=min(one.weight, 0.3))
        if (one.topic is not None and one.topic.is_column) or is_type(one)
        else one
        for one in asked.units
    )
    return replace(asked, units=units)


def names_person(text: str) -> bool:
    """By a title, or by a first name: "Computed Tomography" has capitals, too."""
    return bool(_PERSON.search(text)) or any(
        is_first_name(found[1]) for found in _NAMES.finditer(text)
    )


def fits(asked: Asked, value: str) -> bool:
    """Whether the value is of the kind that is asked for."""
    if asked.kind == "date":
        return is_time(value)
    if asked.kind == "number":
        return bool(re.search(r"\d", value) or _NUMERALS.search(value))
    if asked.kind == "code":
        return bool(re.search(r"\d|@", value))
    if asked.kind == "person":
        words = [word for word in _NAME.findall(value) if word[:1].isupper()]
        return bool(words) and not DATE.fullmatch(value.strip())
    return True


def is_time(value: str) -> bool:
    return any(one.search(value) for one in (DATE, SPAN, _TIME, _WHENEVER))
