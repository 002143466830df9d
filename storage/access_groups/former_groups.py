"""Groups that a study left hear that it did: it was deleted, its order went, or it moved."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select

from storage import tables as t
from storage.core.clock import utcnow


def forget_groups(connection: Connection, study_instance_uid: str) -> None:
    """What comes later under its UID, or is still ordered, is decided on from the beginning.

    A study that is here keeps its groups: it goes by itself, and not by its orders.
    """
    study = select(t.study.c.id).where(t.study.c.study_instance_uid == study_instance_uid)
    if connection.execute(study).first() is not None:
        return
    now = t.study_group.c
    of_study = now.study_instance_uid == study_instance_uid
    note_departure(
        connection,
        study_instance_uid,
        connection.execute(select(now.group_id).where(of_study)).scalars().all(),
    )
    connection.execute(delete(t.study_group).where(of_study))


def note_departure(
    connection: Connection, study_instance_uid: str, group_ids: Collection[int]
) -> None:
    """From now on these groups see of the study what happened until now, and nothing later."""
    if not group_ids:
        return
    former, left_at = t.former_study_group, utcnow()
    connection.execute(
        delete(former).where(
            former.c.study_instance_uid == study_instance_uid, former.c.group_id.in_(group_ids)
        )
    )
    connection.execute(
        insert(former),
        [
            {"study_instance_uid": study_instance_uid, "group_id": group_id, "left_at": left_at}
            for group_id in group_ids
        ],
    )
