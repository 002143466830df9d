"""Subscribers that are sent reports of workitems (PS3.4 CC.2.4), and up to where each got them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, exists, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.outbox.tables import SUBSCRIBERS
from storage.ups.events import ScpStatus, record, scp_status
from storage.ups.subscriptions import WORKLIST_UID

# To one that was out of reach for longer as many events are reported at most.
_LOOK_BACK = 10_000


@dataclass(frozen=True)
class ReportedTo:
    """A subscriber, and the last event that it got a report of, if it was to get one."""

    ae_title: str
    event_id: int
    attempts: int


class EventReports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def announce(self, status: ScpStatus) -> None:
        """Report the service's own state to all who listen to anything (PS3.4 CC.2.4.3)."""
        now = utcnow()
        with writing(self._engine) as connection:
            anyone = connection.execute(select(t.subscription.c.ae_title).limit(1)).first()
            if anyone is not None:
                record(connection, now, WORKLIST_UID, "", scp_status(status))

    def is_any_waiting(self) -> bool:
        """Whether a report is yet to be sent to somebody who was not out of reach the last time."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.subscriber.c.ae_title)
                .where(
                    t.subscriber.c.dimse_event_id < _newest(connection),
                    t.subscriber.c.last_error == "",
                )
                .limit(1)
            )
            return found.first() is not None

    def due_peers(self, now: datetime) -> list[str]:
        """The AE titles that wait for what has happened since, the longest first."""
        ae_title, position = t.subscriber.c.ae_title, t.subscriber.c.dimse_event_id
        with reading(self._engine) as connection:
            found = connection.execute(
                select(ae_title)
                .where(position < _newest(connection), SUBSCRIBERS.is_due(now))
                .order_by(position, ae_title)
            )
            return list(found.scalars())

    def claim_due(
        self, owner: str, lease_s: float, now: datetime, ae_title: str
    ) -> ReportedTo | None:
        """Take that one; None where it waits for nothing, or another process has it."""
        with writing(self._engine) as connection:
            newest = _newest(connection)
            row = SUBSCRIBERS.take_first(
                connection,
                owner,
                lease_s,
                now,
                t.subscriber.c.dimse_event_id < newest,
                t.subscriber.c.ae_title == ae_title,
                order=(t.subscriber.c.ae_title,),
            )
        if row is None:
            return None
        position = max(row["dimse_event_id"], newest - _LOOK_BACK)
        return ReportedTo(row["ae_title"], position, row["attempts"])

    def renew(self, one: ReportedTo, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        with writing(self._engine) as connection:
            return SUBSCRIBERS.renew(connection, owner, lease_s, now, _is(one))

    def reported(self, one: ReportedTo, event_id: int, owner: str) -> None:
        """It got all up to that event; what comes after is due at once."""
        self._release(one, owner, dimse_event_id=event_id, attempts=0, last_error="")

    def retry_later(self, one: ReportedTo, error: str, again_at: datetime, owner: str) -> None:
        self._release(one, owner, again_at, last_error=error)

    def end_without_subscription(self, one: ReportedTo, owner: str) -> bool:
        """Whether it listens to nothing, and is sent no reports until it subscribes again."""
        listens = exists().where(t.subscription.c.ae_title == one.ae_title)
        with writing(self._engine) as connection:
            ended = connection.execute(
                update(t.subscriber)
                .where(_is(one), SUBSCRIBERS.is_owned(owner), ~listens)
                .values(**SUBSCRIBERS.released(), dimse_event_id=None, attempts=0, last_error="")
            )
        return bool(ended.rowcount)

    def _release(
        self, one: ReportedTo, owner: str, until: datetime | None = None, **values: object
    ) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.subscriber)
                .where(_is(one), SUBSCRIBERS.is_owned(owner))
                .values(**SUBSCRIBERS.released(until), **values, updated_at=utcnow())
            )


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(t.event.c.event_id))).scalar() or 0


def _is(one: ReportedTo) -> ColumnElement[bool]:
    return t.subscriber.c.ae_title == one.ae_title
