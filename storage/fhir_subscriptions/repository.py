"""Subscriptions of FHIR: asked for, notified, ended."""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from storage import tables as t
from storage.core.callers.visibility import Caller, Visibility, limited_to, read_caller
from storage.core.clock import rfc3339, utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.crypto.secret_box import Sealer
from storage.db.engine import reading, writing
from storage.fhir_subscriptions.entities import (
    FhirSubscription,
    Focus,
    NewSubscription,
    NotificationType,
    SubscriptionEvent,
)
from storage.fhir_subscriptions.focuses import focuses_since
from storage.fhir_subscriptions.shares import check_count
from storage.fhir_subscriptions.topics import TOPICS
from storage.http.url_policy import read_url
from storage.settings import Settings, is_loopback
from storage.webhooks.enqueue import insert_notice
from storage.webhooks.owner_ends import end_subscriptions
from storage.webhooks.payloads import NoticeData
from storage.webhooks.people import FHIR, checked_address
from storage.webhooks.repository import signing_secret

_EVENTS_AT_ONCE = 200
_ENDED = "Its end has come."
_ALL = select(
    t.fhir_subscription,
    *(
        t.webhook.c[name]
        for name in ("url", "description", "created_by_id", "created_at", "updated_at")
    ),
).join(t.webhook, t.webhook.c.webhook_id == t.fhir_subscription.c.webhook_id)


