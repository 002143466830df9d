"""How much of a topic one takes part in: its owner is never shut out by others."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from storage import tables as t
from storage.core.errors import TooManyRequests

AT_MOST = 60
"""Events of the owner; of all others together; and SyncErrors of the hub."""
OF_ONE = 30
_WITHIN = timedelta(seconds=10)
_HUB = "hub "

PER_TOPIC = 16
"""More programs than one person has on a desk."""
OTHERS_PER_TOPIC = 12
OF_ONE_PER_TOPIC = 8
IN_ALL = 4096
OF_ONE_IN_ALL = 1024


def hub_for(identity_id: str) -> str:
    """The hub, which names one that did not follow."""
    return f"{_HUB}{identity_id}"


def is_of_hub(by: str) -> bool:
    return by.startswith(_HUB)


def check_rate(connection: Connection, topic: str, owner_id: str, by: str, now: datetime) -> None:
    """Raises TooManyRequests. Each identity but the owner's has half of what others have."""
    event = t.fhircast_event.c
    rows = connection.execute(
        select(event.announced_by, func.count())
        .where(event.topic == topic, event.at > now - _WITHIN)
        .group_by(event.announced_by)
    )
    recent = Counter({str(row[0]): int(row[1]) for row in rows})

    def kind(one: str) -> str:
        return "owner" if one == owner_id else "hub" if is_of_hub(one) else "others"

    of_kind = sum(count for one, count in recent.items() if kind(one) == kind(by))
    if of_kind >= AT_MOST or (by != owner_id and recent[by] >= OF_ONE):
        raise TooManyRequests(
            f"You have announced {recent[by]} events in the topic within"
            f" {_WITHIN.total_seconds():.0f} s, and others {of_kind - recent[by]}, which is as many"
            " as there may be.",
            remedy="Two systems may answer each other; send again after some seconds.",
        )


def giving_way(connection: Connection, topic: str, identity_id: str) -> str:
    """The subscription that gives way to a new one of `identity_id`, "" for none.

    One that is not connected does, and the owner's to none of others. Of each topic they leave
    some to the owner, and no identity has all of the hub. Raises TooManyRequests.
    """
    table = t.fhircast_subscription
    whose = select(t.fhircast_topic.c.owner_id).where(t.fhircast_topic.c.topic == topic)
    owner_id = connection.scalar(whose)
    rows = connection.execute(
        select(table.c.endpoint_hash, table.c.identity_id, table.c.connection_id)
        .where(table.c.topic == topic)
        .order_by(table.c.created_at)
    ).all()
    own = [row for row in rows if row.identity_id == identity_id]
    others = [row for row in rows if row.identity_id != owner_id]
    is_owner = identity_id == owner_id
    if not is_owner and len(own) >= OF_ONE_PER_TOPIC:
        return _idle(own, OF_ONE_PER_TOPIC)
    if not is_owner and len(others) >= OTHERS_PER_TOPIC:
        return _idle(others, OTHERS_PER_TOPIC)
    if len(rows) >= PER_TOPIC:
        return _idle(rows if is_owner else others, PER_TOPIC)
    count, own_count = connection.execute(
        select(func.count(), func.count().filter(table.c.identity_id == identity_id))
    ).one()
    if count >= IN_ALL or own_count >= OF_ONE_IN_ALL:
        raise TooManyRequests(
            f"The hub has {count} subscriptions, {own_count} of them yours, which is as many as"
            " there may be.",
            remedy="Try again when leases have ended.",
        )
    return ""


def _idle(rows: Sequence[Any], most: int) -> str:
    """Raises TooManyRequests."""
    for row in rows:
        if not row.connection_id:
            return str(row.endpoint_hash)
    raise TooManyRequests(
        f"The topic has {most} subscribers, which is as many as you may find there.",
        remedy="Unsubscribe one of them, or wait until its lease ends.",
    )
