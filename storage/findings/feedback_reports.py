"""Which reports new feedback has yet to get into, and the versions that came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, func, or_, select, update

from storage import tables as t
from storage.core.clock import CLOCKS_AGREE_WITHIN_S
from storage.db.engine import insert_or_ignore, reading, writing

_SKEW = timedelta(seconds=CLOCKS_AGREE_WITHIN_S)


class VersionNumber(NamedTuple):
    """What tells the versions of a job's report apart, in their order."""

    feedback_id: int
    """The number of the newest feedback in it; 0 where there was none."""
    revision: int = 0
    """How many versions with the same feedback came before: comparisons changed alone."""

    def __str__(self) -> str:
        return f"{self.feedback_id}.{self.revision}" if self.revision else str(self.feedback_id)


@dataclass(frozen=True)
class ReportVersion:
    """A report of a job with the feedback on its findings up to a point.

    `feedback_id`, `revision`: as in `VersionNumber`.
    """

    job_id: str
    feedback_id: int
    series_instance_uid: str
    sop_instance_uid: str
    created_at: datetime
    revision: int = 0

    @property
    def number(self) -> VersionNumber:
        return VersionNumber(self.feedback_id, self.revision)


class FeedbackReports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, quiet: timedelta, now: datetime, limit: int) -> list[tuple[str, int]]:
        """Jobs with new feedback, and none for so long; each with the number of the newest.

        Feedback of the future was given before the clock was set back.
        """
        last_given_at = func.max(t.finding_feedback.c.given_at)
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.finding.c.job_id, func.max(t.finding_feedback.c.id))
                .join(t.finding, t.finding.c.finding_id == t.finding_feedback.c.finding_id)
                .join(t.job, t.job.c.job_id == t.finding.c.job_id)
                # A version of a withdrawn report would go out after the note that withdraws it.
                .where(t.finding_feedback.c.is_reported.is_(False), t.job.c.ending != "superseded")
                .group_by(t.finding.c.job_id)
                .having(or_(last_given_at <= now - quiet, last_given_at > now + _SKEW))
                .limit(limit)
            )
            return [(job_id, last) for job_id, last in rows]

    def are_pending(self, study_instance_uids: Sequence[str]) -> bool:
        """Whether there is feedback on one of the studies that no report has yet."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.finding_feedback.c.id)
                .join(t.finding, t.finding.c.finding_id == t.finding_feedback.c.finding_id)
                .join(t.job, t.job.c.job_id == t.finding.c.job_id)
                .where(
                    t.finding.c.study_instance_uid.in_(study_instance_uids),
                    t.finding_feedback.c.is_reported.is_(False),
                    t.job.c.ending != "superseded",
                )
                .limit(1)
            )
            return found.first() is not None

    def versions(self, job_id: str) -> list[ReportVersion]:
        """Oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.feedback_report)
                .where(t.feedback_report.c.job_id == job_id)
                .order_by(t.feedback_report.c.feedback_id, t.feedback_report.c.revision)
            )
            return [
                ReportVersion(**{name: row[name] for name in ReportVersion.__dataclass_fields__})
                for row in rows.mappings()
            ]

    def done(self, finding_ids: Sequence[str], last: int, version: ReportVersion | None) -> None:
        """Feedback up to `last` is in the report, or there is none to get into."""
        with writing(self._engine) as connection:
            if version is not None:
                insert_or_ignore(connection, t.feedback_report, asdict(version))
            connection.execute(
                update(t.finding_feedback)
                .where(
                    t.finding_feedback.c.finding_id.in_(finding_ids),
                    t.finding_feedback.c.id <= last,
                )
                .values(is_reported=True)
            )
