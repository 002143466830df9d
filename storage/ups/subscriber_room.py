"""How many AE titles one identity may subscribe with, and to how many workitems each."""

from sqlalchemy import Connection, delete, exists, func, select

from storage import tables as t
from storage.core.errors import NoRoom

MOST_TITLES = 100
"""Of one identity."""
MOST_TITLES_OF_ALL = 5_000
MOST_SUBSCRIPTIONS = 20_000
"""Of one title: to each workitem that one caller may have made."""
MOST_SUBSCRIPTIONS_OF_ALL = 200_000


def check_title(connection: Connection, ae_title: str, identity_id: str) -> None:
    """Before the title becomes a subscriber. Titles that listen to nothing any more make room.

    Raises NoRoom.
    """
    subscriber = t.subscriber.c
    if connection.scalar(select(exists().where(subscriber.ae_title == ae_title))):
        return
    of_identity = subscriber.identity_id == identity_id
    for limit, counted in ((MOST_TITLES, of_identity), (MOST_TITLES_OF_ALL, None)):
        count = select(func.count()).select_from(t.subscriber)
        if counted is not None:
            count = count.where(counted)
        if (connection.scalar(count) or 0) < limit:
            continue
        listens = exists().where(t.subscription.c.ae_title == subscriber.ae_title)
        silent = delete(t.subscriber).where(~listens)
        connection.execute(silent if counted is None else silent.where(counted))
        if (connection.scalar(count) or 0) >= limit:
            who = "your AE titles" if counted is not None else "AE titles"
            raise NoRoom(
                f"{limit:,} {who} subscribe to workitems already, which are the most.",
                remedy="Subscribe with one of them, or unsubscribe some.",
            )


def check_subscription(connection: Connection, ae_title: str, workitem_uid: str) -> None:
    """Before another one of the title is noted. Raises NoRoom."""
    subscription = t.subscription.c
    mine = subscription.ae_title == ae_title
    if connection.scalar(select(exists().where(mine, subscription.workitem_uid == workitem_uid))):
        return
    count = select(func.count()).select_from(t.subscription)
    of_title = connection.scalar(count.where(mine)) or 0
    if of_title >= MOST_SUBSCRIPTIONS:
        raise NoRoom(
            f"{ae_title} has {of_title:,} subscriptions to workitems; {MOST_SUBSCRIPTIONS:,} are"
            " the most.",
            remedy="Unsubscribe from some, or subscribe to the worklist as a whole.",
        )
    if (connection.scalar(count) or 0) >= MOST_SUBSCRIPTIONS_OF_ALL:
        raise NoRoom(
            f"There are {MOST_SUBSCRIPTIONS_OF_ALL:,} subscriptions to workitems, which are the"
            " most.",
            remedy="Subscribe to the worklist as a whole.",
        )
