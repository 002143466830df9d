"""Rows of reports to entities."""

from dataclasses import replace
from typing import Any

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


def to_sections(stored: list[dict[str, Any]]) -> tuple[ReportSection, ...]:
    return tuple(
        ReportSection(
            section["heading"],
            tuple(_sentence(sentence) for sentence in section["sentences"]),
            section.get("kind", "findings"),
        )
        for section in stored
    )


def _words(stored: dict[str, Any] | None) -> ModelWords | None:
    if stored is None:
        return None
    withheld = tuple(
        WithheldSentence(one["text"], tuple(WithheldReason(**why) for why in one["reasons"]))
        for one in stored["withheld"]
    )
    return ModelWords(**{**stored, "withheld": withheld, "notes": tuple(stored["notes"])})


def _sentence(stored: dict[str, Any]) -> ReportSentence:
    lists = ("finding_ids", "prior_finding_ids", "series_instance_uids")
    found = ReportSentence(**{**stored, **{name: tuple(stored.get(name, ())) for name in lists}})
    if "states_result" in stored:
        return found
    # Of older versions, by what such sentences have in common: they state numbers.
    states = found.basis == "node" and any(one.isdigit() for one in found.text)
    return replace(found, states_result=states)
