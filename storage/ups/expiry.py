"""Workitems that go: ended long ago, or with the study that they were about (PS3.4 CC.2.1.3)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine, Select, delete, exists, or_, select

from storage import tables as t
from storage.access_groups.former_groups import forget_groups
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES
from storage.db.engine import insert_or_ignore, writing
from storage.ups.job_mapping import uid_of_job
from storage.ups.subscriptions import GLOBAL_UIDS

_AT_ONCE = 500


def forget_ended(engine: Engine, before: datetime) -> int:
    """Delete items that ended before and that no subscriber holds by a deletion lock; how many.

    A lock on the worklist, or on a filtered part of it, holds every item.
    """
    item, subscription = t.work_item, t.subscription
    locked = exists().where(
        subscription.c.deletion_lock,
        or_(
            subscription.c.workitem_uid == item.c.sop_instance_uid,
            subscription.c.workitem_uid.in_(GLOBAL_UIDS),
        ),
    )
    with writing(engine) as connection:
        return _forget(
            connection,
            select(item.c.sop_instance_uid)
            .where(item.c.state.in_(ENDED_STATES), item.c.updated_at < before, ~locked)
            .limit(_AT_ONCE),
        )


def forget_study(connection: Connection, study_instance_uid: str) -> None:
    """Delete the ended items of a study that is deleted: they name its patient.

    No lock holds them. What is still to be done waits for the study to come again.
    """
    item = t.work_item
    of_study = item.c.study_instance_uid == study_instance_uid
    _forget(
        connection, select(item.c.sop_instance_uid).where(of_study, item.c.state.in_(ENDED_STATES))
    )


def note_jobs_gone(connection: Connection, job_ids: Iterable[str]) -> None:
    """Remember the workitems that jobs were, when the jobs are deleted."""
    _note(connection, (uid_of_job(job_id) for job_id in job_ids))


def _forget(connection: Connection, chosen: Select[tuple[str]]) -> int:
    uids: list[str] = list(connection.scalars(chosen))
    item = t.work_item.c
    studies = connection.scalars(
        select(item.study_instance_uid)
        .where(item.sop_instance_uid.in_(uids), item.study_instance_uid != "")
        .distinct()
    ).all()
    for column in (t.work_item.c.sop_instance_uid, t.subscription.c.workitem_uid):
        connection.execute(delete(column.table).where(column.in_(uids)))
    for study_instance_uid in studies:
        forget_groups(connection, study_instance_uid)
    _note(connection, uids)
    return len(uids)


def _note(connection: Connection, uids: Iterable[str]) -> None:
    now = utcnow()
    for uid in uids:
        insert_or_ignore(connection, t.gone_work_item, {"sop_instance_uid": uid, "gone_at": now})
