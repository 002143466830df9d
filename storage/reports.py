"""Report drafts, each sentence bound to findings."""

from dataclasses import asdict

from sqlalchemy import Engine, delete, insert, select

from storage import tables as t
from storage.database import reading, writing
from storage.entities import Report
from storage.rows import to_report


class Reports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, report: Report) -> None:
        """Keep the report in place of an earlier one of the same job."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.report).where(t.report.c.job_id == report.job_id))
            connection.execute(insert(t.report).values(**asdict(report)))

    def of_study(self, study_instance_uid: str) -> list[Report]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.report)
                .where(t.report.c.study_instance_uid == study_instance_uid)
                .order_by(t.report.c.created_at)
            )
            return [to_report(row) for row in rows.mappings()]
