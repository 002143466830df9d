"""What a peer's announcements may change while access groups are enforced.

What it began it may go on with, and so may the peers of its groups: a broker ends what a modality
began. Orders and series of other groups stay as they are. It is answered alike whether they are
here or not, so that a modality goes on and learns nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, or_, select

from storage import tables as t
from storage.access_groups.visibility import unseen
from storage.core.callers.visibility import EVERYONE, Visibility
from storage.core.clock import utcnow
from storage.db.engine import reading
from storage.db.portions import in_portions
from storage.worklist.stations import scheduled_stations


@dataclass(frozen=True)
class Sender:
    """A peer, by the AE title under which it calls. `identity_id` is that of `Caller`.

    Strangers share one identity, and are distinguished by their titles.
    """

    identity_id: str
    ae_title: str


def may_go_on(
    connection: Connection,
    visibility: Visibility | None,
    sender: Sender,
    identity_id: str | None,
    ae_title: str,
) -> bool:
    """Whether the sender may change what that identity sent under that title.

    To be called as the node. Without an identity, an earlier version noted the title alone.
    """
    if visibility is None:
        return True
    if sender.ae_title == ae_title and identity_id in (None, sender.identity_id):
        return True
    peer, member = t.peer.c, t.access_group_member.c
    names: ColumnElement[bool] = (
        member.subject.in_(select(peer.name).where(peer.ae_title == ae_title))
        if identity_id is None
        else member.subject == identity_id.removeprefix("peer:")
    )
    groups = connection.scalars(
        select(member.group_id).where(
            member.kind == "peer",
            names,
            member.group_id != EVERYONE,
            or_(member.expires_at.is_(None), member.expires_at > utcnow()),
        )
    )
    return not set(groups).isdisjoint(visibility.group_ids)


def reached_studies(
    engine: Engine,
    visibility: Visibility | None,
    sender: Sender,
    study_instance_uids: Collection[str],
) -> set[str]:
    """Those that the sender sees, that are scheduled for its AE title or came from it.

    To be called as the node. A modality need not belong to the group that gets its studies.
    """
    others = unseen(engine, visibility, study_instance_uids)
    reached = set(study_instance_uids) - others
    if not others:
        return reached
    item, study = t.worklist_item.c, t.study.c
    came_from_it = (
        select(study.study_instance_uid)
        .join_from(t.study, t.series)
        .join_from(t.series, t.instance)
        .where(t.instance.c.source == f"dimse:{sender.ae_title}")
        .distinct()
    )
    with reading(engine) as connection:
        for portion in in_portions(others):
            reached.update(
                row.study_instance_uid
                for row in connection.execute(
                    select(item.study_instance_uid, item.attributes).where(
                        item.study_instance_uid.in_(portion)
                    )
                )
                if sender.ae_title in scheduled_stations(row.attributes)
            )
            reached.update(
                connection.scalars(came_from_it.where(study.study_instance_uid.in_(portion)))
            )
    return reached
