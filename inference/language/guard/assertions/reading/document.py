"""A source text as assertions, each with its sentence and what the headings above it say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inference.language.guard.assertions.assertion import Assertion, Place
from inference.language.guard.assertions.places import WIDE, known_above
from inference.language.guard.assertions.reading.history import (
    HISTORY,
    LABEL,
    histories_of,
    history_within,
    stands,
)
from inference.language.guard.assertions.reading.items import holds_number, itemise
from inference.language.guard.assertions.reading.lines import LONGEST_SENTENCE, Line, lines_of
from inference.language.guard.assertions.reading.parse import Context, Parsed, parse
from inference.language.guard.assertions.reading.unknown_words import (
    undoes,
    unread_of_heading,
)
from inference.language.guard.characters import folded, hidden_or_foreign
from inference.language.guard.evidence import SourceText
from inference.language.guard.french.sentences import in_english, is_french
from inference.language.guard.headings import names_no_finding_above
from inference.language.guard.instructions import instructs
from inference.language.guard.numbers.dates import FoundDate, dicom_date, find_dates
from inference.language.guard.patient import without_patient
from inference.language.guard.reading import read
from inference.language.guard.scope import BOTH_SIDES
from inference.language.guard.sentences import split_sentences
from inference.language.guard.verdict import SourceSpan

PRIOR = "prior"
MOST_TRIGGERS = 12
"""Denials and doubts of one sentence; of more, none can tell what is meant."""
_LOCATIONS = frozenset(("location", "site", "lage", "lokalisation"))
_COMPARISONS = frozenset(
    ("comparison", "prior", "compared with", "vergleich", "voruntersuchung", "voruntersuchungen")
)
_LONGEST_HEADING = 70
_LONGEST_TITLE = 160
_LONGEST_HEADING_WORDS = 4
_PRONOUN = re.compile(r"^(?:It|They|This|These|Sie|Er|Es|Diese[rs]?)\s", re.IGNORECASE)


@dataclass(frozen=True)
class SourceSentence:
    """One sentence of a source."""

    span: SourceSpan
    assertions: tuple[Assertion, ...]
    context: Context
    history: bool = False
    """It stands under a heading of the history, the question or the technique."""
    unfounded: bool = False
    """It tells of the history, the question or an examination before without saying so itself."""
    concepts: frozenset[str] = frozenset()
    """All that it and its headings name, however they are put together."""
    undoes: bool = False
    """It may take back what the sentence before says."""
    taken_back: bool = False
    """The sentence behind it may take it back; it supports nothing."""


def sentences_of(source: SourceText) -> list[SourceSentence]:
    """Every sentence of a source that may support one."""
    found: list[SourceSentence] = []
    for one in _sentences(source):
        before = found[-1] if found else None
        if before is not None and one.undoes and _goes_on(before, one, source.text):
            found[-1] = replace(before, assertions=(), taken_back=True)
        found.append(one)
    return found


def _goes_on(before: SourceSentence, one: SourceSentence, text: str) -> bool:
    """Whether no heading stands between two sentences, and no blank line."""
    return (
        before.context == one.context
        and not text[before.span.end : one.span.start].strip(" \t\n*-.")
        and "\n\n" not in text[before.span.end : one.span.start]
    )


def _sentences(source: SourceText) -> Iterator[SourceSentence]:
    french = is_french(source.text)
    written, lines = lines_of(source.text), _lines_of(source)
    located = _located(lines)
    title = _title_of(lines)
    above, ordered_at, histories = Context(), -1, histories_of(lines, is_heading)
    titled = _title_at(lines)
    for position, match in enumerate(lines):
        line, own_line = match.text, written[position].text
        # What follows an order in its paragraph is what it wants to be stated.
        if line.strip() and (instructs(own_line) or match.start == ordered_at):
            ordered_at = match.end + 1
            continue
        if not line.strip() or hidden_or_foreign(own_line) is not None:
            continue
        if is_heading(lines, position):
            above = _context_of(line.strip().rstrip(":"))
            if position == titled:
                # What a title names is known of all that follows, and restricts nothing.
                above = Context()
            continue
        label, own_label = LABEL.match(line), LABEL.match(own_line)
        here, start = above, match.start
        if label is not None and own_label is not None and not holds_number(label.group(1)):
            own = _context_of(label.group(1))
            around = Context() if _is_location(label) else located[position]
            here = _together(above, around, own)
            start += own_label.end()
        yield from _of_line(source, start, match.end, here, histories[position], title, french)


def _lines_of(source: SourceText) -> list[Line]:
    """The lines as the rules read them, at the places where they are written."""
    french = is_french(source.text)
    return [
        replace(one, text=in_english(one.text, french)) if french else one
        for one in lines_of(source.text)
    ]


def _title_at(lines: Sequence[Line]) -> int:
    """The first line, where it names the examination: it need not be understood."""
    first = next((at for at, one in enumerate(lines) if one.text.strip()), -1)
    if first < 0 or lines[first].text.rstrip().endswith(":"):
        return -1
    if len(lines[first].text.strip()) > _LONGEST_HEADING:
        return -1
    mentions = [one for item in itemise(lines[first].text).items for one in item.mentions]
    return first if any(one.category == "modality" for one in mentions) else -1


def _title_of(lines: Sequence[Line]) -> Place:
    """`MRI RIGHT KNEE`: what the first line says that the whole text is of."""
    first = next((one.text.strip() for one in lines if one.text.strip()), "")
    if _is_mammogram(first):
        return Place(frozenset(("breast",)))
    if ":" in first or len(first) > _LONGEST_HEADING or _states_something(first):
        return Place()
    place = _context_of(first.rstrip(".")).place
    return replace(place, sides=frozenset()) if place.sides == BOTH_SIDES else place


def _is_mammogram(line: str) -> bool:
    """Whether a title names an examination of the breasts alone."""
    if len(line) > _LONGEST_TITLE or _states_something(line):
        return False
    mentions = [one for item in itemise(line).items for one in item.mentions]
    return any(one.concept == "MG" for one in mentions)


def _states_something(line: str) -> bool:
    """Whether it is more than a title: `CT. Mass of the spleen.`"""
    mentions = [one for item in itemise(line).items for one in item.mentions]
    stated = any(one.category in ("thing", "property", "change", "relation") for one in mentions)
    return stated or len(split_sentences(line)) > 1


def _of_line(
    source: SourceText,
    start: int,
    end: int,
    context: Context,
    history: str,
    title: Place,
    french: bool,
) -> Iterator[SourceSentence]:
    named, first = "", True
    for begin, stop in split_sentences(source.text[start:end]):
        if stop - begin > LONGEST_SENTENCE:
            continue
        written = source.text[start + begin : start + stop]
        written = in_english(written, otherwise=True) if french else written
        history = history_within(written, history)
        if sum(word.entry.category == "trigger" for word in read(written).words) > MOST_TRIGGERS:
            continue
        here = context if first else _for_later(context, written)
        parsed = _parsed(without_patient(written), named, here)
        named = parsed.head or named
        # A sentence of which a part is not understood supports nothing but itself.
        assertions = () if parsed.not_understood else parsed.assertions
        if context.listed and not parsed.not_understood:
            # `Liver and spleen: no focal lesion` says it of each.
            for place in context.places:
                of_one = replace(here, place=place, places=(), listed=False)
                assertions += _parsed(written, named, of_one).assertions
        sides = frozenset(side for one in assertions for side in one.place.sides | one.topic.sides)
        assertions = tuple(
            replace(one, title=title, listed=context.listed, context=known_above(one, sides))
            for one in assertions
        )
        assertions = tuple(one for one in assertions if stands(one, history))
        unfounded = history == HISTORY and not assertions
        if source.kind == "prior report":
            assertions = tuple(replace(one, labels=one.labels | {PRIOR}) for one in assertions)
        span = SourceSpan(source.source_id, start + begin, start + stop)
        concepts = frozenset(
            word.entry.concept
            for word in read(written).words
            if word.entry.category not in ("grammar", "trigger", "side")
        )
        concepts |= context.place.anatomy | {context.observation}
        taken_back = undoes(itemise(written).items) and not (context.observation and first)
        kept = (assertions, context, bool(history), unfounded, concepts, taken_back)
        yield SourceSentence(span, *kept)
        first = False


def _for_later(context: Context, written: str) -> Context:
    """Without the label's words that are not understood, for a later sentence of another place."""
    plain = all(one.startswith("word:") or one in BOTH_SIDES for one in context.unread)
    words = read(written).words
    own = {word.entry.concept for word in words if word.entry.category == "anatomy"}
    apart = context.place.anatomy and plain and own and not own & context.place.anatomy
    return replace(context, unread=frozenset()) if apart else context


