"""Rows of reports to entities."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import RowMapping

from storage.db.row_mapping import fields_of
from storage.reports.entities import (
    ModelWords,
    Report,
    ReportSection,
    ReportSentence,
    ReportVersion,
    WithheldReason,
    WithheldSentence,
)
from storage.reports.stored import StoredSection, StoredSentence, StoredWords


def to_report(row: RowMapping) -> Report:
    fields = fields_of(Report, row)
    fields["sections"] = to_sections(row["sections"])
    fields["proposal"] = None if row["proposal"] is None else to_sections(row["proposal"])
    fields["words"] = _words(row["words"])
    return Report(**fields)


def to_report_version(row: RowMapping) -> ReportVersion:
    fields = fields_of(ReportVersion, row)
    fields["sections"] = to_sections(row["sections"])
    fields["words"] = _words(row["words"])
    return ReportVersion(**fields)


def to_sections(stored: Sequence[StoredSection]) -> tuple[ReportSection, ...]:
    return tuple(
        ReportSection(
            section["heading"],
            tuple(_sentence(sentence) for sentence in section["sentences"]),
            section.get("kind", "findings"),
        )
        for section in stored
    )


def _words(stored: StoredWords | None) -> ModelWords | None:
    if stored is None:
        return None
    withheld = tuple(
        WithheldSentence(one["text"], tuple(WithheldReason(**why) for why in one["reasons"]))
        for one in stored["withheld"]
    )
    return ModelWords(
        stored["state"],
        stored["model"],
        stored["revision"],
        stored["job_id"],
        stored["template_digest"],
        withheld,
        tuple(stored["notes"]),
        stored.get("tokens", 0),
        stored.get("seconds", 0.0),
    )


def _sentence(stored: StoredSentence) -> ReportSentence:
    found = ReportSentence(
        stored["text"],
        tuple(stored.get("finding_ids", ())),
        tuple(stored.get("prior_finding_ids", ())),
        tuple(stored.get("series_instance_uids", ())),
        stored.get("basis", "findings"),
        stored.get("origin", "template"),
        stored.get("author", ""),
        stored.get("states_result", False),
    )
    if "states_result" in stored:
        return found
    # Of older versions, by what such sentences have in common: they state numbers.
    states = found.basis == "node" and any(one.isdigit() for one in found.text)
    return replace(found, states_result=states)
