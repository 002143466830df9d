"""Source texts as clauses that a sentence may be held against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inference.language.guard.characters import hidden_or_foreign
from inference.language.guard.clauses import Clause, clauses_of
from inference.language.guard.evidence import STUDY, Evidence, SourceText
from inference.language.guard.instructions import instructs
from inference.language.guard.reading import Reading, read
from inference.language.guard.scope import NONE, Mention
from inference.language.guard.sentences import split_sentences
from inference.language.guard.verdict import SourceSpan

PRIOR = "prior"
LONGEST_SENTENCE = 1_000
"""In characters; what is longer is neither believed nor judged."""
MOST_TRIGGERS = 12
"""Denials and doubts of one sentence; of more, none can tell what is meant."""
_MOST_LINES = 2_000
_LABEL = re.compile(r"\s*([^:.\n]{1,70}):(?:\s|$)")
_LOCATIONS = frozenset(("location", "site", "lage", "lokalisation"))
_LONGEST_HEADING = 70
_LONGEST_HEADING_WORDS = 4


@dataclass(frozen=True)
class SourceClause:
    """One clause of a source, with what the headings above it say it is of."""

    clause: Clause
    reading: Reading
    span: SourceSpan
    context: tuple[Mention, ...] = ()
    listed: bool = False
    """The heading names several places; the clause may be of one of them alone."""
    prior_date: str = ""

    @property
    def mentions(self) -> tuple[Mention, ...]:
        placed = any(one.category == "anatomy" for one in self.clause.mentions)
        if self.listed and placed:
            return self.clause.mentions
        above = tuple(replace(one, sides=one.sides or self.clause.sides) for one in self.context)
        return self.clause.mentions + above


@dataclass(frozen=True)
class _Context:
    mentions: tuple[Mention, ...] = ()
    listed: bool = False


def source_clauses(evidence: Evidence) -> tuple[SourceClause, ...]:
    """Every clause of every source text that may support one."""
    return tuple(
        clause
        for source in (*evidence.texts, *_stated_by_study(evidence))
        for clause in _of_text(source)
    )


def _stated_by_study(evidence: Evidence) -> Iterator[SourceText]:
    study = evidence.study
    parts = (study.study_description, study.body_part_examined.casefold())
    said = ". ".join(part for part in parts if part)
    if said or study.modalities:
        yield SourceText(STUDY, f"{' '.join(study.modalities)} {said}", "header")
    for prior in evidence.priors:
        yield SourceText(STUDY, f"{' '.join(study.modalities)} {prior.study_date}", "header")
    if not evidence.priors and not any("report" in one.kind for one in evidence.texts):
        yield SourceText(STUDY, "No comparison.", "header")


def _of_text(source: SourceText) -> Iterator[SourceClause]:
    above, ordered_at = _Context(), -1
    lines = list(re.finditer(r"[^\n]+", source.text))[:_MOST_LINES]
    located = _located(lines)
    for position, match in enumerate(lines):
        line = match.group()
        # What follows an order in its paragraph is what it wants to be said.
        if line.strip() and (instructs(line) or match.start() == ordered_at):
            ordered_at = match.end() + 1
            continue
        if not line.strip() or hidden_or_foreign(line) is not None:
            continue
        if _is_heading(lines, position):
            above = _context_of(line.strip().rstrip(":"))
            continue
        label = _LABEL.match(line)
        here, start = above, match.start()
        if label is not None and not read(label.group(1)).quantities:
            own = _context_of(label.group(1))
            around = () if _is_location(label) else located[position]
            here = _Context(above.mentions + around + own.mentions, own.listed)
            start += label.end()
        for begin, end in split_sentences(source.text[start : match.end()]):
            yield from _of_sentence(source, start + begin, start + end, here)


def _is_heading(lines: Sequence[re.Match[str]], position: int) -> bool:
    stripped = lines[position].group().strip()
    if not stripped or len(stripped) > _LONGEST_HEADING:
        return False
    if stripped.endswith(":"):
        return True
    short = len(stripped.split()) <= _LONGEST_HEADING_WORDS
    following = lines[position + 1] if position + 1 < len(lines) else None
    followed = (
        following is not None
        and following.start() == lines[position].end() + 1
        and bool(following.group().strip())
    )
    return followed and short and stripped[-1].isalnum() and ":" not in stripped


def _located(lines: Sequence[re.Match[str]]) -> list[tuple[Mention, ...]]:
    """For each line, the place that a line `Location: ...` under the same heading names."""
    found: list[tuple[Mention, ...]] = []
    begun = 0
    here: tuple[Mention, ...] = ()
    for position, match in enumerate(lines):
        if _is_heading(lines, position):
            found += [here] * (position - begun)
            begun, here = position, ()
        label = _LABEL.match(match.group())
        if label is not None and _is_location(label):
            here = _context_of(match.group()[label.end() :][:_LONGEST_HEADING]).mentions
    return found + [here] * (len(lines) - begun)


def _is_location(label: re.Match[str]) -> bool:
    return label.group(1).strip().casefold() in _LOCATIONS


def _context_of(heading: str) -> _Context:
    reading = read(heading)
    mentions = tuple(one for clause in clauses_of(reading) for one in clause.mentions)
    places = sum(one.category == "anatomy" for one in mentions)
    return _Context(mentions, places > 1 and bool({",", "and", "und"} & set(reading.pieces)))


def _of_sentence(
    source: SourceText, start: int, end: int, context: _Context
) -> Iterator[SourceClause]:
    if end - start > LONGEST_SENTENCE:
        return
    reading = read(source.text[start:end])
    if sum(word.entry.category == "trigger" for word in reading.words) > MOST_TRIGGERS:
        return
    span = SourceSpan(source.source_id, start, end)
    mentions = context.mentions
    if set(reading.pieces) - {"."} <= NONE:
        mentions = tuple(replace(one, negations=one.negations + 1) for one in mentions)
    prior = source.kind == "prior report"
    for clause in clauses_of(reading):
        sided = _with_context_side(clause, mentions)
        if prior:
            sided, mentions = _of_then(sided.mentions, sided), _marked(mentions)
        yield SourceClause(
            clause=sided,
            reading=reading,
            span=span,
            context=mentions,
            listed=context.listed,
            prior_date=source.date if prior else "",
        )


def _with_context_side(clause: Clause, context: Sequence[Mention]) -> Clause:
    """Under a heading of one side, what names none is of that side."""
    sides = frozenset(side for one in context for side in one.sides)
    if clause.sides or not sides:
        return clause
    mentions = tuple(replace(one, sides=sides) for one in clause.mentions)
    return replace(clause, mentions=mentions, sides=sides)


def _of_then(mentions: Sequence[Mention], clause: Clause) -> Clause:
    return replace(clause, mentions=_marked(mentions))


def _marked(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    return tuple(replace(one, labels=one.labels | {PRIOR}) for one in mentions)
