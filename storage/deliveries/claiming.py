"""Which deliveries a sender takes next, and by what right nobody else does."""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, case, distinct, func, select, update

from storage import tables as t
from storage.core.entities import Delivery, DeliveryState
from storage.db.engine import reading, writing
from storage.deliveries.row_mapping import to_delivery
from storage.events.payloads import DeliveryEvent
from storage.events.repository import add_event
from storage.outbox.tables import DELIVERIES

_RECEIVED_AT_ONCE = 8  # times as many as results
_AS_IT_IS_NOW = {
    # What its last sender had sent is no longer so; who takes it now reads it again.
    "sent_at": case((~t.delivery.c.is_outdated, t.delivery.c.sent_at)),
    "is_outdated": False,
    "waits_until": None,
    "note": case((t.delivery.c.sent_at.is_(None), ""), else_=t.delivery.c.note),
}
_CLAIM_LOCK = 0x6D76_6465  # of this transaction alone among those of the database


def claim_due(
    engine: Engine,
    owner: str,
    lease_s: float,
    now: datetime,
    limit: int,
    senders_at_most: Mapping[str, int],
    but_not: Collection[str],
) -> list[Delivery]:
    """Take due deliveries of one destination and one study, in their order; results first.

    `limit` is that of results; of received instances, which are many, more go at once.
    Destinations that as many senders as `senders_at_most` says are busy with wait, and so do
    those that are out of reach, and those of `but_not`.
    """
    with writing(engine) as connection:
        full = _full(connection, senders_at_most, now) if senders_at_most else []
        names = set(_destinations_in_reach(connection, now)).difference(full, but_not)
        first = _next_due(connection, names, now)
        if first is None:
            return []
        is_result = t.delivery.c.cause == "RESULT"
        ids = list(
            connection.execute(
                select(t.delivery.c.delivery_id)
                .where(
                    DELIVERIES.is_still_due(now),
                    t.delivery.c.destination == first.destination,
                    t.delivery.c.study_instance_uid == first.study_instance_uid,
                    is_result if first.cause == "RESULT" else ~is_result,
                )
                .order_by(t.delivery.c.created_at, t.delivery.c.delivery_id)
                .limit(limit if first.cause == "RESULT" else limit * _RECEIVED_AT_ONCE)
            ).scalars()
        )
        # The condition again: on PostgreSQL another sender may have been quicker.
        connection.execute(
            update(t.delivery)
            .where(t.delivery.c.delivery_id.in_(ids), DELIVERIES.is_still_due(now))
            .values(**DELIVERIES.taken(owner, lease_s, now), **_AS_IT_IS_NOW)
        )
        rows = connection.execute(
            select(t.delivery)
            .where(t.delivery.c.delivery_id.in_(ids), DELIVERIES.is_owned(owner))
            .order_by(t.delivery.c.created_at, t.delivery.c.delivery_id)
        )
        claimed = [to_delivery(row) for row in rows.mappings()]
        announce(connection, claimed, "SENDING", now)
        return claimed


def is_any_due(engine: Engine, now: datetime) -> bool:
    """Whether a sender would find something, however much there is."""
    with reading(engine) as connection:
        return _next_due(connection, _destinations_in_reach(connection, now), now) is not None


def in_reach(now: datetime) -> ColumnElement[bool]:
    """Not to a destination that is left alone for a while (`circuit_breaker`)."""
    return t.delivery.c.destination.not_in(
        select(t.breaker.c.destination).where(t.breaker.c.open_until > now)
    )


def announce(
    connection: Connection, deliveries: list[Delivery], state: DeliveryState, now: datetime
) -> None:
    """One event for each study and destination."""
    for study_instance_uid, destination in sorted(
        {(delivery.study_instance_uid, delivery.destination) for delivery in deliveries}
    ):
        add_event(
            connection,
            now,
            "delivery",
            study_instance_uid,
            payload=DeliveryEvent(destination=destination, state=state),
        )


def _destinations_in_reach(connection: Connection, now: datetime) -> list[str]:
    """All that the ledger names, step by step along its index: it has few among many rows."""
    column = t.delivery.c.destination
    names = select(func.min(column).label("name")).cte("destinations", recursive=True)
    following = select(func.min(column)).where(column > names.c.name).scalar_subquery()
    names = names.union_all(select(following).where(names.c.name.is_not(None)))
    open_ones = select(t.breaker.c.destination).where(t.breaker.c.open_until > now)
    found = connection.execute(
        select(names.c.name).where(names.c.name.is_not(None), names.c.name.not_in(open_ones))
    )
    return list(found.scalars())


def _next_due(connection: Connection, names: Collection[str], now: datetime) -> Any | None:
    """Destination, study and cause of what is due first. Each question is one step in an index."""
    columns = t.delivery.c
    for causes in (("RESULT",), ("RULE", "PERSON")):
        due = []
        for name, cause, state in product(sorted(names), causes, DELIVERIES.states):
            row = connection.execute(
                select(
                    columns.next_attempt_at,
                    columns.created_at,
                    columns.destination,
                    columns.study_instance_uid,
                    columns.cause,
                )
                .where(
                    columns.destination == name,
                    columns.cause == cause,
                    columns.state == state,
                    columns.next_attempt_at <= now,
                )
                .order_by(columns.next_attempt_at, columns.created_at)
                .limit(1)
            ).first()
            if row is not None:
                due.append(row)
        if due:
            return min(due, key=lambda row: (row.next_attempt_at, row.created_at))
    return None


def _full(connection: Connection, at_most: Mapping[str, int], now: datetime) -> list[str]:
    """Destinations that no further sender may be busy with."""
    if connection.dialect.name == "postgresql":
        # Others would count while this claim is not yet to be seen. SQLite has one writer anyway.
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIM_LOCK)))
    rows = connection.execute(
        select(t.delivery.c.destination, func.count(distinct(t.delivery.c.lease_owner)))
        .where(
            t.delivery.c.state == "SENDING",
            t.delivery.c.next_attempt_at > now,
            t.delivery.c.destination.in_(list(at_most)),
        )
        .group_by(t.delivery.c.destination)
    )
    return [destination for destination, senders in rows if senders >= at_most[destination]]
