"""Feedback on findings: accepted, rejected, or right with another value.

Only ever added to. The finding itself stays as the pipeline stated it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, Engine, insert, select

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.core.findings import Code, Feedback, FeedbackKind, Finding, former_kind
from storage.core.units import converted
from storage.db.engine import reading, writing
from storage.events.payloads import FindingEvent
from storage.events.repository import add_event
from storage.findings.row_mapping import to_feedback
from storage.reports.draft_queue import mark_report_due
from storage.search.passages import FINDING, forget, note_findings


class FindingFeedback:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        finding: Finding,
        kind: FeedbackKind,
        given_by: Identity,
        *,
        value: float | None = None,
        unit: Code | None = None,
        label: str = "",
        reason: str = "",
        verifies: bool = False,
    ) -> Feedback:
        """Store feedback; the newest on a finding is what counts."""
        feedback = Feedback(
            feedback_id=str(uuid.uuid4()),
            finding_id=finding.finding_id,
            study_instance_uid=finding.study_instance_uid,
            kind=kind,
            value=value,
            unit=unit,
            label=label,
            reason=reason,
            given_by=given_by.name,
            given_by_id=given_by.id,
            given_at=utcnow(),
            verifies=verifies,
        )
        with writing(self._engine) as connection:
            connection.execute(
                insert(t.finding_feedback).values(**asdict(feedback), is_reported=False)
            )
            add_event(
                connection,
                feedback.given_at,
                "finding",
                finding.study_instance_uid,
                job_id=finding.job_id,
                payload=FindingEvent(
                    finding_id=finding.finding_id, kind=kind, verdict=former_kind(kind)
                ),
            )
            _note(connection, finding, feedback)
            mark_report_due(connection, finding.study_instance_uid, feedback.given_at)
        return feedback

    def of_findings(
        self, finding_ids: Sequence[str], *, up_to: int | None = None
    ) -> dict[str, list[Feedback]]:
        """All feedback on each finding, oldest first; `up_to`: the number of the last word."""
        feedback: dict[str, list[Feedback]] = {finding_id: [] for finding_id in finding_ids}
        if not feedback:
            return feedback
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.finding_feedback)
                .where(
                    t.finding_feedback.c.finding_id.in_(list(feedback)),
                    *(() if up_to is None else (t.finding_feedback.c.id <= up_to,)),
                )
                .order_by(t.finding_feedback.c.id)
            )
            for row in rows.mappings():
                feedback[row["finding_id"]].append(to_feedback(row))
        return feedback


def _note(connection: Connection, finding: Finding, feedback: Feedback) -> None:
    """What a search finds of it: nothing of what was rejected, a corrected value as corrected."""
    value = feedback.value
    if feedback.kind == "CORRECTED" and value is not None:
        stated, own = (one.value if one else "" for one in (feedback.unit, finding.unit))
        value = converted(value, stated or own, own)
        finding = replace(finding, value=value, validity=None)
    if feedback.kind == "REJECTED" or (value is None and feedback.value is not None):
        forget(connection, FINDING, [finding.finding_id])
    else:
        note_findings(connection, [replace(finding, label=feedback.label or finding.label)])
