"""Remove what was worked out about deleted images, in the transaction that removes their rows."""

from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.jobs.upstream import downstream_of
from storage.reports.critical_alerts import withdraw_alerts
from storage.reports.draft_queue import mark_report_due
from storage.reports.rows import remove_reports
from storage.search.passages import FINDING
from storage.ups.expiry import forget_study, note_jobs_gone

_DELETED = "Images that it rests on were deleted."


def remove_work_of_series(connection: Connection, study_uid: str, condition: Any) -> None:
    """The same of jobs over a series of a study that stays: its report states their findings no
    more, and nobody need acknowledge what was critical in them."""
    gone = list(connection.execute(select(t.job.c.job_id).where(condition)).scalars())
    gone += downstream_of(connection, gone)
    findings = select(t.finding.c.finding_id).where(t.finding.c.job_id.in_(gone))
    finding_ids = list(connection.execute(findings).scalars())
    now = utcnow()
    if gone:
        withdraw_alerts(connection, finding_ids, _DELETED, now)
        # What a person edited or signed stays, and gets the new text offered.
        mark_report_due(connection, study_uid, now)
    remove_work(connection, condition)


def remove_work(connection: Connection, condition: Any) -> None:
    """The jobs that the condition names and those that took their results, with what they found and
    what is found of it."""
    gone = list(connection.execute(select(t.job.c.job_id).where(condition)).scalars())
    gone = list(dict.fromkeys([*gone, *downstream_of(connection, gone)]))
    jobs = select(t.job.c.job_id).where(t.job.c.job_id.in_(gone))
    note_jobs_gone(connection, gone)
    remove_reports(connection, t.report.c.job_id.in_(jobs))
    _compare_others_again(connection, gone)
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


def _compare_others_again(connection: Connection, job_ids: list[str]) -> None:
    """Reports and values of the patient's other studies, which may be compared with what goes."""
    measured = [
        select(table.c.study_instance_uid).where(table.c.job_id.in_(job_ids))
        for table in (t.finding, t.lesion)
    ]
    went = select(t.study.c.id, t.study.c.person_fk).join(
        t.patient, t.patient.c.id == t.study.c.patient_fk
    )
    rows = connection.execute(
        went.where(
            t.patient.c.patient_id != "",
            or_(*(t.study.c.study_instance_uid.in_(one) for one in measured)),
        )
    ).all()
    uid = t.study.c.study_instance_uid
    has_work = or_(
        *(
            exists().where(table.c.study_instance_uid == uid)
            for table in (t.finding, t.lesion, t.report)
        )
    )
    others = select(uid).where(
        t.study.c.person_fk.in_({row.person_fk for row in rows}),
        t.study.c.id.not_in({row.id for row in rows}),
        has_work,
    )
    now = utcnow()
    for study_instance_uid in list(connection.execute(others).scalars()) if rows else ():
        mark_report_due(connection, study_instance_uid, now)


def remove_work_of_study(connection: Connection, study_uid: str) -> None:
    """All jobs, results and questions of a study.

    A document that comes with a question is of no study, and stays until its time is over.
    """
    remove_work(connection, t.job.c.study_instance_uid == study_uid)
    forget_study(connection, study_uid)
    remove_reports(connection, t.report.c.study_instance_uid == study_uid)
    for table in (
        t.shadow_run,
        t.model_trial,
        t.drift_observation,
        t.decision,
        t.series_try,
        t.finding,
        t.lesion,
        t.lesion_match,
        t.report_due,
        t.prior_due,
        t.result_due,
        t.order_due,
        t.retrospective_study,
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
        t.shared_view,
        t.fhircast_context,
        t.fhircast_event,
    ):
        connection.execute(delete(table).where(table.c.study_instance_uid == study_uid))
    asked = select(t.answer.c.job_id).where(t.answer.c.study_instance_uid == study_uid)
    questions = list(connection.execute(asked).scalars())
    connection.execute(delete(t.answer).where(t.answer.c.job_id.in_(questions)))
    connection.execute(delete(t.job).where(t.job.c.job_id.in_(questions)))