def _parsed(written: str, named: str, context: Context) -> Parsed:
    """With the name before in place of a pronoun at the start."""
    pronoun = _PRONOUN.match(written)
    if pronoun is not None and named:
        replaced = parse(f"{named} {written[pronoun.end() :]}", context)
        if not replaced.not_understood:
            return replaced
    return parse(written, context)


def comparison_dates(source: SourceText) -> list[FoundDate]:
    """The dates of the examinations that the text compares with."""
    found: list[FoundDate] = []
    for match in _lines_of(source):
        label = LABEL.match(match.text)
        if label is not None and label.group(1).strip().casefold() in _COMPARISONS:
            found += find_dates(folded(match.text[label.end() :]))
    if source.kind == "prior report" and dicom_date(source.date) is not None:
        found.append(dicom_date(source.date))  # type: ignore[arg-type]
    return found


def is_heading(lines: Sequence[Line], position: int) -> bool:
    """Whether a line is the heading of those that follow."""
    stripped = lines[position].text.strip()
    if not stripped or len(stripped) > _LONGEST_HEADING:
        return False
    if stripped.endswith(":"):
        return True
    short = len(stripped.split()) <= _LONGEST_HEADING_WORDS
    following = lines[position + 1] if position + 1 < len(lines) else None
    followed = (
        following is not None
        and following.start == lines[position].end + 1
        and bool(following.text.strip())
    )
    return followed and short and stripped[-1].isalnum() and ":" not in stripped


