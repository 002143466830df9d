"""Results over content that has changed since: the jobs are superseded, their results withdrawn.

First everything in the index says so, in one transaction. What lies at destinations is withdrawn
next (`inference.withdrawals`), and again until it is done.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import (
    Connection,
    Engine,
    Update,
    and_,
    case,
    delete,
    func,
    null,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.core.entities import OPEN_STATES, DeliveryCause, Job
from storage.core.text.outside_text import stored_reason
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.db.row_mapping import to_job
from storage.index.generated_instances import made_by_job, note_withdrawn
from storage.jobs.begun_revisions import end_begun
from storage.jobs.insert import announce
from storage.jobs.upstream import RESULT_CHANGED, downstream_of
from storage.jobs.upstream_queue import mark_result
from storage.outbox.tables import JOBS
from storage.reports.critical_alerts import withdraw_alerts
from storage.reports.draft_queue import mark_report_due
from storage.reports.superseded import mark_superseded
from storage.search.passages import FINDING, forget

SUPERSEDED = (
    "The series has changed since. What it holds now becomes a job once a pipeline accepts it."
)

NO_PRIOR_ANY_MORE = (
    "The earlier study that the job took is of another patient now, or not for all who see the"
    " job's own."
)


class Withdrawals:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def outdated(self, limit: int, since: datetime | None = None) -> list[Job]:
        """Jobs over content that is no longer that of their series, the oldest first.

        `since` looks only at series whose last instance came (or went) after it.
        """
        conditions = [
            t.series.c.origin == "received",
            # As a term, so that no index of it is begun with: nearly every job is so.
            func.coalesce(t.job.c.ending, "") == "",
            t.job.c.state.in_(("SCHEDULED", "IN PROGRESS", "COMPLETED")),
        ]
        if since is not None:
            # Every state there is, for the index, which begins with it.
            conditions.append(t.series.c.state.in_(("RECEIVING", "COMPLETE")))
            conditions.append(t.series.c.last_instance_at >= since)
        several = select(t.job_input.c.job_id).where(t.job_input.c.job_id == t.job.c.job_id)
        query = (
            select(t.job, t.series.c.fingerprint.label("now"), t.series.c.state.label("arrives"))
            .select_from(
                t.series.join(t.study, t.series.c.study_fk == t.study.c.id).join(
                    t.job,
                    and_(
                        t.job.c.study_instance_uid == t.study.c.study_instance_uid,
                        t.job.c.series_instance_uid == t.series.c.series_instance_uid,
                    ),
                )
            )
            .where(
                *conditions,
                ~several.exists(),
                or_(
                    t.series.c.state == "RECEIVING",
                    t.series.c.fingerprint != t.job.c.input_fingerprint,
                ),
            )
            .order_by(t.job.c.created_at)
        )
        of_several = (
            select(t.job)
            .join(t.job_input, t.job_input.c.job_id == t.job.c.job_id)
            .join(t.study, t.study.c.study_instance_uid == t.job_input.c.study_instance_uid)
            .join(
                t.series,
                and_(
                    t.series.c.study_fk == t.study.c.id,
                    t.series.c.series_instance_uid == t.job_input.c.series_instance_uid,
                ),
            )
            .where(
                *conditions,
                or_(
                    t.series.c.state == "RECEIVING",
                    t.series.c.fingerprint != t.job_input.c.fingerprint,
                ),
            )
            .order_by(t.job.c.created_at)
        )
        with reading(self._engine) as connection:
            found = [
                to_job(row)
                for row in connection.execute(query).mappings()
                if _is_outdated(to_job(row), row["now"], row["arrives"])
            ]
            jobs = {row["job_id"]: to_job(row) for row in connection.execute(of_several).mappings()}
        return [*found, *jobs.values()][:limit]

    def supersede(self, job_id: str, reason: str, now: datetime) -> bool:
        """Let nothing of the job count any more; False where it failed, or is superseded already.

        An unfinished job ends. A completed one stays so as a workitem (a UPS never leaves
        COMPLETED), but its findings are left out of everything that counts. So it is with jobs that
        took its results.
        """
        with writing(self._engine) as connection:
            changed = connection.execute(_superseding(job_id, reason, now))
            if not changed.rowcount:
                return False
            job = _job(connection, job_id)
            announce(connection, job, now)
            withdraw_with_downstream(connection, job, now)
        return True

    def among(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that are superseded."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.job.c.job_id).where(
                    t.job.c.job_id.in_(set(job_ids)), t.job.c.ending == "superseded"
                )
            )
            return set(rows.scalars())

    def waiting(self, limit: int, but: AbstractSet[str] = frozenset()) -> list[Job]:
        """Superseded jobs whose results are not yet withdrawn at their destinations; `but` leaves
        some out."""
        query = (
            select(t.job)
            .where(
                t.job.c.ending == "superseded",
                t.job.c.withdrawn_at.is_(None),
                t.job.c.job_id.not_in(but),
            )
            .order_by(t.job.c.updated_at)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [to_job(row) for row in connection.execute(query).mappings()]

    def done(self, job_id: str, now: datetime, sop_instance_uids: Sequence[str] = ()) -> None:
        """Whatever went out of the job is withdrawn there: its results, those that it stored while
        it was superseded, and `sop_instance_uids`."""
        made = t.generated_instance.c.sop_instance_uid
        with writing(self._engine) as connection:
            note_withdrawn(connection, now, made_by_job(job_id))
            for part in in_portions(sop_instance_uids):
                note_withdrawn(connection, now, made.in_(part))
            connection.execute(
                update(t.job).where(t.job.c.job_id == job_id).values(withdrawn_at=now)
            )

    def destinations_of(self, sop_instance_uids: Sequence[str]) -> dict[str, DeliveryCause]:
        """Where any of the instances is or may be, and by which cause; those never sent are not
        sent any more."""
        delivery = t.delivery.c
        of_instances = delivery.sop_instance_uid.in_(sop_instance_uids)
        unsent = and_(
            of_instances,
            delivery.sent_at.is_(None),
            delivery.state.in_(("PENDING", "REFUSED", "AWAITING_RELEASE", "WITHHELD", "CANCELLED")),
        )
        with writing(self._engine) as connection:
            # First: what a sender takes meanwhile is there afterwards, or is not taken.
            gone = connection.execute(
                delete(t.delivery)
                .where(unsent)
                .returning(delivery.destination, delivery.cause, delivery.attempts, delivery.state)
            ).all()
            rows = connection.execute(
                select(delivery.destination, delivery.cause).where(of_instances).distinct()
            ).all()
        # It may be there although no answer came, or one that was taken back since.
        tried = (one for one in gone if one.attempts and one.state != "REFUSED")
        found = {(one.destination, one.cause) for one in (*rows, *tried)}
        # A person may have sent it to a peer that gets no results: that cause is last.
        return dict(sorted(found, key=lambda one: (one[0], one[1] != "RESULT", one[1])))


def withdraw_with_downstream(connection: Connection, job: Job, now: datetime) -> None:
    """Nothing of a job that is superseded counts any more, nor of those that took its results."""
    _withdraw_results(connection, job, now)
    for other in downstream_of(connection, [job.job_id]):
        changed = connection.execute(_superseding(other, RESULT_CHANGED, now))
        if changed.rowcount:
            withdrawn = _job(connection, other)
            announce(connection, withdrawn, now)
            _withdraw_results(connection, withdrawn, now)


def _superseding(job_id: str, reason: str, now: datetime) -> Update:
    open_ = t.job.c.state.in_(OPEN_STATES)
    values = {
        "ending": "superseded",
        "reason": stored_reason(reason),
        "state": case((open_, "CANCELED"), else_=t.job.c.state),
        "finished_at": func.coalesce(t.job.c.finished_at, now),
        **JOBS.released(),
        "updated_at": now,
    }
    return (
        update(t.job)
        .where(
            t.job.c.job_id == job_id,
            t.job.c.ending == "",
            t.job.c.state.in_(("SCHEDULED", "IN PROGRESS", "COMPLETED")),
        )
        .values(**values)
    )


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(t.job).where(t.job.c.job_id == job_id))
    return to_job(row.mappings().one())


def _withdraw_results(connection: Connection, job: Job, now: datetime) -> None:
    end_begun(connection, job, now)
    _withdraw_findings(connection, job, now)
    note_withdrawn(connection, now, made_by_job(job.job_id))
    mark_report_due(connection, job.study_instance_uid, now)
    mark_result(connection, job, now)


def _is_outdated(job: Job, fingerprint: str, state: str) -> bool:
    """A person's edit has a fingerprint of its own, and names that of the series it is over."""
    edited = job.result.get("edited")
    if state == "RECEIVING" or not edited:
        return True
    source = edited.get("source_fingerprint", "")
    return bool(source) and source != fingerprint


