"""What people say of findings: accepted, rejected, or right with another value.

Only ever added to. The finding itself stays as the pipeline stated it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Engine, insert, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Code, Feedback, Finding, Verdict
from storage.core.identity import Identity
from storage.db.engine import reading, writing
from storage.db.row_mapping import to_feedback
from storage.events.repository import add_event
from storage.reports.draft_queue import mark_report_due


class FindingFeedback:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def say(
        self,
        finding: Finding,
        verdict: Verdict,
        said_by: Identity,
        *,
        value: float | None = None,
        unit: Code | None = None,
        label: str = "",
        reason: str = "",
        verifies: bool = False,
    ) -> Feedback:
        """Keep a verdict; the newest one of a finding is what counts."""
        said = Feedback(
            feedback_id=str(uuid.uuid4()),
            finding_id=finding.finding_id,
            study_instance_uid=finding.study_instance_uid,
            verdict=verdict,
            value=value,
            unit=unit,
            label=label,
            reason=reason,
            said_by=said_by.name,
            said_by_id=said_by.id,
            said_at=utcnow(),
            verifies=verifies,
        )
        with writing(self._engine) as connection:
            connection.execute(insert(t.finding_feedback).values(**asdict(said), is_reported=False))
            add_event(
                connection,
                said.said_at,
                "finding",
                finding.study_instance_uid,
                job_id=finding.job_id,
                payload={"finding_id": finding.finding_id, "verdict": verdict},
            )
            mark_report_due(connection, finding.study_instance_uid, said.said_at)
        return said

    def of_findings(
        self, finding_ids: Sequence[str], *, up_to: int | None = None
    ) -> dict[str, list[Feedback]]:
        """All that was said of each finding, oldest first; `up_to`: the number of the last word."""
        said: dict[str, list[Feedback]] = {finding_id: [] for finding_id in finding_ids}
        if not said:
            return said
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.finding_feedback)
                .where(
                    t.finding_feedback.c.finding_id.in_(list(said)),
                    *(() if up_to is None else (t.finding_feedback.c.id <= up_to,)),
                )
                .order_by(t.finding_feedback.c.id)
            )
            for row in rows.mappings():
                said[row["finding_id"]].append(to_feedback(row))
        return said
