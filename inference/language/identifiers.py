"""What identifies a person in a text: by patterns, by the study's header, by a model.

Patterns follow the eighteen kinds of 45 CFR 164.514(b)(2) as far as they stand in reports.
A word that no rule and no model knows stays: the answer says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from inference.language import identifying

MONTHS = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|jun[ei]?|jul[yi]?"
    r"|aug(?:ust)?|sep(?:t(?:ember)?)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
# Each repetition has an end: texts are long, and a match is tried at each of their words.
_NAME = r"[A-ZÀ-ÖØ-Ý][\w'’-]{1,63}"
_PARTICLES = r"(?:(?:van|von|de|der|den|la|le|di|el|al|bin)[ \t]+){0,4}"
_NAMES = rf"{_NAME}(?:[ \t]+{_PARTICLES}(?:[A-Z]\.[ \t]*)?{_NAME}){{0,3}}"
_NO_EXAMINATION = r"(?!(?:CT|MRT?|MRI|PET|XR|DX|US)\b)"
_LABEL_END = r"[ \t]*(?:[:=#][ \t]*|[ \t])"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("EMAIL", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")),
    ("URL", re.compile(r"\bhttps?://\S+|\bwww\.\S+", re.IGNORECASE)),
    ("ID", re.compile(r"\b\d{3}-\d{2}-\d{4}\b")),
    (
        "ID",
        re.compile(
            rf"\b(?:MRN|medical record(?: number| no\.?)?|patient[ -]?(?:id|no\.?|number)"
            rf"|pat\.?-?nr\.?|accession(?: number| no\.?)?|case (?:no\.?|number)|fall-?nr\.?"
            rf"|fallnummer|versichertennummer|insurance (?:no\.?|number)|SSN|account(?: no\.?"
            rf"| number)?|NHS(?: number| no\.?)?){_LABEL_END}"
            r"((?=[\w./-]*\d)[A-Za-z0-9](?:[\w./-]*\w)?)",
            re.IGNORECASE,
        ),
    ),
    (
        "DATE",
        re.compile(
            rf"\b(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}[/.]\d{{1,2}}[/.](?:\d{{4}}|\d{{2}})"
            rf"|{MONTHS}\.?[ \t]+\d{{1,2}}(?:st|nd|rd|th)?,?[ \t]+\d{{4}}"
            rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?[ \t]+{MONTHS}\.?,?[ \t]+\d{{4}})(?![\w/-])",
            re.IGNORECASE,
        ),
    ),
    (
        "PHONE",
        re.compile(
            # Not a date.
            r"(?!\d{4}-\d{1,2}-\d{1,2}\b)"
            r"(?:(?:tel|phone|fax|pager|telefon|mobile|call)\b\.?[ \t:]*)?"
            r"(?:\+\d{1,3}[ \t.-]?(?:\(0\))?|\(\d{2,5}\)[ \t]?|\b\d{3,5}[-.]|\b0\d{2,4}[ /])"
            r"\d{2,4}[ \t.-]?\d{2,8}(?:[ \t.-]\d{2,5})?\b",
            re.IGNORECASE,
        ),
    ),
    (
        "NAME",
        re.compile(
            rf"\b(?:Dr|Prof|Mr|Mrs|Ms|Miss|Herr|Herrn|Frau|Nurse|Sr|Schwester)\b\.?"
            rf"(?:[ \t]+(?:Dr|med|Prof)\.?){{0,4}}[ \t]+({_NAMES})"
        ),
    ),
    (
        "NAME",
        re.compile(
            rf"\b(?:Patient(?:[ ]?name)?|Name|Referring physician|Requested by|Reported by|Read by"
            rf"|Dictated by|(?:Electronically )?[Ss]igned by|Radiologist|Attending|Überweiser"
            rf"|Befunder)[ \t]*[:=][ \t]*{_NO_EXAMINATION}({_NAMES}(?:,[ \t]*{_NAME})?)"
        ),
    ),
    # As DICOM and HL7 write names.
    ("NAME", re.compile(rf"\b{_NAME}\^{_NAME}(?:\^[\w.'-]{{0,64}}){{0,4}}")),
    (
        "ADDRESS",
        re.compile(
            r"\b\d{1,5}[ \t]+(?:[A-Z][\w'-]+[ \t]+){1,3}"
            r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Boulevard|Blvd|Way|Court)\b\.?"
            r"|\b[A-ZÄÖÜ][a-zäöüß-]+(?:straße|strasse|str\.|weg|allee|platz)[ \t]+\d{1,4}[a-z]?\b"
        ),
    ),
    (
        "AGE",
        re.compile(r"\b(?:9\d|1[0-4]\d)[ -]?(?:years?|yrs?|y)[ -]?(?:old|of age|/?o)\b", re.I),
    ),
)

_DIRECT = frozenset({"NAME", "ID", "EMAIL", "PHONE", "ADDRESS", "BIRTH_DATE", "URL"})
"""What is taken out before a model reads: dates of studies are evidence, and stay."""

_MODEL_KINDS = {
    "PER": "NAME", "PERSON": "NAME", "NAME": "NAME", "PATIENT": "NAME", "DOCTOR": "NAME",
    "STAFF": "NAME", "HCW": "NAME", "DATE": "DATE", "AGE": "AGE", "ID": "ID", "IDNUM": "ID",
    "MEDICALRECORD": "ID", "PHONE": "PHONE", "EMAIL": "EMAIL", "URL": "URL", "LOC": "ADDRESS",
    "LOCATION": "ADDRESS", "HOSP": "ADDRESS", "HOSPITAL": "ADDRESS", "ORG": "ORGANISATION",
    "VENDOR": "ORGANISATION", "ADDRESS": "ADDRESS",
}  # fmt: skip


# Where a word or mark begins, and a value may.
_FIRST = re.compile(r"(?<!\w)(?:\w+|[^\w\s])")
_WORD = re.compile(r"\w")
_TRUST = {"header": 0, "pattern": 1, "model": 2}


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a text, what they are, and who says so."""

    start: int
    end: int
    kind: str
    source: Literal["pattern", "header", "model"]


