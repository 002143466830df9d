"""How many webhooks there may be, in all and of one owner."""

from sqlalchemy import Connection, func, select

from storage import tables as t
from storage.core.errors import TooManyRequests
from storage.webhooks.people import FHIR

MOST_WEBHOOKS = 1024
MOST_OF_ONE = 256
"""Of one account, key or identity: for each, every event is looked at."""


def check_webhook_count(connection: Connection, created_by_id: str, *, is_new: bool = True) -> None:
    """Raises TooManyRequests where this owner may have no more, or there may be no new one.

    Subscriptions of FHIR have a bound of their own.
    """
    hook = t.webhook.c
    count, own_count = connection.execute(
        select(func.count(), func.count().filter(hook.created_by_id == created_by_id)).where(
            hook.kind != FHIR
        )
    ).one()
    if own_count >= MOST_OF_ONE:
        raise TooManyRequests(
            f"You have {MOST_OF_ONE} webhooks already.",
            remedy="Remove those that nobody needs; one webhook may send several events.",
        )
    if is_new and count >= MOST_WEBHOOKS:
        raise TooManyRequests(
            f"The node has {MOST_WEBHOOKS} webhooks already.",
            remedy="Remove those that nobody needs.",
        )
