"""Report drafts, each sentence bound to findings."""

from dataclasses import asdict

from sqlalchemy import Engine, delete, func, insert, select

from storage import tables as t
from storage.database import reading, writing
from storage.entities import Report
from storage.errors import NotFound
from storage.rows import to_report


class Reports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, report: Report) -> None:
        """Keep the report in place of an earlier one of the same job."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.report).where(t.report.c.job_id == report.job_id))
            connection.execute(insert(t.report).values(**asdict(report)))

    def get(self, report_id: str) -> Report:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.report).where(t.report.c.report_id == report_id))
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no report under that identifier.", remedy="GET /api/reports lists them."
            )
        return to_report(row)

    def of_study(self, study_instance_uid: str) -> list[Report]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.report)
                .where(t.report.c.study_instance_uid == study_instance_uid)
                .order_by(t.report.c.created_at)
            )
            return [to_report(row) for row in rows.mappings()]

    def list(
        self, study_instance_uid: str | None = None, limit: int = 100, offset: int = 0
    ) -> tuple[list[Report], int]:
        """The newest first, and how many there are in all."""
        conditions = []
        if study_instance_uid is not None:
            conditions.append(t.report.c.study_instance_uid == study_instance_uid)
        with reading(self._engine) as connection:
            total = connection.execute(
                select(func.count()).select_from(t.report).where(*conditions)
            ).scalar_one()
            rows = connection.execute(
                select(t.report)
                .where(*conditions)
                .order_by(t.report.c.created_at.desc(), t.report.c.report_id)
                .limit(limit)
                .offset(offset)
            )
            return [to_report(row) for row in rows.mappings()], total
