"""Remove what was worked out about deleted images, in the transaction that removes their rows."""

from typing import Any

from sqlalchemy import Connection, delete, select

from storage import tables as t
from storage.jobs.upstream import downstream_of
from storage.reports.rows import remove_reports
from storage.search.passages import FINDING
from storage.ups.expiry import forget_study, note_jobs_gone


def remove_work(connection: Connection, condition: Any) -> None:
    """The jobs that the condition names and those that took their results, with what they found and
    what is found of it."""
    gone = list(connection.execute(select(t.job.c.job_id).where(condition)).scalars())
    gone = list(dict.fromkeys([*gone, *downstream_of(connection, gone)]))
    jobs = select(t.job.c.job_id).where(t.job.c.job_id.in_(gone))
    note_jobs_gone(connection, gone)
    remove_reports(connection, t.report.c.job_id.in_(jobs))
    findings = select(t.finding.c.finding_id).where(t.finding.c.job_id.in_(jobs))
    connection.execute(
        delete(t.passage).where(t.passage.c.kind == FINDING, t.passage.c.subject_id.in_(findings))
    )
    connection.execute(delete(t.finding).where(t.finding.c.job_id.in_(jobs)))
    connection.execute(delete(t.lesion).where(t.lesion.c.job_id.in_(jobs)))
    for column in (t.lesion_match.c.job_id, t.lesion_match.c.later_job_id):
        connection.execute(delete(t.lesion_match).where(column.in_(jobs)))
    connection.execute(delete(t.job_input).where(t.job_input.c.job_id.in_(gone)))
    connection.execute(delete(t.job).where(t.job.c.job_id.in_(gone)))


def remove_work_of_study(connection: Connection, study_uid: str) -> None:
    """All jobs, results and questions of a study.

    A document that comes with a question is of no study, and stays until its time is over.
    """
    remove_work(connection, t.job.c.study_instance_uid == study_uid)
    forget_study(connection, study_uid)
    remove_reports(connection, t.report.c.study_instance_uid == study_uid)
    for table in (
        t.shadow_run,
        t.drift_observation,
        t.decision,
        t.finding,
        t.lesion,
        t.lesion_match,
        t.report_due,
        t.prior_due,
        t.result_due,
        t.hl7_message,
        t.alert,
        t.delivery,
        t.availability_notice,
        t.passage,
        t.study_use,
        t.study_retention,
        t.study_confirmation,
        t.received_patient,
        t.rejection,
        t.rejection_note,
        t.interactive_session,
    ):
        connection.execute(delete(table).where(table.c.study_instance_uid == study_uid))
    asked = select(t.answer.c.job_id).where(t.answer.c.study_instance_uid == study_uid)
    questions = list(connection.execute(asked).scalars())
    connection.execute(delete(t.answer).where(t.answer.c.job_id.in_(questions)))
    connection.execute(delete(t.job).where(t.job.c.job_id.in_(questions)))