def _withdraw_findings(connection: Connection, job: Job, now: datetime) -> None:
    """No search finds them, no alert repeats them, no later study is compared with them."""
    ids = list(
        connection.execute(
            select(t.finding.c.finding_id).where(t.finding.c.job_id == job.job_id)
        ).scalars()
    )
    connection.execute(
        delete(t.drift_observation).where(t.drift_observation.c.job_id == job.job_id)
    )
    if not ids:
        return
    forget(connection, FINDING, ids)
    withdraw_alerts(connection, ids, job.reason, now)
    compared_with_them = t.finding.c.prior["finding_id"].as_string().in_(ids)
    compared = select(t.finding.c.study_instance_uid).where(compared_with_them).distinct()
    studies = {job.study_instance_uid, *connection.execute(compared).scalars()}
    studies |= _of_same_patient(connection, job.study_instance_uid)
    mark_superseded(connection, studies, ids, now)
    connection.execute(update(t.finding).where(compared_with_them).values(prior=null()))


def _of_same_patient(connection: Connection, study_instance_uid: str) -> set[str]:
    """A report compares facts of every kind, of which a finding's own prior notes volumes alone.

    Whatever dates and groups say now: the text was written by what they stated then.
    """
    this, other = t.study.alias("this"), t.study.alias("other")
    rows = connection.execute(
        select(other.c.study_instance_uid)
        .select_from(
            this.join(other, other.c.person_fk == this.c.person_fk).join(
                t.patient, t.patient.c.id == this.c.patient_fk
            )
        )
        # Many patients share the empty ID, and none of them is compared.
        .where(this.c.study_instance_uid == study_instance_uid, t.patient.c.patient_id != "")
    )
    return set(rows.scalars())
