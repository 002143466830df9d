"""What labels and questions name, alike in English and German: topics, and words that are none."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import yaml

from inference.language.documents.pairing.words_alike import are_alike
from storage.core.text.normalization import normalized

# A number with its decimals is one word.
_WORD = re.compile(r"[^\W_]+(?:(?<=\d)[.,/](?=\d)[^\W_]+)*#?")
_ENDLESS = "*"
_DATE_OF_DIGITS = re.compile(
    r"(?<![\d.-])(?:(?P<iso>\d{4}-\d{1,2}-\d{1,2})|(?P<dotted>\d{1,2}\.\d{1,2}\.\d{4}))(?![\d-]|\.\d)"
)
_PREFIX = re.compile(r"(?:(?<=\bpre)|(?<=\bpost)|(?<=\bnon))-(?=[a-z])", re.IGNORECASE)
# "Kreatininwert": the value of what stands before it.
_VALUE_OF = re.compile(r"(?<=\w{4})(?:s?werte?s?|s?spiegels?)$")
_LITTLE = 0.15
# What was done, where a question names it beside a thing: "which drug was started".
_PARTICIPLES = 0.3
_AUXILIARY = frozenset(
    "was were is are been be has have had who he she they not patient wurde wurden ist hat".split()
)
DONE = re.compile(r"^\w{3,}ed$|^(?:ge|be|ver|er|ent|(?:ab|an|auf|aus|ein|zu)ge)\w{3,}(?:t|en)$")


@dataclass(frozen=True)
class Topic:
    name: str
    kind: str
    is_column: bool
    is_occasion: bool
    """What a document as a whole is about, which its fields need not name."""
    is_own: bool
    """A measurement of the patient, which a label may also name of something else."""
    is_thing: bool
    """What may have such a measurement of its own."""
    value: re.Pattern[str] | None
    labels: frozenset[str]
    """Labels that name it where they stand alone, and mean little elsewhere."""


@dataclass(frozen=True)
class Unit:
    """A topic, or a word that is of none; `weight`: how much hangs on it."""

    key: str
    weight: float
    topic: Topic | None
    at: int
    """Of its first word in the text."""
    end: int
    is_exact: bool = False
    """Nothing else will do for it: a number, or a letter that tells one thing from another."""


class Opposite(NamedTuple):
    """Words that mean the same, and those that mean another of several."""

    own: frozenset[str]
    others: frozenset[str]


@dataclass(frozen=True)
class _Vocabulary:
    topics: Mapping[str, Topic]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Topic], ...]]
    endless: tuple[tuple[tuple[str, ...], Topic], ...]
    common: frozenset[str]
    generic: frozenset[str]
    beside: frozenset[str]
    """Words beside the name of the patient's own measurement."""
    own: frozenset[str]
    """Names of such measurements of one word."""
    opposites: Mapping[str, Opposite]
    abbreviation: re.Pattern[str]
    compound: re.Pattern[str]
    spelt_out: Mapping[str, str]