class FhirSubscriptions:
    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        visibility_of: Callable[[Caller | None], Visibility | None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._sealer = Sealer(settings.data_dir)
        self._visibility_of = visibility_of

    def add(
        self, new: NewSubscription, *, created_by: Caller, sends_everything: bool
    ) -> FhirSubscription:
        """One whose handshake is on its way. Raises InvalidRequest, TooManyRequests."""
        checked_address("webhook", new.endpoint, self._settings)
        self._check_content(new)
        now, webhook_id = utcnow(), str(uuid.uuid4())
        hook = {
            "webhook_id": webhook_id,
            "url": new.endpoint,
            "description": new.reason,
            "events": [],
            "is_active": True,
            "secret": self._sealer.seal(signing_secret(), f"webhook:{webhook_id}"),
            "kind": FHIR,
            "created_by": asdict(created_by),
            "created_by_id": created_by.identity_id,
            "sends_everything": sends_everything,
            "created_at": now,
            "updated_at": now,
        }
        row = {
            "webhook_id": webhook_id,
            "topic": new.topic,
            "fhir_version": new.fhir_version,
            "status": "requested",
            "content": new.content,
            "filters": [list(one) for one in new.filters],
            "patients": [[list(key) for key in keys] for keys in new.patients],
            "heartbeat_s": new.heartbeat_s,
            "timeout_s": new.timeout_s,
            "max_count": new.max_count,
            "headers": self._sealer.seal(json.dumps(list(new.headers)), _place(webhook_id)),
            "event_count": 0,
            "ends_at": new.ends_at,
        }
        with writing(self._engine) as connection:
            check_count(connection, created_by.identity_id)
            connection.execute(insert(t.webhook).values(**hook, event_id=_newest()))
            connection.execute(insert(t.fhir_subscription).values(**row))
            _enqueue(connection, webhook_id, "handshake", [], now)
        return self.get(webhook_id)

    def _check_content(self, new: NewSubscription) -> None:
        if new.content != "full-resource":
            return
        if self._settings.fhir_subscription_content != "full-resource":
            raise InvalidRequest(
                "Notifications of this node carry no resources, which name patients.",
                remedy="Ask for id-only, or an operator sets"
                " MEDIVIEW_FHIR_SUBSCRIPTION_CONTENT=full-resource.",
            )
        address = read_url(new.endpoint)
        if address.scheme != "https" and not is_loopback(address.host):
            raise InvalidRequest(
                "Notifications would name patients on an unencrypted connection.",
                remedy="Give an https endpoint, or ask for id-only.",
            )

    def get(self, subscription_id: str) -> FhirSubscription:
        """Raises NotFound."""
        statement = _ALL.where(t.fhir_subscription.c.webhook_id == subscription_id)
        with reading(self._engine) as connection:
            row = connection.execute(statement).mappings().first()
        if row is None:
            raise _not_found()
        return self._to_subscription(dict(row))

    def all(self) -> list[FhirSubscription]:
        """Those that the caller may see, the oldest first."""
        ordered = _ALL.order_by(t.webhook.c.created_at, t.webhook.c.webhook_id)
        with reading(self._engine) as connection:
            rows = connection.execute(ordered).mappings().all()
        return [self._to_subscription(dict(row)) for row in rows]

    def remove(self, subscription_id: str) -> None:
        """With all that was on its way. Raises NotFound."""
        hook = t.webhook.c
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.webhook)
                .where(hook.webhook_id == subscription_id, hook.kind == FHIR)
                .returning(hook.webhook_id)
            ).first()
            if gone is None:
                raise _not_found()

    def fill(self, now: datetime) -> int:
        """Make notifications of what happened since the last time; how many were made."""
        kept, hook = t.fhir_subscription.c, t.webhook.c
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(
                    t.fhir_subscription,
                    hook.event_id,
                    hook.created_by,
                    hook.sends_everything,
                    select(func.max(t.event.c.event_id)).scalar_subquery().label("newest"),
                )
                .join(t.webhook, hook.webhook_id == kept.webhook_id)
                .where(hook.is_active, kept.status != "off")
            ).mappings()
            found = [dict(row) for row in rows]
        over = [one["webhook_id"] for one in found if one["ends_at"] and one["ends_at"] <= now]
        if over:
            with writing(self._engine) as connection:
                end_subscriptions(connection, over, _ENDED)
        # Without a handshake nobody has shown that the address is the subscriber's.
        listening = [one for one in found if one["webhook_id"] not in over and one["last_sent_at"]]
        return sum(self._fill(one, now) for one in listening)

    def _fill(self, row: dict[str, Any], now: datetime) -> int:
        webhook_id, position = row["webhook_id"], row["event_id"]
        found: list[Focus] = []
        upto = position
        if (row["newest"] or 0) > position:
            with limited_to(self._visibility(row)):
                found, upto = focuses_since(
                    self._engine, TOPICS[row["topic"]], row["patients"], position, _EVENTS_AT_ONCE
                )
        if upto == position and not _heartbeat_is_due(row, now):
            return 0
        with writing(self._engine) as connection:
            # Of two processes that fill at once, one finds the position moved.
            moved = connection.execute(
                update(t.webhook)
                .where(t.webhook.c.webhook_id == webhook_id, t.webhook.c.event_id == position)
                .values(event_id=upto)
            ).rowcount
            if not moved:
                return 0
            if found:
                return _enqueue_events(connection, row, found)
            if _heartbeat_is_due(row, now) and not _is_pending(connection, webhook_id):
                _enqueue(connection, webhook_id, "heartbeat", [], utcnow())
                _note_sent(connection, webhook_id, now)
                return 1
        return 0

    def visibility(self, subscription_id: str) -> Visibility | None:
        """What its owner may see by now; None: everything. Raises NotFound."""
        hook = t.webhook.c
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(hook.created_by, hook.sends_everything).where(
                        hook.webhook_id == subscription_id
                    )
                )
                .mappings()
                .first()
            )
        if row is None:
            raise _not_found()
        return self._visibility(dict(row))

    def _visibility(self, row: dict[str, Any]) -> Visibility | None:
        if row["sends_everything"]:
            return None
        created_by = row["created_by"]
        return self._visibility_of(None if created_by is None else read_caller(created_by))

    def delivered(self, subscription_id: str, now: datetime) -> None:
        """Its receiver has taken a notification: it is active, from its handshake on."""
        kept = t.fhir_subscription
        this = (kept.c.webhook_id == subscription_id, kept.c.status != "off")
        with writing(self._engine) as connection:
            is_first = connection.execute(
                select(kept.c.last_sent_at.is_(None)).where(*this)
            ).scalar()
            connection.execute(
                update(kept).where(*this).values(status="active", error="", last_sent_at=now)
            )
            if is_first:
                connection.execute(
                    update(t.webhook)
                    .where(t.webhook.c.webhook_id == subscription_id)
                    .values(event_id=_newest())
                )

    def failed(self, subscription_id: str, error: str) -> None:
        """A notification was given up."""
        kept = t.fhir_subscription
        with writing(self._engine) as connection:
            connection.execute(
                update(kept)
                .where(kept.c.webhook_id == subscription_id, kept.c.status != "off")
                .values(status="error", error=error)
            )

    def _to_subscription(self, row: dict[str, Any]) -> FhirSubscription:
        webhook_id = row["webhook_id"]
        headers = self._sealer.open(row["headers"], _place(webhook_id))
        return FhirSubscription(
            subscription_id=webhook_id,
            endpoint=row["url"],
            reason=row["description"],
            # Where the key that sealed them is lost, none can be sent.
            headers=tuple(json.loads(headers)) if headers else (),
            filters=tuple((name, value) for name, value in row["filters"]),
            patients=tuple(
                tuple((patient_id, issuer) for patient_id, issuer in keys)
                for keys in row["patients"]
            ),
            **{
                name: row[name]
                for name in (
                    *("topic", "fhir_version", "content", "heartbeat_s", "timeout_s", "max_count"),
                    *("ends_at", "status", "error", "event_count", "created_by_id"),
                    *("created_at", "updated_at"),
                )
            },
        )


