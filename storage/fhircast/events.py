"""The hub's one state: each event is committed with what it opens, changes or closes.

A topic's row is locked while an event is taken, so that all get a topic's events in one order and
an update meets the version that it was made for (FHIRcast 3.0.0, 2.10).
"""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, insert, select

from storage import tables as t
from storage.core.callers.visibility import as_node, current_visibility
from storage.core.clock import utcnow
from storage.db.engine import reading, reading_one_state, writing
from storage.fhircast.entities import Announced, Context
from storage.fhircast.event_studies import ANYBODY, groups_of, studies_named_in
from storage.fhircast.messages import CastMessage
from storage.fhircast.open_contexts import (
    as_message,
    audience_of_open,
    changed_context,
    close_context,
    contexts_of,
    forget_contexts,
    open_context,
    written,
)
from storage.fhircast.shares import check_rate, is_of_hub
from storage.fhircast.topics import locked_owner, topic_where

EVENTS_KEPT = timedelta(minutes=10)
"""A channel sends within a second; who comes later gets what is open."""


class FhircastEvents:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def contexts(self, topic: str) -> list[Context]:
        """What is open and the caller may see, the current context last."""
        with reading(self._engine) as connection:
            return contexts_of(connection, topic)

    def opened(self, topic: str) -> tuple[int, list[Context]]:
        """The number of the newest event that the caller may see, and what it and those before it
        left open. Who gets `since` that number next gets nothing twice."""
        event = t.fhircast_event.c
        with reading_one_state(self._engine) as connection:
            number = connection.scalar(select(func.max(event.number)).where(event.topic == topic))
            return number or 0, contexts_of(connection, topic)

    def newest(self) -> dict[str, int]:
        """The number of the newest event of each topic."""
        number = t.fhircast_event.c.number
        with as_node(), reading(self._engine) as connection:
            rows = connection.execute(
                select(t.fhircast_event.c.topic, func.max(number)).group_by(
                    t.fhircast_event.c.topic
                )
            )
            return {row[0]: row[1] for row in rows}

    def since(self, topic: str, number: int, limit: int = 100) -> list[Announced]:
        """Events of the topic after a number that the caller may see, oldest first."""
        event = t.fhircast_event
        is_kept = event.c.at >= utcnow() - EVENTS_KEPT
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(event)
                .where(event.c.topic == topic, event.c.number > number, is_kept)
                .order_by(event.c.number)
                .limit(limit)
            )
            return [
                Announced(row["number"], as_message(row["message"]), row["not_for"])
                for row in rows.mappings()
            ]

    def announce(
        self, message: CastMessage, now: datetime, *, by: str, not_for: str = ""
    ) -> CastMessage:
        """Take an event and have it sent to those who subscribed to the topic; as it is sent.

        `by`: whose share of the topic it takes (`storage.fhircast.shares`). What names nothing of
        this node goes to those who have all groups of the caller.

        Raises NotFound for a topic, VersionConflict for an update of another version,
        StateConflict for one of what is not open, TooManyRequests, LimitExceeded.
        """
        groups = ANYBODY if is_of_hub(by) else groups_of(current_visibility())
        # An event may name thousands of things: they are looked up while others may write.
        with as_node(), reading(self._engine) as connection:
            owner_id = topic_where(connection, t.fhircast_topic.c.topic == message.topic).owner_id
            check_rate(connection, message.topic, owner_id, by, now)
            named = studies_named_in(connection, message)
        with as_node(), writing(self._engine) as connection:
            owner_id = locked_owner(connection, message.topic)
            check_rate(connection, message.topic, owner_id, by, now)
            _prune(connection, now)
            within = audience_of_open(connection, message)
            audience = named.audience(connection, groups, within)
            if message.change in ("update", "select"):
                message = changed_context(connection, message, audience)
            elif message.change == "open":
                message = message.with_versions(str(uuid.uuid4()))
            number = connection.execute(
                insert(t.fhircast_event)
                .values(
                    topic=message.topic,
                    study_instance_uid=audience.study_instance_uid,
                    announcer_groups=audience.announcer_groups,
                    message=written(message.message),
                    not_for=not_for,
                    announced_by=by,
                    at=now,
                )
                .returning(t.fhircast_event.c.number)
            ).scalar_one()
            if message.change in ("open", "close"):
                close_context(connection, message)
            if message.change == "open":
                open_context(connection, message, number, audience, now)
        return message


def forget_old(engine: Engine, now: datetime) -> None:
    """What was announced and opened long ago, also where nothing more is announced."""
    subscription = t.fhircast_subscription
    with as_node(), writing(engine) as connection:
        _prune(connection, now)
        connection.execute(delete(subscription).where(subscription.c.expires_at <= now))


def _prune(connection: Connection, now: datetime) -> None:
    connection.execute(delete(t.fhircast_event).where(t.fhircast_event.c.at < now - EVENTS_KEPT))
    forget_contexts(connection, now)
