"""Studies in which a result came, changed or went, which the node's clock works off: pipelines that
take results of others are asked again.
"""

from datetime import datetime

from sqlalchemy import Connection, literal, select

from storage import tables as t
from storage.core.entities import Job
from storage.db.due.studies import mark_due


def mark_result(connection: Connection, job: Job, now: datetime) -> None:
    """The job ended, or its results are withdrawn; in the transaction in which they are."""
    if job.study_instance_uid and job.queue == "jobs":
        study = select(literal(job.study_instance_uid, t.result_due.c.study_instance_uid.type))
        # A condition, without which SQLite would take ON CONFLICT for that of a join.
        mark_due(connection, t.result_due, study.where(literal(1) == 1), now)
