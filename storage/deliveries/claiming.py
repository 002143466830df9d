"""Which deliveries a sender takes next, and by what right nobody else does."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, distinct, func, select, update

from storage import tables as t
from storage.core.entities import Delivery, DeliveryState
from storage.db.engine import writing
from storage.db.row_mapping import to_delivery
from storage.events.repository import add_event
from storage.outbox.tables import DELIVERIES

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

    Destinations that as many senders as `senders_at_most` says are busy with wait, and so do
    those that are out of reach, and those of `but_not`.
    """
    is_result = t.delivery.c.cause == "RESULT"
    elsewhere = t.delivery.c.destination.not_in(list(but_not))
    for of_this_round in (is_result, ~is_result):
        wanted = [DELIVERIES.is_due(now), in_reach(now), elsewhere, of_this_round]
        claimed = _claim(engine, owner, lease_s, now, limit, senders_at_most, wanted)
        if claimed:
            return claimed
    return []


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
            payload={"destination": destination, "state": state},
        )


def _claim(
    engine: Engine,
    owner: str,
    lease_s: float,
    now: datetime,
    limit: int,
    senders_at_most: Mapping[str, int],
    wanted: list[ColumnElement[bool]],
) -> list[Delivery]:
    with writing(engine) as connection:
        if senders_at_most:
            full = _full(connection, senders_at_most, now)
            wanted.append(t.delivery.c.destination.not_in(full))
        first = (
            connection.execute(
                select(t.delivery)
                .where(*wanted)
                .order_by(t.delivery.c.next_attempt_at, t.delivery.c.created_at)
                .limit(1)
            )
            .mappings()
            .first()
        )
        if first is None:
            return []
        ids = list(
            connection.execute(
                select(t.delivery.c.delivery_id)
                .where(
                    *wanted,
                    t.delivery.c.destination == first["destination"],
                    t.delivery.c.study_instance_uid == first["study_instance_uid"],
                )
                .order_by(t.delivery.c.created_at, t.delivery.c.delivery_id)
                .limit(limit)
            ).scalars()
        )
        # The condition again: on PostgreSQL another sender may have been quicker.
        connection.execute(
            update(t.delivery)
            .where(t.delivery.c.delivery_id.in_(ids), *wanted)
            .values(**DELIVERIES.taken(owner, lease_s, now))
        )
        rows = connection.execute(
            select(t.delivery)
            .where(t.delivery.c.delivery_id.in_(ids), DELIVERIES.is_owned(owner))
            .order_by(t.delivery.c.created_at, t.delivery.c.delivery_id)
        )
        claimed = [to_delivery(row) for row in rows.mappings()]
        announce(connection, claimed, "SENDING", now)
        return claimed


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
