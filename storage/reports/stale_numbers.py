"""Numbers of a text of people that a draft of before stated and the draft of now does not.

Once a result was corrected or revised, what a person edited or signed goes on stating the number
of before. Which sentence states which such number stands in the report's `attention`.
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.errors import StateConflict
from storage.reports.entities import Report, ReportSection, ReportSentence
from storage.reports.row_mapping import to_report_version

_NUMBER = re.compile(r"\d+(?:[.,\s\u202f]\d+)*")
_STATING = frozenset({"comparison", "findings", "impression"})
_MOST_NAMED = 10
_MOST_CHARACTERS = 200


class StaleSentence(NamedTuple):
    text: str
    numbers: tuple[str, ...]


def stale_sentences(
    sections: Iterable[ReportSection],
    proposal: Sequence[ReportSection],
    former: Iterable[ReportSection],
) -> list[StaleSentence]:
    """Sentences of `sections` with what they state and results no longer have.

    `proposal`: what the draft would be now. `former`: all that was drafted before. What a person
    wrote of their own, which no draft has stated, is theirs.
    """
    now = _numbers_drafted(proposal, of_before=False)
    then = _numbers_drafted(former) - now
    found = []
    for section in sections:
        if section.kind not in _STATING:
            continue
        for sentence in section.sentences:
            numbers = tuple(one for one in numbers_of(sentence.text) if _key(one) in then)
            if numbers:
                found.append(StaleSentence(sentence.text, tuple(dict.fromkeys(numbers))))
    return found


def numbers_of(text: str) -> list[str]:
    """The numbers as they stand in a text."""
    return _NUMBER.findall(text)


def stale_of(
    connection: Connection,
    report: Report,
    sections: Sequence[ReportSection],
    proposal: Sequence[ReportSection] | None,
) -> list[StaleSentence]:
    """Of a report with what its versions were drafted with; nothing where no other draft waits."""
    if proposal is None:
        return []
    rows = connection.execute(
        select(t.report_version).where(t.report_version.c.report_id == report.report_id)
    )
    former = [one for row in rows.mappings() for one in to_report_version(row).sections]
    return stale_sentences(sections, proposal, [*former, *report.sections])


def with_stale(reason: str, stale: Sequence[StaleSentence]) -> str:
    """Why a person should look at a text again, and which numbers of it results no longer have."""
    if not stale:
        return reason
    named = [f"{', '.join(one.numbers)} in “{_short(one.text)}”" for one in stale[:_MOST_NAMED]]
    if len(stale) > _MOST_NAMED:
        named.append(f"and in {len(stale) - _MOST_NAMED} more sentences")
    return f"{reason} It states what the results no longer say: {'; '.join(named)}."


def check_numbers(
    connection: Connection, report: Report, sections: Sequence[ReportSection]
) -> None:
    """Before a signature. Raises StateConflict where the text states numbers that results no longer
    have, and nobody has confirmed since that it stands."""
    stale = stale_of(connection, report, sections, report.proposal)
    if stale:
        raise StateConflict(
            with_stale("Results were corrected or revised after this text was written.", stale),
            remedy="Change the sentences, draft it again (POST /api/reports/draft with replace), or"
            " let the text stand (DELETE …/proposal), and sign then.",
        )


def _numbers_drafted(sections: Iterable[ReportSection], *, of_before: bool = True) -> set[str]:
    """`of_before`: also what a sentence names as the number that a reader has corrected."""
    drafted = [
        sentence
        for section in sections
        if section.kind in _STATING
        for sentence in section.sentences
        if sentence.origin != "person"
    ]
    measured = {found for one in drafted if one.basis == "findings" for found in one.finding_ids}
    return {
        _key(number)
        for sentence in drafted
        if of_before or not _names_what_was(sentence, measured)
        for number in numbers_of(sentence.text)
    }


def _names_what_was(sentence: ReportSentence, measured: AbstractSet[str]) -> bool:
    """Whether the node states something beside a value that another sentence states: that it was
    corrected, and from what."""
    return (
        sentence.basis == "node"
        and sentence.states_result
        and not sentence.prior_finding_ids
        and bool(sentence.finding_ids)
        and set(sentence.finding_ids) <= measured
    )


def _key(number: str) -> str:
    return re.sub(r"\s", "", number)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
