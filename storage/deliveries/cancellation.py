"""Deliveries of instances that a rejection note took out of use: they end, and say why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, case, select, update

from storage import tables as t
from storage.core.entities import DeliveryState
from storage.db.engine import writing
from storage.db.portions import in_portions
from storage.deliveries.claiming import announce
from storage.deliveries.row_mapping import to_delivery

REJECTED = "A rejection note took it out of use"
_c = t.delivery.c
_WAITING: tuple[DeliveryState, ...] = ("PENDING", "REFUSED", "AWAITING_RELEASE", "WITHHELD")


def cancel_rejected(
    connection: Connection, sop_instance_uids: Sequence[str], now: datetime
) -> None:
    """What waits to be sent or proved; what a sender has taken ends with `cancel_hidden`."""
    for uids in in_portions(sop_instance_uids):
        of_instances = and_(_c.sop_instance_uid.in_(uids), _c.state.in_(_WAITING))
        _cancel(connection, of_instances, REJECTED, now)


def cancel_hidden(engine: Engine, delivery_ids: Sequence[str], now: datetime) -> None:
    """Of deliveries that a sender has taken, those of rejected instances."""
    with writing(engine) as connection:
        is_hidden = _c.sop_instance_uid.in_(
            select(t.instance.c.sop_instance_uid).where(t.instance.c.is_rejected)
        )
        taken = and_(_c.delivery_id.in_(delivery_ids), _c.state == "SENDING")
        _cancel(connection, and_(taken, is_hidden), REJECTED, now)


def resume_rejected(
    connection: Connection, sop_instance_uids: Sequence[str], now: datetime
) -> None:
    """Those that `cancel_rejected` ended, as they were before: no note rejects them any more."""
    for uids in in_portions(sop_instance_uids):
        rows = connection.execute(
            update(t.delivery)
            .where(_c.sop_instance_uid.in_(uids), _c.state == "CANCELLED")
            .values(
                state=_c.cancelled_from,
                cancelled_from="",
                last_error="",
                next_attempt_at=now,
                updated_at=now,
            )
            .returning(*_c)
        ).all()
        _announce_each(connection, rows, now)


def _cancel(
    connection: Connection, condition: ColumnElement[bool], why: str, now: datetime
) -> None:
    """What was answered with success is SENT, and nobody asks for proof any more."""
    was_sent = _c.sent_at.is_not(None)
    rows = connection.execute(
        update(t.delivery)
        .where(condition)
        .values(
            state=case((was_sent, "SENT"), else_="CANCELLED"),
            # A sender had taken one that was PENDING.
            cancelled_from=case((was_sent, ""), (_c.state == "SENDING", "PENDING"), else_=_c.state),
            last_error=case(
                (was_sent, f"Answered success. {why}, so no proof is asked for."),
                else_=f"{why}, so it is not sent.",
            ),
            lease_owner="",
            updated_at=now,
        )
        .returning(*_c)
    ).all()
    _announce_each(connection, rows, now)


def _announce_each(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
    changed = [to_delivery(row._mapping) for row in rows]
    for state in sorted({one.state for one in changed}):
        announce(connection, [one for one in changed if one.state == state], state, now)
