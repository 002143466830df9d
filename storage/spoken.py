"""Which reports a reader's word has yet to get into, and the versions that it gave."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select, update

from storage import tables as t
from storage.database import insert_or_ignore, reading, writing


@dataclass(frozen=True)
class ReportVersion:
    """A report of a job with what people said of its findings up to a point.

    `feedback_id` is the number of the last word in it.
    """

    job_id: str
    feedback_id: int
    series_instance_uid: str
    sop_instance_uid: str
    created_at: datetime


class SpokenReports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, said_before: datetime, limit: int) -> list[tuple[str, int]]:
        """Jobs about whose findings nothing was said since, with the number of the last word."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.finding.c.job_id, func.max(t.finding_feedback.c.id))
                .join(t.finding, t.finding.c.finding_id == t.finding_feedback.c.finding_id)
                .where(t.finding_feedback.c.is_reported.is_(False))
                .group_by(t.finding.c.job_id)
                .having(func.max(t.finding_feedback.c.said_at) <= said_before)
                .limit(limit)
            )
            return [(job_id, last) for job_id, last in rows]

    def versions(self, job_id: str) -> list[ReportVersion]:
        """Oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.spoken_report)
                .where(t.spoken_report.c.job_id == job_id)
                .order_by(t.spoken_report.c.feedback_id)
            )
            return [
                ReportVersion(**{name: row[name] for name in ReportVersion.__dataclass_fields__})
                for row in rows.mappings()
            ]

    def done(self, finding_ids: Sequence[str], last: int, version: ReportVersion | None) -> None:
        """What was said up to `last` is in the report, or has none to get into."""
        with writing(self._engine) as connection:
            if version is not None:
                insert_or_ignore(connection, t.spoken_report, asdict(version))
            connection.execute(
                update(t.finding_feedback)
                .where(
                    t.finding_feedback.c.finding_id.in_(finding_ids),
                    t.finding_feedback.c.id <= last,
                )
                .values(is_reported=True)
            )
