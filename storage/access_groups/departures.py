"""The groups of a study that is deleted, or of which an order is, go with it."""

from sqlalchemy import Connection, delete, insert, literal, select

from storage import tables as t
from storage.core.clock import utcnow


def forget_groups(connection: Connection, study_instance_uid: str) -> None:
    """What comes later under its UID, or is still ordered, is decided on from the beginning.

    Those who saw it until now still hear that it went (`former_study_group`). A study that is
    here keeps its groups: it goes by itself, and not by its orders.
    """
    study = select(t.study.c.id).where(t.study.c.study_instance_uid == study_instance_uid)
    if connection.execute(study).first() is not None:
        return
    now, former = t.study_group, t.former_study_group
    of_study = now.c.study_instance_uid == study_instance_uid
    groups = select(now.c.group_id).where(of_study)
    connection.execute(
        delete(former).where(
            former.c.study_instance_uid == study_instance_uid, former.c.group_id.in_(groups)
        )
    )
    connection.execute(
        insert(former).from_select(
            ["study_instance_uid", "group_id", "left_at"],
            select(now.c.study_instance_uid, now.c.group_id, literal(utcnow())).where(of_study),
        )
    )
    connection.execute(delete(now).where(of_study))
