"""What is on its way to webhooks: made from events once, sent in order, retried, given up.

The order holds for each webhook: what comes later waits until what came before is
delivered or dead.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, func, select, update

from storage import tables as t
from storage.core.callers.visibility import Caller, Visibility, limited_to, read_caller
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.events.row_mapping import to_event
from storage.outbox.leases import OWNER_ENDED
from storage.outbox.tables import WEBHOOKS
from storage.webhooks.enqueue import enqueue
from storage.webhooks.entities import DueReceiver, NoticeState, WebhookDelivery
from storage.webhooks.failures import announce_given_up
from storage.webhooks.payloads import notices_of, wanted_as
from storage.webhooks.people import FHIR, PEOPLE_EVENTS, URGENT_EVENTS

_EVENTS_AT_ONCE = 200


NEWEST_NOTICES = Keyset[WebhookDelivery](
    "notices", (SortColumn.of(t.webhook_delivery.c.number, falls=True),)
)


class WebhookOutbox:
    def __init__(
        self,
        engine: Engine,
        visibility_of: Callable[[Caller | None], Visibility | None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._visibility_of = visibility_of

    def fill(self) -> int:
        """Make notices of the events that came since the last time; how many were made."""
        with reading(self._engine) as connection:
            newest = connection.execute(select(func.max(t.event.c.event_id))).scalar() or 0
            hook = t.webhook.c
            behind = connection.execute(
                select(hook.webhook_id, hook.created_by, hook.sends_everything).where(
                    hook.is_active, hook.event_id < newest, hook.kind != FHIR
                )
            ).all()
        return sum(
            self._fill(webhook_id, newest, self._visibility(created_by, sends_everything))
            for webhook_id, created_by, sends_everything in behind
        )

    def _visibility(
        self, created_by: dict[str, Any] | None, sends_everything: bool
    ) -> Visibility | None:
        """Who may see what a webhook sends; None: no access group narrows it."""
        if sends_everything:
            return None
        return self._visibility_of(None if created_by is None else read_caller(created_by))

    def _fill(self, webhook_id: str, newest: int, visibility: Visibility | None) -> int:
        """In one transaction with the position, so that no event up to `newest` is sent twice
        or lost."""
        with limited_to(visibility), writing(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.webhook).where(t.webhook.c.webhook_id == webhook_id).with_for_update()
                )
                .mappings()
                .first()
            )
            if row is None or not row["is_active"] or row["event_id"] >= newest:
                return 0
            events = [
                to_event(one)
                for one in connection.execute(
                    select(t.event)
                    .where(t.event.c.event_id > row["event_id"], t.event.c.event_id <= newest)
                    .order_by(t.event.c.event_id)
                    .limit(_EVENTS_AT_ONCE)
                ).mappings()
            ]
            notices = [
                (event, name, notice)
                for event in events
                for notice in notices_of(connection, event)
                if (row["kind"] == "webhook" or notice.event_type in PEOPLE_EVENTS)
                and (name := wanted_as(tuple(row["events"]), notice.event_type))
            ]
            for event, name, notice in notices:
                enqueue(connection, dict(row), name, notice.data, event.at)
            connection.execute(
                update(t.webhook)
                .where(t.webhook.c.webhook_id == webhook_id)
                .values(event_id=events[-1].event_id if len(events) == _EVENTS_AT_ONCE else newest)
            )
            return len(notices)

    def is_due(self, now: datetime) -> bool:
        """Whether a sender would find something to do."""
        with reading(self._engine) as connection:
            return connection.execute(_due(now).limit(1)).first() is not None

    def due(self, now: datetime) -> list[DueReceiver]:
        """Receivers that a sender would find something to do for; who has waited longest first."""
        table = t.webhook_delivery.c
        urgent = select(table.webhook_id).where(
            table.state == "PENDING", table.event_type.in_(URGENT_EVENTS)
        )
        hook = t.webhook.c
        wanted = _due(now).with_only_columns(
            hook.webhook_id, hook.created_by_id, hook.webhook_id.in_(urgent).label("is_urgent")
        )
        with reading(self._engine) as connection:
            rows = connection.execute(wanted.order_by(table.next_attempt_at)).mappings()
            return [DueReceiver(**row) for row in rows]

    def claim(self, webhook_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Take a receiver for one sender alone; False where another one has it."""
        this = t.webhook.c.webhook_id == webhook_id
        with writing(self._engine) as connection:
            # Of a sender that came to its end the lease is empty.
            lapsed = connection.execute(select(t.webhook.c.lease_expires_at).where(this)).scalar()
            is_taken = WEBHOOKS.take(connection, owner, lease_s, now, this)
            if is_taken and lapsed:
                _explain_first(connection, webhook_id, OWNER_ENDED)
            return is_taken

    def renew(self, webhook_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Keep a claim; False when it is lost."""
        row = t.webhook.c.webhook_id == webhook_id
        with writing(self._engine) as connection:
            return WEBHOOKS.renew(connection, owner, lease_s, now, row)

    def release(self, webhook_id: str, owner: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.webhook)
                .where(t.webhook.c.webhook_id == webhook_id, WEBHOOKS.is_owned(owner))
                .values(**WEBHOOKS.released())
            )

    def first_pending(self, webhook_id: str, now: datetime) -> WebhookDelivery | None:
        """What comes next in order, if it is due."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.webhook_delivery)
                    .where(
                        t.webhook_delivery.c.webhook_id == webhook_id,
                        t.webhook_delivery.c.state == "PENDING",
                    )
                    .order_by(t.webhook_delivery.c.number)
                    .limit(1)
                )
                .mappings()
                .first()
            )
        found = None if row is None else WebhookDelivery(**row)
        return found if found is not None and found.next_attempt_at <= now else None

    def delivered(self, delivery_id: str, status: int, now: datetime) -> None:
        self._end(delivery_id, {"state": "DELIVERED", "last_status": status, "ended_at": now})

    def failed(
        self, delivery_id: str, error: str, status: int | None, next_attempt_at: datetime | None
    ) -> None:
        """Put it off, or give it up where there is no next attempt."""
        values: dict[str, Any] = {"last_error": error, "last_status": status}
        if next_attempt_at is None:
            values |= {"state": "DEAD", "ended_at": utcnow()}
        else:
            values["next_attempt_at"] = next_attempt_at
        self._end(delivery_id, values)

    def _end(self, delivery_id: str, values: dict[str, Any]) -> None:
        table = t.webhook_delivery
        with writing(self._engine) as connection:
            row = connection.execute(
                update(table)
                .where(table.c.delivery_id == delivery_id, table.c.state == "PENDING")
                .values(**values, attempts=table.c.attempts + 1)
                .returning(table)
            ).first()
            if row is not None and row.state == "DEAD":
                announce_given_up(connection, row.webhook_id, [row])

    def redeliver(self, webhook_id: str, delivery_id: str) -> WebhookDelivery:
        """Send it once more, whatever became of it. Raises NotFound."""
        table = t.webhook_delivery
        with writing(self._engine) as connection:
            row = (
                connection.execute(
                    update(table)
                    .where(table.c.webhook_id == webhook_id, table.c.delivery_id == delivery_id)
                    .values(
                        state="PENDING",
                        attempts=0,
                        next_attempt_at=utcnow(),
                        ended_at=None,
                        message_id="",
                    )
                    .returning(table)
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no such notice to this webhook.",
                remedy="GET /api/webhooks/{webhook_id}/deliveries lists them.",
            )
        return WebhookDelivery(**row)

    def list(
        self,
        webhook_id: str,
        state: NoticeState | None,
        limit: int,
        offset: int,
        *,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[WebhookDelivery], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_NOTICES`).
        """
        table = t.webhook_delivery
        conditions = [table.c.webhook_id == webhook_id]
        if state is not None:
            conditions.append(table.c.state == state)
        statement = select(table).where(*conditions).order_by(*NEWEST_NOTICES.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [WebhookDelivery(**row) for row in rows], total

    def counts(self, webhook_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Notices by webhook and state."""
        table = t.webhook_delivery
        counted: dict[str, dict[str, int]] = {webhook_id: {} for webhook_id in webhook_ids}
        with reading(self._engine) as connection:
            for webhook_id, state, count in connection.execute(
                select(table.c.webhook_id, table.c.state, func.count())
                .where(table.c.webhook_id.in_(webhook_ids))
                .group_by(table.c.webhook_id, table.c.state)
            ):
                counted[webhook_id][state] = count
        return counted

    def prune(self, before: datetime) -> None:
        """Forget what ended before that time."""
        table = t.webhook_delivery
        with writing(self._engine) as connection:
            connection.execute(
                delete(table).where(table.c.state != "PENDING", table.c.ended_at < before)
            )


def _due(now: datetime) -> Select[Any]:
    """Active webhooks that nobody sends to and whose next notice is due."""
    table, waiting = t.webhook_delivery, t.webhook_delivery.alias()
    # Found by the index for each webhook, however many notices wait for one that is out of reach.
    first = (
        select(func.min(waiting.c.number))
        .where(waiting.c.webhook_id == t.webhook.c.webhook_id, waiting.c.state == "PENDING")
        .correlate(t.webhook)
        .scalar_subquery()
    )
    return (
        select(t.webhook.c.webhook_id)
        .select_from(t.webhook)
        .join(table, table.c.number == first)
        .where(t.webhook.c.is_active, table.c.next_attempt_at <= now, WEBHOOKS.is_due(now))
    )


def _explain_first(connection: Connection, webhook_id: str, reason: str) -> None:
    table = t.webhook_delivery
    first = select(func.min(table.c.number)).where(
        table.c.webhook_id == webhook_id, table.c.state == "PENDING"
    )
    connection.execute(
        update(table).where(table.c.number == first.scalar_subquery()).values(last_error=reason)
    )
