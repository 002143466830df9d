"""How many subscriptions there may be, in all and of one caller."""

from sqlalchemy import Connection, func, select

from storage import tables as t
from storage.core.errors import TooManyRequests
from storage.webhooks.people import FHIR

MOST_SUBSCRIPTIONS = 256
MOST_OF_ONE = 64
"""Of one account, key or identity, so that nobody has all of them."""


def check_count(connection: Connection, created_by_id: str) -> None:
    """Raises TooManyRequests."""
    rows = connection.execute(
        select(t.webhook.c.created_by_id, func.count().label("count"))
        .where(t.webhook.c.kind == FHIR)
        .group_by(t.webhook.c.created_by_id)
    )
    counts = {row.created_by_id: int(row[1]) for row in rows}
    if sum(counts.values()) >= MOST_SUBSCRIPTIONS:
        raise TooManyRequests(
            f"The node has {MOST_SUBSCRIPTIONS} subscriptions already.",
            remedy="Delete those that have ended or that nobody needs.",
        )
    if counts.get(created_by_id, 0) >= MOST_OF_ONE:
        raise TooManyRequests(
            f"You have {MOST_OF_ONE} subscriptions already.",
            remedy="Delete those that have ended or that you do not need.",
        )