def by_patterns(text: str) -> Iterator[Span]:
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            yield Span(match.start(group), match.end(group), kind, "pattern")


def by_context(text: str, *, is_released: bool = False) -> Iterator[Span]:
    """More than the patterns find, by labels, roles, first names and towns (`identifying`)."""
    for kind, start, end in identifying.by_context(text, is_released=is_released):
        yield Span(start, end, kind, "pattern")


def by_header(text: str, values: Mapping[str, Iterable[str]]) -> Iterator[Span]:
    """`values` are those of the study's header by kind (`header_values`).

    A name is found capitalised only: Mr Brown's report may speak of brown fluid. The text is read
    once, however many values a header has; of several that begin at one place the longest counts.
    """
    kinds: dict[str, str] = {}
    for kind, some in values.items():
        for value in some:
            for spelling in (value, value.capitalize(), value.title(), value.upper()):
                kinds.setdefault(spelling, kind)
    lengths: dict[str, set[int]] = {}
    for spelling in kinds:
        if first := _FIRST.match(spelling):
            lengths.setdefault(first.group(), set()).add(len(spelling))
    longest_first = {first: sorted(some, reverse=True) for first, some in lengths.items()}
    for match in _FIRST.finditer(text):
        start = match.start()
        for length in longest_first.get(match.group(), ()):
            end = min(start + length, len(text))
            kind_found = kinds.get(text[start:end])
            if kind_found is not None and not _WORD.match(text, end):
                yield Span(start, end, kind_found, "header")
                break


def by_model(text: str, entities: Iterable[Mapping[str, object]]) -> Iterator[Span]:
    """From what a token classifier found (`entity_group`, `start`, `end`)."""
    for entity in entities:
        label = str(entity.get("entity_group") or entity.get("entity") or "").upper()
        label = label.removeprefix("B-").removeprefix("I-")
        if label in ("", "O", "LABEL_0"):
            continue
        start, end = int(str(entity["start"])), int(str(entity["end"]))
        # Byte-level tokenizers count the space before a word in.
        start += len(text[start:end]) - len(text[start:end].lstrip())
        if end > start:
            yield Span(start, end, _MODEL_KINDS.get(label, label), "model")


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order, without overlaps: spans that overlap become one, of the longest one's kind.

    Of equal ones the header's word counts, then the pattern's, which knows the kind exactly.
    """
    result: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end, _TRUST[one.source])):
        last = result[-1] if result else None
        if last is None or span.start >= last.end:
            result.append(span)
        elif span.end > last.end:
            longest = max(last, span, key=lambda one: one.end - one.start)
            result[-1] = Span(last.start, span.end, longest.kind, longest.source)
    return tuple(result)


def replaced(text: str, spans: Iterable[Span]) -> str:
    """The text with [NAME], [DATE] and so on in place of the spans."""
    parts, position = [], 0
    for span in spans:
        parts += [text[position : span.start], f"[{span.kind}]"]
        position = span.end
    return "".join([*parts, text[position:]])


def without_identifiers(text: str, values: Mapping[str, Iterable[str]]) -> str:
    """For a model's eyes: who somebody is is gone, and what was measured when is still there."""
    spans = [*by_patterns(text), *by_context(text), *by_header(text, values)]
    return replaced(text, merged(one for one in spans if one.kind in _DIRECT))
