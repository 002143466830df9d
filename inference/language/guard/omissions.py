"""What is critical in the evidence and is said by no supported sentence of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import yaml

from inference.language.guard.clauses import clauses_of
from inference.language.guard.evidence import Evidence
from inference.language.guard.reading import read
from inference.language.guard.scope import Mention
from inference.language.guard.sources import SourceClause
from inference.language.guard.verdict import CheckedSentence, Omission

_FILE = Path(__file__).parent / "data" / "critical.yaml"
_NOT_NOW = frozenset(("historical", "other_person", "prior", "recommended"))


@cache
def critical_concepts() -> frozenset[str]:
    """The names of what must not be left out."""
    return frozenset(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def omissions_of(
    checked: Sequence[CheckedSentence], evidence: Evidence, sources: Sequence[SourceClause]
) -> tuple[Omission, ...]:
    """Critical findings by their ids, and critical words that a report affirms."""
    said = [one for one in checked if one.verdict.supported]
    return (*_findings(said, evidence), *_words(said, sources))


def _findings(said: Sequence[CheckedSentence], evidence: Evidence) -> Iterable[Omission]:
    named = {finding_id for one in said for finding_id in one.verdict.finding_ids}
    for finding in evidence.findings:
        if finding.finding_id in evidence.critical_finding_ids and finding.finding_id not in named:
            yield Omission(f"{finding.label} is critical and is not said.", (finding.finding_id,))


def _words(said: Sequence[CheckedSentence], sources: Sequence[SourceClause]) -> Iterable[Omission]:
    there = [
        mention
        for one in said
        for clause in clauses_of(read(one.sentence))
        for mention in clause.mentions
    ]
    found: dict[tuple[str, frozenset[str]], Omission] = {}
    for source in sources:
        for mention in source.clause.mentions:
            key = (mention.concept, mention.sides)
            if key in found or not _is_critical(mention) or _is_said(mention, there):
                continue
            found[key] = Omission(
                f"“{mention.word.text}” is affirmed in the evidence and is not said.",
                source_spans=(source.span,),
            )
    yield from found.values()


def _is_critical(mention: Mention) -> bool:
    return (
        mention.concept in critical_concepts()
        and mention.polarity == "present"
        and not mention.labels & _NOT_NOW
    )


def _is_said(mention: Mention, there: Sequence[Mention]) -> bool:
    return any(
        other.concept == mention.concept
        and other.polarity in ("present", "presupposed")
        and (not mention.sides or not other.sides or bool(other.sides & mention.sides))
        for other in there
    )
