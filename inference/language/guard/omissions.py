"""What is critical in the evidence and is stated by no supported sentence of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import yaml

from inference.language.guard.assertions.corpus import Corpus
from inference.language.guard.assertions.entail import kinds, readable
from inference.language.guard.assertions.model import PRESENT, Assertion
from inference.language.guard.assertions.places import known_place
from inference.language.guard.assertions.reading.parse import parse
from inference.language.guard.evidence import Evidence
from inference.language.guard.verdict import CheckedSentence, Omission

_FILE = Path(__file__).parent / "data" / "critical.yaml"
_NOT_NOW = frozenset(("historical", "other_person", "prior", "recommended"))


@cache
def critical_concepts() -> frozenset[str]:
    """The names of what must not be left out."""
    return frozenset(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def omissions_of(
    checked: Sequence[CheckedSentence], evidence: Evidence, corpus: Corpus
) -> tuple[Omission, ...]:
    """Critical findings by their ids, and critical words that a report affirms."""
    supported = [one for one in checked if one.verdict.supported]
    return (*_findings(supported, evidence), *_words(supported, corpus))


def _findings(supported: Sequence[CheckedSentence], evidence: Evidence) -> Iterable[Omission]:
    named = {finding_id for one in supported for finding_id in one.verdict.finding_ids}
    for finding in evidence.findings:
        if finding.finding_id in evidence.critical_finding_ids and finding.finding_id not in named:
            yield Omission(f"{finding.label} is critical and is not stated.", (finding.finding_id,))


def _words(supported: Sequence[CheckedSentence], corpus: Corpus) -> Iterable[Omission]:
    there = [one for each in supported for one in parse(each.sentence).assertions]
    found: dict[tuple[str, frozenset[str]], Omission] = {}
    for source in corpus.sources:
        one = source.assertion
        key = (one.observation, known_place(one).sides)
        if key in found or source.history or not _is_critical(one) or _is_stated(one, there):
            continue
        found[key] = Omission(
            f"“{readable(one.observation)}” is affirmed in the evidence and is not stated.",
            source_spans=source.spans,
        )
    yield from found.values()


def _is_critical(one: Assertion) -> bool:
    critical = bool(kinds(one.observation) & critical_concepts())
    return critical and one.polarity == PRESENT and not one.labels & _NOT_NOW


def _is_stated(one: Assertion, there: Sequence[Assertion]) -> bool:
    sides = known_place(one).sides
    return any(
        other.observation in kinds(one.observation)
        and other.polarity == PRESENT
        and (not sides or not other.place.sides or bool(other.place.sides & sides))
        for other in there
    )