def _located(lines: Sequence[Line]) -> list[Context]:
    """For each line, the place that a line `Location: ...` under the same heading names."""
    found: list[Context] = []
    begun, here = 0, Context()
    for position, match in enumerate(lines):
        if is_heading(lines, position):
            found += [here] * (position - begun)
            begun, here = position, Context()
        label = LABEL.match(match.text)
        if label is not None and _is_location(label):
            here = _context_of(match.text[label.end() :][:_LONGEST_HEADING])
    return found + [here] * (len(lines) - begun)


def _is_location(label: re.Match[str]) -> bool:
    return label.group(1).strip().casefold() in _LOCATIONS


def _together(*contexts: Context) -> Context:
    place, observation, attributes = Place(), "", frozenset[str]()
    unread = frozenset(word for one in contexts for word in one.unread)
    for one in contexts:
        if one.place.anatomy:
            # Under `ABDOMEN` and `Liver`, it is the liver.
            place = replace(place, anatomy=place.anatomy - WIDE)
        place = place.joined(one.place)
        if one.observation:
            observation, attributes = one.observation, one.attributes
    places = contexts[-1].places
    return Context(place, observation, attributes, places, len(places) > 1, unread)


def _context_of(heading: str) -> Context:
    """What a heading names: `Thyroid`, `LEFT BREAST`, `Lung mass`, `L4/5`."""
    if heading.strip().casefold() in _COMPARISONS:
        return Context(observation="comparison_exam")
    marker = Context(observation="heading")
    named = [one for one in parse(heading, marker).assertions if one.polarity == "present"]
    place = Place()
    for one in named:
        place = place.joined(one.place)
    things = [one for one in named if one.observation != "heading" and not one.state]
    known = [one for one in things if not one.observation.startswith("word:")]
    first = known[0] if known else None
    return Context(
        place,
        first.observation if first is not None else "",
        first.attributes if first is not None else frozenset(),
        tuple(one.place for one in named if one.place),
        len({one.place for one in named if one.place}) > 1,
        frozenset()
        if names_no_finding_above(heading)
        else unread_of_heading(itemise(heading).items),
    )
