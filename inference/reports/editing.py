"""What becomes of a text that a person sends: whose each sentence is, and what it rests on."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.core.findings import Finding
from storage.reports.entities import ReportSection, ReportSentence, SectionKind

_NUMBER = re.compile(r"\d+(?:[.,\s]\d+)*")


@dataclass(frozen=True)
class Written:
    """A sentence as a person sends it."""

    text: str
    finding_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class WrittenSection:
    heading: str
    kind: SectionKind
    sentences: tuple[Written, ...]


def taken_over(
    written: Sequence[WrittenSection],
    before: Iterable[ReportSentence],
    findings: Mapping[str, Finding],
    author: str,
) -> tuple[ReportSection, ...]:
    """The sections as they are kept.

    A sentence that was there before, word by word, keeps all that it had. Another one is the
    person's; it keeps a binding to findings only where every number that it states is one
    of theirs, because a number that a person changed is not what the finding says.
    `findings` are those of the study, by id; others bind nothing.
    """
    known = {sentence.text: sentence for sentence in before}
    return tuple(
        ReportSection(
            section.heading,
            tuple(
                known.get(one.text) or _of_person(one, known, findings, author)
                for one in section.sentences
            ),
            section.kind,
        )
        for section in written
    )


def _of_person(
    written: Written,
    known: Mapping[str, ReportSentence],
    findings: Mapping[str, Finding],
    author: str,
) -> ReportSentence:
    bound = tuple(one for one in written.finding_ids if one in findings)
    if bound and not _numbers(written.text) <= _stated(bound, known.values(), findings):
        bound = ()
    return ReportSentence(
        written.text,
        bound,
        basis="findings" if bound else "person",
        origin="person",
        author=author,
    )


def _stated(
    finding_ids: Sequence[str],
    sentences: Iterable[ReportSentence],
    findings: Mapping[str, Finding],
) -> frozenset[str]:
    """The numbers that the machine's sentences about these findings state."""
    wanted = set(finding_ids)
    texts = [
        one.text
        for one in sentences
        if one.origin != "person" and one.finding_ids and set(one.finding_ids) <= wanted
    ]
    labels = [findings[one].label for one in finding_ids]
    return frozenset().union(*(_numbers(text) for text in (*texts, *labels)))


def _numbers(text: str) -> frozenset[str]:
    return frozenset(re.sub(r"\s", "", number) for number in _NUMBER.findall(text))