def folded(text: str) -> str:
    """In small letters without dots and accents, which OCR loses."""
    plain = normalized("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words_of_text(text: str) -> list[str]:
    return _WORD.findall(folded(_spelt(text)))


def places_of_words(texts: Sequence[str]) -> list[int]:
    """Of each word that units count, which of the texts it is in; they follow each other."""
    found: list[int] = []
    for place, text in enumerate(texts):
        after = texts[place + 1] if place + 1 < len(texts) else ""
        count = len(words_of_text(f"{text} {after}")) - len(words_of_text(after))
        found += [place] * count
    return found


def _day_month_year(found: re.Match[str]) -> str:
    """One way to write a date: "2025-11-03" and "03.11.2025" are one word."""
    year, month, day = found["iso"].split("-") if found["iso"] else found["dotted"].split(".")[::-1]
    return f"{int(day)}.{int(month)}.{year}"


def _spelt(text: str) -> str:
    known = vocabulary()
    text = _DATE_OF_DIGITS.sub(_day_month_year, text)
    text = known.abbreviation.sub(lambda found: known.spelt_out[found.group()], text)
    text = known.compound.sub(lambda found: known.spelt_out[found.group().casefold()], text)
    return _PREFIX.sub("", text.replace("%", " percent "))


def plain_units_of(text: str, *, is_question: bool = False) -> list[Unit]:
    """As `units_of`, word by word."""
    return units_of(text, is_question=is_question, with_topics=False)


def units_of(text: str, *, is_question: bool = False, with_topics: bool = True) -> list[Unit]:
    """In the order of the text. Words that only ask are left out."""
    known = vocabulary()
    text = _spelt(text)
    matches = list(_WORD.finditer(text))
    raw = [match.group() for match in matches]
    words = [folded(word) for word in raw]
    words = [one if one in known.phrases else _VALUE_OF.sub("", one) for one in words]
    found: list[Unit] = []
    at = 0
    while at < len(words):
        size, topic = _longest(words, at) if with_topics else (0, None)
        if topic is not None:
            found.append(Unit(topic.name, 1.0, topic, at, at + size))
            at += size
            continue
        word = words[at]
        # "T-score", and not "A patient".
        is_joined = text[matches[at].end() : matches[at].end() + 1] == "-"
        is_letter = len(word) == 1 and raw[at].isupper() and (at > 0 or is_joined)
        if is_letter or any(sign.isdigit() for sign in word):
            found.append(Unit(word, 1.0, None, at, at + 1, is_exact=True))
        elif word not in known.common and (len(word) > 1 or not is_question):
            weight = _LITTLE if word in known.generic else 1.0
            is_noun = raw[at][:1].isupper() and at > 0
            is_verb = (DONE.match(word) and _is_verb(words, at)) or _is_after_do(words, at)
            if is_question and not is_noun and is_verb:
                weight = min(weight, _PARTICIPLES)
            found.append(Unit(word, weight, None, at, at + 1))
        at += 1
    return _weighed(found) if is_question else found


def _is_after_do(words: list[str], at: int) -> bool:
    """ "What language does the patient speak": a verb at the end."""
    return at + 1 == len(words) > 3 and not {"do", "does", "did"}.isdisjoint(words[1:at])


def _is_verb(words: list[str], at: int) -> bool:
    """ "Which drug was started", and not "the delayed phase"."""
    return at + 1 == len(words) or words[at - 1] in _AUXILIARY


def _weighed(units: list[Unit]) -> list[Unit]:
    """Where verbs are all that a question has, they weigh; beside names they hardly do."""
    if any(unit.weight == 1.0 for unit in units):
        return units
    return [replace(unit, weight=1.0) if unit.weight == _PARTICIPLES else unit for unit in units]


def units_of_label(text: str) -> list[Unit]:
    """As `units_of`; a label such as "Name" alone is the patient's."""
    whole = " ".join(words_of_text(text))
    alone = next((one for one in vocabulary().topics.values() if whole in one.labels), None)
    return [Unit(alone.name, 1.0, alone, 0, 1)] if alone is not None else units_of(text)


def _longest(words: list[str], at: int) -> tuple[int, Topic | None]:
    known = vocabulary()
    best: tuple[int, Topic | None] = (0, None)
    for phrase, topic in (*known.phrases.get(words[at], ()), *known.endless):
        size = len(phrase)
        if size > best[0] and at + size <= len(words) and _is_phrase(words[at : at + size], phrase):
            best = size, topic
    return best


def _is_phrase(words: list[str], phrase: tuple[str, ...]) -> bool:
    return all(
        word.startswith(part[:-1]) if part.endswith(_ENDLESS) else word == part
        for word, part in zip(words, phrase, strict=True)
    )


def same_unit(one: Unit, other: Unit) -> bool:
    if one.topic is not None or other.topic is not None:
        return one.key == other.key
    if one.is_exact or other.is_exact:
        return one.key == other.key
    return are_alike(one.key, other.key, vocabulary().own)


@cache
def vocabulary() -> _Vocabulary:
    file = resources.files("inference.language.documents.pairing") / "data" / "fields.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    topics: dict[str, Topic] = {}
    phrases: dict[str, list[tuple[tuple[str, ...], Topic]]] = {}
    endless: list[tuple[tuple[str, ...], Topic]] = []
    for phrase, topic in _phrases(data["topics"], topics):
        if phrase[0].endswith(_ENDLESS):
            endless.append((phrase, topic))
        else:
            phrases.setdefault(phrase[0], []).append((phrase, topic))
    abbreviations, compounds = data["abbreviations"], data["compounds"]
    return _Vocabulary(
        topics,
        {word: tuple(some) for word, some in phrases.items()},
        tuple(endless),
        frozenset(data["common"].split()),
        frozenset(data["generic"].split()),
        frozenset(data["beside"].split()),
        frozenset(
            word
            for word, some in phrases.items()
            if any(len(phrase) == 1 and topic.is_own for phrase, topic in some)
        ),
        dict(_opposites(data["opposites"])),
        _any_of(abbreviations),
        _any_of(compounds, re.IGNORECASE),
        {**abbreviations, **compounds},
    )


def _opposites(groups: Iterable[Iterable[str]]) -> Iterator[tuple[str, Opposite]]:
    for group in groups:
        several = [frozenset(words.split()) for words in group]
        for own in several:
            others = frozenset().union(*(one for one in several if one is not own))
            for word in own:
                yield word, Opposite(own, others)


def _any_of(words: Iterable[str], flags: int = 0) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", flags)


def _phrases(
    data: Mapping[str, Any], topics: dict[str, Topic]
) -> Iterator[tuple[tuple[str, ...], Topic]]:
    for name, of in data.items():
        value = re.compile(of["value"]) if "value" in of else None
        labels = frozenset(of.get("labels", ()))
        is_column, is_occasion = bool(of.get("is_column")), bool(of.get("is_occasion"))
        is_own, is_thing = bool(of.get("is_own")), bool(of.get("is_thing"))
        topics[name] = Topic(
            name, of["kind"], is_column, is_occasion, is_own, is_thing, value, labels
        )
        for phrase in of["phrases"]:
            yield tuple(str(phrase).split()), topics[name]
