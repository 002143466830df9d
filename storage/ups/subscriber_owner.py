"""Whose an AE title is that subscribes to workitems.

That of a known peer is the peer's before it is anybody else's: others may subscribe with it only
until the peer does so itself.
"""

from collections.abc import Collection

import structlog
from sqlalchemy import Connection, delete, exists, null, select, update

from storage import tables as t
from storage.access_groups.visibility import read_state
from storage.core.callers.visibility import EVERYONE, current_visibility
from storage.core.errors import NotPermitted

log = structlog.get_logger(__name__)


def check_owner(connection: Connection, ae_title: str) -> None:
    """Raises NotPermitted for an AE title that somebody else of other groups subscribed with."""
    if _owner_of_other_groups(connection, ae_title):
        raise _refused(ae_title)


def take_over(connection: Connection, ae_title: str, holders: Collection[str]) -> str:
    """Let the caller speak for the title. `holders`: the known peers that have it (`Identity.id`).

    Where the caller is one of them, what others of other groups subscribed with it ends; their
    `Identity.id` is returned, else nothing.
    Raises NotPermitted.
    """
    visibility = current_visibility()
    owner = _owner_of_other_groups(connection, ae_title)
    if not owner:
        return ""
    if visibility is None or visibility.identity_id not in holders or owner in holders:
        raise _refused(ae_title)
    ended = connection.execute(
        delete(t.subscription).where(t.subscription.c.ae_title == ae_title)
    ).rowcount
    connection.execute(
        update(t.subscriber)
        .where(t.subscriber.c.ae_title == ae_title)
        .values(identity_id=null(), group_ids=[], dimse_event_id=None)
    )
    log.warning("workitem_subscriber_replaced", ae_title=ae_title, was=owner, subscriptions=ended)
    return owner


def note_owner(
    connection: Connection, ae_title: str, identity_id: str, holders: Collection[str]
) -> None:
    """While groups are enforced the first stays: others of its groups, and administrators, help.
    A peer that has the title is always its owner."""
    visibility, owner = current_visibility(), _owner(connection, ae_title)
    if visibility is not None:
        identity_id = visibility.identity_id
    is_another = owner is not None and owner[0] != identity_id
    if is_another and identity_id not in holders and read_state(connection).is_enforced:
        return
    connection.execute(
        update(t.subscriber)
        .where(t.subscriber.c.ae_title == ae_title)
        .values(
            identity_id=identity_id or null(),
            group_ids=list(visibility.group_ids) if visibility else [],
        )
    )


def _refused(ae_title: str) -> NotPermitted:
    return NotPermitted(
        f"The AE title {ae_title} is that of another subscriber.",
        remedy="Subscribe with a title of your own.",
    )


def _owner_of_other_groups(connection: Connection, ae_title: str) -> str:
    """Empty where the caller may speak for the title."""
    visibility, owner = current_visibility(), _owner(connection, ae_title)
    if visibility is None or owner is None or owner[0] == visibility.identity_id:
        return ""
    return owner[0] if owner[1].isdisjoint(visibility.group_ids) else ""


def _owner(connection: Connection, ae_title: str) -> tuple[str, set[int]] | None:
    """Who subscribed with the AE title and listens still, and its groups but for everyone's."""
    subscriber, subscription = t.subscriber.c, t.subscription.c
    row = connection.execute(
        select(subscriber.identity_id, subscriber.group_ids).where(
            subscriber.ae_title == ae_title,
            subscriber.identity_id.is_not(None),
            exists().where(subscription.ae_title == ae_title),
        )
    ).first()
    return None if row is None else (row.identity_id, set(row.group_ids or ()) - {EVERYONE})