def _enqueue_events(connection: Connection, row: dict[str, Any], found: list[Focus]) -> int:
    """Numbered without a gap, and put into as many notifications as `max_count` asks for."""
    webhook_id, most = row["webhook_id"], row["max_count"]
    kept = t.fhir_subscription
    last = connection.execute(
        update(kept)
        .where(kept.c.webhook_id == webhook_id)
        .values(event_count=kept.c.event_count + len(found))
        .returning(kept.c.event_count)
    ).scalar_one()
    events = [
        SubscriptionEvent(
            number=last - len(found) + at,
            at=rfc3339(one.at),
            focus=one.reference,
            study_instance_uid=one.study_instance_uid,
        )
        for at, one in enumerate(found, 1)
    ]
    batches = [events[at : at + most] for at in range(0, len(events), most)]
    for batch in batches:
        _enqueue(connection, webhook_id, "event-notification", batch, utcnow())
    return len(batches)


def _enqueue(
    connection: Connection,
    webhook_id: str,
    kind: NotificationType,
    events: list[SubscriptionEvent],
    at: datetime,
) -> None:
    studies = {one["study_instance_uid"] for one in events}
    data: dict[str, Any] = {"events": events}
    if len(studies) == 1:
        data["study_instance_uid"] = studies.pop()
    insert_notice(connection, webhook_id, kind, cast(NoticeData, data), at, at)


def _heartbeat_is_due(row: dict[str, Any], now: datetime) -> bool:
    if not row["heartbeat_s"]:
        return False
    # Also where the clock was set back since.
    return bool(abs(now - row["last_sent_at"]) >= timedelta(seconds=row["heartbeat_s"]))


def _note_sent(connection: Connection, webhook_id: str, now: datetime) -> None:
    kept = t.fhir_subscription
    connection.execute(update(kept).where(kept.c.webhook_id == webhook_id).values(last_sent_at=now))


def _is_pending(connection: Connection, webhook_id: str) -> bool:
    sent = t.webhook_delivery.c
    statement = select(sent.number).where(sent.webhook_id == webhook_id, sent.state == "PENDING")
    return connection.execute(statement.limit(1)).first() is not None


def _newest() -> Any:
    return select(func.coalesce(func.max(t.event.c.event_id), 0)).scalar_subquery()


def _place(webhook_id: str) -> str:
    return f"fhir-subscription:{webhook_id}"


def _not_found() -> NotFound:
    return NotFound(
        "There is no subscription under that identifier.",
        remedy="GET /fhir/Subscription lists them.",
    )
