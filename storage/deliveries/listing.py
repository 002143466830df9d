"""Deliveries as people look at them: which are stuck, and let them go now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, delete, or_, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Delivery, DeliveryCause, DeliveryState
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.db.portions import in_portions
from storage.deliveries.row_mapping import to_delivery
from storage.deliveries.terms import waits_for_no_hours
from storage.events.payloads import DeliveryEvent
from storage.events.repository import add_event

_MANY_ATTEMPTS = 5
_WAS_TO_GO = and_(t.delivery.c.state == "CANCELLED", t.delivery.c.cancelled_from == "PENDING")
"""Its instance was not there, and may be again."""
_AT_ONCE = {"is_urgent": True, "waits_until": None, "note": ""}


@dataclass(frozen=True)
class DeliveryFilter:
    """What a delivery must be; None asks nothing."""

    delivery_id: str | None = None
    destination: str | None = None
    study_instance_uid: str | None = None
    job_id: str | None = None
    state: DeliveryState | None = None
    updated_since: datetime | None = None
    is_troubled: bool | None = None
    """It failed five times or more, and is not through yet: what others call a dead letter.
    It is still tried, at the longest interval, and never dropped; or its destination refused it
    for good, and a person has it tried again."""

    def conditions(self) -> list[ColumnElement[bool]]:
        columns = t.delivery.c
        wanted = {
            "delivery_id": self.delivery_id,
            "destination": self.destination,
            "study_instance_uid": self.study_instance_uid,
            "job_id": self.job_id,
            "state": self.state,
        }
        found: list[ColumnElement[bool]] = [
            columns[name] == value for name, value in wanted.items() if value is not None
        ]
        if self.updated_since is not None:
            found.append(columns.updated_at >= self.updated_since)
        if self.is_troubled is not None:
            troubled = or_(
                columns.state == "REFUSED",
                and_(
                    columns.state.in_(("PENDING", "SENDING")),
                    columns.attempts >= _MANY_ATTEMPTS,
                    columns.last_error != "",
                ),
            )
            found.append(troubled if self.is_troubled else ~troubled)
        return found


LAST_CHANGED = Keyset[Delivery](
    "deliveries",
    (
        SortColumn.of(t.delivery.c.updated_at, falls=True),
        SortColumn.of(t.delivery.c.delivery_id),
    ),
)


def list_deliveries(
    engine: Engine,
    wanted: DeliveryFilter,
    limit: int,
    offset: int,
    *,
    beyond: ColumnElement[bool] | None = None,
) -> tuple[list[Delivery], int]:
    """The newest change first, and how many there are in all.

    `beyond` begins the page where another one ended (`LAST_CHANGED`).
    """
    conditions = wanted.conditions()
    statement = select(t.delivery).where(*conditions).order_by(*LAST_CHANGED.order())
    with reading(engine) as connection:
        rows, total = read_page(connection, statement, limit, offset, beyond)
        return [to_delivery(row) for row in rows], total


def retry_now(engine: Engine, wanted: DeliveryFilter) -> int:
    """Let the waiting and the refused ones among them go at once; how many there were.

    What waits for the hours of its rule only where one delivery or one study is asked for.
    """
    stuck: list[ColumnElement[bool]] = [t.delivery.c.state.in_(("PENDING", "REFUSED"))]
    if wanted.delivery_id is None and wanted.study_instance_uid is None:
        stuck.append(waits_for_no_hours(utcnow()))
    return _go(engine, [*wanted.conditions(), *stuck], {"state": "PENDING"})


def send_again(engine: Engine, delivery_ids: Sequence[str]) -> int:
    """Send once more what was sent before: the destination may have lost it.

    One that is being sent just now is left alone, and so is one that was never released.
    """
    values = {"state": "PENDING", "sent_at": None, "questions": 0, "last_error": ""}
    wanted = [
        t.delivery.c.delivery_id.in_(delivery_ids),
        or_(t.delivery.c.state.in_(("PENDING", "REFUSED", "SENT", "CONFIRMED")), _WAS_TO_GO),
    ]
    return _go(engine, wanted, values)


def send_again_to(
    engine: Engine,
    destination: str,
    sop_instance_uids: Sequence[str],
    cause: DeliveryCause | None = None,
) -> int:
    """Send these once more, where they were sent before; how many were. `cause`: from now on."""
    values: dict[str, str | int | None] = {
        "state": "PENDING",
        "sent_at": None,
        "questions": 0,
        "last_error": "",
    }
    if cause is not None:
        values["cause"] = cause
    count = 0
    for portion in in_portions(sop_instance_uids):
        wanted = [
            t.delivery.c.destination == destination,
            t.delivery.c.sop_instance_uid.in_(portion),
            or_(t.delivery.c.state.in_(("SENT", "CONFIRMED")), _WAS_TO_GO),
        ]
        count += _go(engine, wanted, values)
    return count


def _go(
    engine: Engine,
    conditions: Sequence[ColumnElement[bool]],
    values: Mapping[str, str | int | None],
) -> int:
    now = utcnow()
    with writing(engine) as connection:
        rows = connection.execute(
            update(t.delivery)
            .where(*conditions)
            .values(**values, **_AT_ONCE, next_attempt_at=now, updated_at=now)
            .returning(t.delivery.c.study_instance_uid, t.delivery.c.destination)
        ).all()
        # Somebody says that it is worth a try: nobody waits for the destination's own time.
        called = {row[1] for row in rows}
        connection.execute(delete(t.breaker).where(t.breaker.c.destination.in_(called)))
        for study_instance_uid, destination in sorted({(row[0], row[1]) for row in rows}):
            add_event(
                connection,
                now,
                "delivery",
                study_instance_uid,
                payload=DeliveryEvent(destination=destination, state="PENDING"),
            )
    return len(rows)
