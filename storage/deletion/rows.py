"""Take what a tombstone names out of the index, with what becomes empty by it."""

from sqlalchemy import Connection, and_, delete, exists, or_, select, update

from storage import tables as t
from storage.access_groups.former_groups import forget_groups
from storage.core.entities import Instance
from storage.db.portions import in_portions
from storage.deletion.derived_data import remove_work_of_series, remove_work_of_study
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.index.tombstones import Tombstone, exactly, is_discarded, note_tombstone, want_purged
from storage.objects.keys import object_key as uploaded_key
from storage.peers.notifications import by_series, want_notified
from storage.rejection_notes.in_force import forget_notes


def lock_study(connection: Connection, study_uid: str) -> None:
    """From now on, who adds to the study waits, and then finds it gone (PostgreSQL)."""
    study = t.study.c.study_instance_uid == study_uid
    study_id = select(t.study.c.id).where(study).scalar_subquery()
    patient_id = select(t.study.c.patient_fk).where(study).scalar_subquery()
    for rows in (
        select(t.series.c.id).where(t.series.c.study_fk == study_id).order_by(t.series.c.id),
        select(t.study.c.id).where(study),
        select(t.patient.c.id).where(t.patient.c.id == patient_id),
    ):
        connection.execute(rows.with_for_update()).all()


def remove_conflicts(connection: Connection, tombstone: Tombstone) -> int:
    """All other content under the UIDs that it names; how many waited for a decision."""
    of = t.conflict.c.sop_instance_uid
    uids = [one.sop_instance_uid for one in tombstone.instances]
    return sum(
        connection.execute(delete(t.conflict).where(of.in_(part))).rowcount
        for part in in_portions(uids)
    )


def remove_rows(
    connection: Connection, tombstone: Tombstone, *, with_conflicts: bool = True
) -> int:
    """In the transaction of the caller, who has locked the study; how many instances went.

    Without `with_conflicts` they have gone already (`remove_conflicts`), and what has come since
    stays.
    """
    note_tombstone(connection, tombstone)
    for content in tombstone.contents:
        connection.execute(delete(t.conflict).where(is_discarded(content)))
    gone: list[Instance] = []
    for portion in in_portions(tombstone.instances, 100):
        rows = connection.execute(select_stored_instances(exactly(portion))).mappings().all()
        gone += [to_instance(row) for row in rows]
    if not gone:
        return 0
    uids = [one.sop_instance_uid for one in gone]
    for one in gone:
        want_purged(connection, one.sop_instance_uid, one.location.object_key or uploaded_key(one))
    tables = (t.instance, t.conflict, t.delivery) if with_conflicts else (t.instance, t.delivery)
    for part in in_portions(uids):
        for table in tables:
            connection.execute(delete(table).where(table.c.sop_instance_uid.in_(part)))
        forget_notes(connection, part, tombstone.deleted_at)
    study_uid = tombstone.study_instance_uid
    emptied = [
        series_uid
        for series_uid in sorted({one.series_instance_uid for one in gone})
        if not _close_series(connection, study_uid, series_uid, tombstone)
    ]
    for series_uid in emptied:
        _remove_series(connection, study_uid, series_uid)
    study_gone = _remove_empty_study(connection, study_uid)
    if study_gone:
        connection.execute(
            delete(t.study_sender).where(t.study_sender.c.study_instance_uid == study_uid)
        )
    change = "study_deleted" if study_gone else "instances_deleted"
    payload = StudyEvent(change=change, series_instance_uids=emptied, instances=len(gone))
    add_event(connection, tombstone.deleted_at, "study", study_uid, payload=payload)
    want_notified(connection, "ian", study_uid, tombstone.deleted_at, gone=by_series(gone))
    return len(gone)


def _close_series(
    connection: Connection, study_uid: str, series_uid: str, tombstone: Tombstone
) -> bool:
    """Let a series that lost some instances complete again; False where none is left."""
    series = (
        select(t.series.c.id)
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(
            t.study.c.study_instance_uid == study_uid,
            t.series.c.series_instance_uid == series_uid,
        )
    )
    series_id = connection.execute(series).scalar()
    if series_id is None:
        return True
    rest = select(t.instance.c.is_rejected).where(t.instance.c.series_fk == series_id)
    # What is shown comes first.
    hidden = connection.execute(rest.order_by(t.instance.c.is_rejected).limit(1)).scalar()
    if hidden is None:
        return False
    connection.execute(
        update(t.series)
        .where(t.series.c.id == series_id)
        .values(state="RECEIVING", last_instance_at=tombstone.deleted_at, is_rejected=hidden)
    )
    return True


def _remove_series(connection: Connection, study_uid: str, series_uid: str) -> None:
    study_id = select(t.study.c.id).where(t.study.c.study_instance_uid == study_uid)
    connection.execute(
        delete(t.series).where(
            t.series.c.study_fk == study_id.scalar_subquery(),
            t.series.c.series_instance_uid == series_uid,
        )
    )
    connection.execute(
        delete(t.expectation).where(
            t.expectation.c.series_instance_uid == series_uid,
            or_(
                t.expectation.c.study_instance_uid == study_uid,
                # Of whichever study, and no other has the series.
                and_(
                    t.expectation.c.study_instance_uid == "",
                    ~exists().where(t.series.c.series_instance_uid == series_uid),
                ),
            ),
        )
    )
    request = t.series_request.c.series_instance_uid
    connection.execute(
        delete(t.series_request).where(
            request == series_uid, ~exists().where(t.series.c.series_instance_uid == request)
        )
    )
    takes_it = select(t.job_input.c.job_id).where(
        t.job_input.c.study_instance_uid == study_uid,
        t.job_input.c.series_instance_uid == series_uid,
    )
    remove_work_of_series(
        connection,
        study_uid,
        (t.job.c.study_instance_uid == study_uid)
        & ((t.job.c.series_instance_uid == series_uid) | t.job.c.job_id.in_(takes_it)),
    )
    for table in (t.decision, t.series_try):
        connection.execute(
            delete(table).where(
                table.c.study_instance_uid == study_uid,
                table.c.series_instance_uid == series_uid,
            )
        )


def _remove_empty_study(connection: Connection, study_uid: str) -> bool:
    """Remove a study without series, all that was worked out about it, and its patient."""
    row = connection.execute(
        select(t.study.c.id, t.study.c.patient_fk).where(
            t.study.c.study_instance_uid == study_uid,
            ~exists().where(t.series.c.study_fk == t.study.c.id),
        )
    ).first()
    if row is None:
        return False
    remove_work_of_study(connection, study_uid)
    connection.execute(delete(t.study).where(t.study.c.id == row.id))
    forget_groups(connection, study_uid)
    # A study that a modality sends later under this UID is no prior.
    connection.execute(
        delete(t.prior_fetch).where(
            t.prior_fetch.c.study_instance_uid == study_uid, t.prior_fetch.c.state != "RUNNING"
        )
    )
    connection.execute(
        delete(t.patient).where(
            t.patient.c.id == row.patient_fk,
            ~exists().where(t.study.c.patient_fk == t.patient.c.id),
        )
    )
    return True
