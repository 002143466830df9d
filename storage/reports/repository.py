"""The reports of studies: one a study, with every version it had.

A draft may take the place of a draft that nobody has touched. What a person wrote,
confirmed or signed is never changed by the node: a newer draft is offered beside it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, select

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.reports.entities import (
    SIGNED_STATES,
    ModelWords,
    Report,
    ReportSection,
    ReportState,
    ReportVersion,
)
from storage.reports.listing import list_reports
from storage.reports.open_fields import check_filled_in
from storage.reports.readers import check_reader, end_reading
from storage.reports.row_mapping import to_report, to_report_version
from storage.reports.rows import (
    SETTLED,
    TOO_LATE,
    announce_report,
    as_json,
    change_report,
    get_report,
    keep_version,
    locked_report,
    next_version,
    note_words,
    person_name_of,
    propose,
    read_for_change,
    reason_of,
    still_stale,
    words_json,
)
from storage.reports.stale_numbers import check_numbers
from storage.reports.states import check_move
from storage.reports.superseded import check_seen, still_marked, withdrawn_findings


class Reports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def offer(
        self,
        study_instance_uid: str,
        *,
        language: str,
        title: str,
        sections: Sequence[ReportSection],
        basis_digest: str,
        job_id: str = "",
        made_by: Identity | None = None,
        replace: bool = False,
    ) -> Report:
        """A draft for a study: taken where nobody's text is in its way, else kept as a proposal.

        `replace`: take it even so, where the report is not signed. The same draft from the
        same basis changes nothing.
        """
        kept = as_json(sections)
        now = utcnow()
        with writing(self._engine) as connection:
            made = insert_or_ignore(
                connection,
                t.report,
                {
                    "report_id": str(uuid.uuid4()),
                    "study_instance_uid": study_instance_uid,
                    "job_id": job_id,
                    "state": "draft",
                    "version": 1,
                    "language": language,
                    "title": title,
                    "sections": kept,
                    "changed_by": made_by.name if made_by else "",
                    "changed_by_id": made_by.id if made_by else "",
                    "basis_digest": basis_digest,
                    "publish_version": 0 if job_id else 1,
                    "created_at": now,
                    "updated_at": now,
                },
            )
            report = locked_report(
                connection,
                t.report.c.study_instance_uid == study_instance_uid,
                t.report.c.job_id == job_id,
            )
            if made:
                keep_version(connection, report, "")
                announce_report(connection, report, "drafted")
                return report
            if report.is_signed or (report.is_touched and not replace):
                return propose(connection, report, kept, basis_digest, now)
            if report.is_touched and made_by is not None:
                check_reader(connection, study_instance_uid, made_by)
            unchanged = (as_json(report.sections), report.language) == (kept, language)
            if unchanged and report.basis_digest == basis_digest and report.state == "draft":
                return report
            values = {
                "state": "draft",
                "language": language,
                "title": title,
                "sections": kept,
                "basis_digest": basis_digest,
                "words": None,
            }
            return next_version(connection, report, values | SETTLED, made_by, now, "drafted")

    def edit(
        self,
        report_id: str,
        version: int,
        sections: Sequence[ReportSection],
        edited_by: Identity,
        *,
        title: str | None = None,
    ) -> Report:
        """Another text. Raises NotFound, VersionConflict, StateConflict for a signed one."""
        with writing(self._engine) as connection:
            report = read_for_change(connection, report_id, version, edited_by)
            if report.is_signed:
                raise StateConflict(
                    f"The report is {report.state}, and signed text stays as it was signed.",
                    remedy="Move it to the state amended, with the changed text and the reason.",
                )
            values = {
                "sections": as_json(sections),
                "title": report.title if title is None else title,
            }
            if report.proposal is not None:
                values["attention"] = reason_of(connection, report, sections, report.proposal)
            return next_version(connection, report, values, edited_by, utcnow(), "edited")

    def move(
        self,
        report_id: str,
        version: int,
        state: ReportState,
        moved_by: Identity,
        *,
        sections: Sequence[ReportSection] | None = None,
        reason: str = "",
    ) -> Report:
        """Another state, with the text that goes with an amendment.

        Raises NotFound, VersionConflict, StateConflict, InvalidRequest.
        """
        now = utcnow()
        with writing(self._engine) as connection:
            report = read_for_change(connection, report_id, version, moved_by)
            check_move(report, state, sections, reason)
            values: dict[str, Any] = {"state": state}
            if sections is not None:
                values["sections"] = as_json(sections)
            if state in SIGNED_STATES:
                if moved_by.kind == "key":
                    raise InvalidRequest(
                        "A key belongs to a program, and no program may sign a report.",
                        remedy="A person signs in and does it.",
                    )
                values |= {
                    "signed_by": moved_by.name,
                    "signed_by_id": moved_by.id,
                    "signed_name": person_name_of(connection, moved_by),
                    "signed_at": now,
                }
                current = report.sections if sections is None else sections
                check_filled_in(current)
                if state == "final":
                    check_seen(connection, report)
                    check_numbers(connection, report, current)
                sentences = [sentence for one in current for sentence in one.sentences]
                marks = still_marked(connection, report, sentences, now)
                values |= SETTLED | _seen(report) if marks is None else marks
                values |= still_stale(connection, report, current)
                end_reading(connection, report.study_instance_uid, now)
            return next_version(connection, report, values, moved_by, now, state, reason)

    def expect_words(self, report_id: str, version: int, words: ModelWords) -> Report:
        """A model was asked to word that version. Raises NotFound."""
        with writing(self._engine) as connection:
            report = get_report(connection, report_id, lock=True)
            # The model may have been faster than this note.
            if report.version != version or report.words is not None:
                return report
            return note_words(connection, report, words)

    def put_words(
        self,
        report_id: str,
        version: int,
        words: ModelWords,
        sections: Sequence[ReportSection] | None,
    ) -> Report:
        """What came of the model: with `sections` the next version, else a note on this one.

        A text that was changed since stands, and the note says so. Raises NotFound.
        """
        with writing(self._engine) as connection:
            report = get_report(connection, report_id, lock=True)
            if report.version != version:
                if report.words is None or report.words.job_id != words.job_id:
                    return report
                late = replace(words, state="failed", notes=(*words.notes, TOO_LATE))
                return note_words(connection, report, late)
            if sections is None:
                return note_words(connection, report, words)
            values = {"sections": as_json(sections), "words": words_json(words)}
            return next_version(connection, report, values, None, utcnow(), "drafted")

    def dismiss(self, report_id: str, version: int, given_by: Identity) -> Report:
        """The person has seen what came, and the text stands. Raises NotFound, VersionConflict."""
        with writing(self._engine) as connection:
            report = read_for_change(connection, report_id, version, given_by)
            if not report.attention:
                raise InvalidRequest(
                    "Nothing new waits beside this report.", remedy="There is nothing to dismiss."
                )
            values = {
                **SETTLED,
                **_seen(report),
                # What was withdrawn stays withdrawn, and the text goes on resting on it.
                "superseded_at": report.superseded_at,
                "updated_at": utcnow(),
            }
            return change_report(connection, report, values, "dismissed", given_by.name)

    def get(self, report_id: str) -> Report:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return get_report(connection, report_id)

    def of_study(self, study_instance_uid: str) -> list[Report]:
        """The study's report in a list of one, or none."""
        return self.list(study_instance_uid)[0]

    def states_of(self, study_instance_uids: Sequence[str]) -> dict[str, Report]:
        """The reports of several studies, by study; those without one are left out."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.report).where(
                    t.report.c.study_instance_uid.in_(study_instance_uids), t.report.c.job_id == ""
                )
            )
            return {row["study_instance_uid"]: to_report(row) for row in rows.mappings()}

    def versions(self, report_id: str) -> list[ReportVersion]:
        """All of them, the newest first. Raises NotFound."""
        with reading(self._engine) as connection:
            get_report(connection, report_id)
            rows = connection.execute(
                select(t.report_version)
                .where(t.report_version.c.report_id == report_id)
                .order_by(t.report_version.c.version.desc())
            )
            return [to_report_version(row) for row in rows.mappings()]

    def version(self, report_id: str, version: int) -> ReportVersion:
        """Raises NotFound."""
        for one in self.versions(report_id):
            if one.version == version:
                return one
        raise NotFound(
            f"The report has no version {version}.",
            remedy="GET /api/reports/{report_id}/versions lists them.",
        )

    def withdrawn(self, report: Report, version: ReportVersion) -> frozenset[str]:
        """Findings under the version that count no more."""
        sentences = [sentence for one in version.sections for sentence in one.sentences]
        with reading(self._engine) as connection:
            return withdrawn_findings(connection, report, sentences)

    def list(
        self,
        study_instance_uid: str | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        state: ReportState | None = None,
        needs_attention: bool | None = None,
        updated_since: datetime | None = None,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[Report], int]:
        """The last changed first, and how many there are in all: see `list_reports`."""
        return list_reports(
            self._engine,
            study_instance_uid,
            limit,
            offset,
            state=state,
            needs_attention=needs_attention,
            updated_since=updated_since,
            beyond=beyond,
        )


def _seen(report: Report) -> dict[str, Any]:
    """The same results are not offered again; without a proposal the text rests on what it did."""
    return {"basis_digest": report.proposal_digest or report.basis_digest}
