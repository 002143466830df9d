"""Who subscribed to which topic, by a channel whose address is a secret."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Engine, delete, insert, literal, select, update

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.errors import NotFound
from storage.db.engine import among_texts, reading, writing
from storage.fhircast.entities import Subscription
from storage.fhircast.shares import giving_way

_SECRET_BYTES = 32
_COLUMNS = [t.fhircast_subscription.c[field.name] for field in fields(Subscription)]


def endpoint_hash(secret: str) -> str:
    """Random bits of 256, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


class FhircastSubscriptions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        topic: str,
        events: Sequence[str],
        name: str,
        *,
        identity_id: str,
        kind: str,
        key_id: str,
        session_hash: str,
        now: datetime,
        expires_at: datetime,
    ) -> str:
        """The secret of a new channel, which takes the place of one of the same subscriber: each
        event would come twice. One that is not connected gives way where there are many.

        Raises TooManyRequests.
        """
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        table = t.fhircast_subscription
        with as_node(), writing(self._engine) as connection:
            # Where nobody signs in, all browsers are one.
            is_same = (
                literal(kind != "local")
                & (table.c.topic == topic)
                & (table.c.identity_id == identity_id)
                & (table.c.key_id == key_id)
                & (table.c.session_hash == session_hash)
                & (table.c.name == name)
            )
            connection.execute(delete(table).where((table.c.expires_at <= now) | is_same))
            gives_way = giving_way(connection, topic, identity_id)
            connection.execute(delete(table).where(table.c.endpoint_hash == gives_way))
            connection.execute(
                insert(table).values(
                    endpoint_hash=endpoint_hash(secret),
                    topic=topic,
                    events=list(events),
                    name=name,
                    identity_id=identity_id,
                    kind=kind,
                    key_id=key_id,
                    session_hash=session_hash,
                    connection_id="",
                    created_at=now,
                    expires_at=expires_at,
                )
            )
        return secret

    def renew(
        self, secret: str, topic: str, identity_id: str, events: Sequence[str], expires_at: datetime
    ) -> None:
        """Replace what a subscription asks for, and until when. Raises NotFound."""
        table = t.fhircast_subscription
        with as_node(), writing(self._engine) as connection:
            changed = connection.execute(
                update(table)
                .where(
                    table.c.endpoint_hash == endpoint_hash(secret),
                    table.c.topic == topic,
                    table.c.identity_id == identity_id,
                )
                .values(events=list(events), expires_at=expires_at)
            )
        if not changed.rowcount:
            raise _absent()

    def end(self, secret: str, topic: str, identity_id: str) -> None:
        """Unsubscribe. Raises NotFound."""
        table = t.fhircast_subscription
        with as_node(), writing(self._engine) as connection:
            gone = connection.execute(
                delete(table).where(
                    table.c.endpoint_hash == endpoint_hash(secret),
                    table.c.topic == topic,
                    table.c.identity_id == identity_id,
                )
            )
        if not gone.rowcount:
            raise _absent()

    def remove(self, hashed: str) -> None:
        """What the hub itself ends: nobody answers there."""
        table = t.fhircast_subscription
        with as_node(), writing(self._engine) as connection:
            connection.execute(delete(table).where(table.c.endpoint_hash == hashed))

    def find(self, hashed: str, now: datetime) -> Subscription | None:
        """None where it has ended."""
        table = t.fhircast_subscription
        with as_node(), reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(*_COLUMNS).where(
                        table.c.endpoint_hash == hashed, table.c.expires_at > now
                    )
                )
                .mappings()
                .first()
            )
        return Subscription(**{**row, "events": tuple(row["events"])}) if row is not None else None

    def standing(self, hashes: Collection[str], now: datetime) -> dict[str, Subscription]:
        """Those of these that have not ended, by their hash."""
        table = t.fhircast_subscription
        with as_node(), reading(self._engine) as connection:
            rows = connection.execute(
                select(*_COLUMNS).where(
                    among_texts(connection, table.c.endpoint_hash, hashes), table.c.expires_at > now
                )
            ).mappings()
            found = [Subscription(**{**row, "events": tuple(row["events"])}) for row in rows]
        return {one.endpoint_hash: one for one in found}

    def connect(self, hashed: str, connection_id: str, now: datetime) -> Subscription | None:
        """Give the channel to a new connection; the one that had it finds out. None: no such."""
        table = t.fhircast_subscription
        with as_node(), writing(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.c.endpoint_hash == hashed)
                .values(connection_id=connection_id)
            )
        return self.find(hashed, now)

    def disconnect(self, hashed: str, connection_id: str) -> None:
        """Note that nobody listens; another that took the channel over goes on."""
        table = t.fhircast_subscription
        with as_node(), writing(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.c.endpoint_hash == hashed, table.c.connection_id == connection_id)
                .values(connection_id="")
            )

    def connected(self, topic: str) -> list[str]:
        """Names of those who listen to a topic now."""
        table = t.fhircast_subscription
        with as_node(), reading(self._engine) as connection:
            return list(
                connection.execute(
                    select(table.c.name)
                    .where(table.c.topic == topic, table.c.connection_id != "")
                    .order_by(table.c.created_at)
                ).scalars()
            )


def _absent() -> NotFound:
    return NotFound(
        "There is no such subscription of yours.",
        remedy="Subscribe again, without hub.channel.endpoint; leases end.",
    )
