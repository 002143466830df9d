"""The hub's one state: each event is committed with what it opens, changes or closes.

A topic's row is locked while an event is taken, so that all get a topic's events in one order and
an update meets the version that it was made for (FHIRcast 3.0.0, 2.10).
"""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    and_,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.core.callers.identity import Identity, of_account
from storage.core.callers.visibility import as_node, current_visibility
from storage.core.clock import utcnow
from storage.core.errors import LimitExceeded, NotFound, StateConflict, VersionConflict
from storage.db.engine import insert_or_ignore, reading, reading_one_state, writing
from storage.fhircast.entities import Announced, Context, Topic
from storage.fhircast.event_studies import ANYBODY, Audience, groups_of, studies_named_in
from storage.fhircast.messages import CastMessage, checked_message, key_of
from storage.fhircast.shares import check_rate, is_of_hub
from storage.outbox.tables import JOINED_TOPICS

EVENTS_KEPT = timedelta(minutes=10)
"""A channel sends within a second; who comes later gets what is open."""
CONTEXT_KEPT = timedelta(hours=24)
_CONTENT_MAX_BYTES = 1024 * 1024
_CONTENT_MAX_RESOURCES = 500


class FhircastTopics:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, identity: Identity, now: datetime, claimed_groups: tuple[str, ...] = ()) -> Topic:
        """The topic of a person or program, made at first use.

        `claimed_groups`: those that an identity provider names by now.
        """
        topic = t.fhircast_topic
        groups = sorted(claimed_groups)
        with as_node(), writing(self._engine) as connection:
            insert_or_ignore(
                connection,
                t.fhircast_topic,
                {
                    "topic": str(uuid.uuid4()),
                    "owner_id": identity.id,
                    "owner_name": identity.name,
                    "claimed_groups": groups,
                    "created_at": now,
                },
            )
            found = _topic(connection, topic.c.owner_id == identity.id)
            if (found.owner_name, found.claimed_groups) != (identity.name, tuple(groups)):
                connection.execute(
                    update(topic)
                    .where(topic.c.owner_id == identity.id)
                    .values(owner_name=identity.name, claimed_groups=groups)
                )
            return _topic(connection, topic.c.owner_id == identity.id)

    def find(self, topic: str) -> Topic:
        """Raises NotFound."""
        with as_node(), reading(self._engine) as connection:
            return _topic(connection, t.fhircast_topic.c.topic == topic)

    def joined(self) -> dict[str, Topic]:
        """Topics that joined one of another hub."""
        table = t.fhircast_topic
        with as_node(), reading(self._engine) as connection:
            rows = connection.execute(select(table).where(table.c.joined_topic != "")).mappings()
            found = [_of_row(row) for row in rows]
        return {one.topic: one for one in found}

    def find_of(self, identity_id: str) -> Topic | None:
        """The topic that somebody has already."""
        try:
            with as_node(), reading(self._engine) as connection:
                return _topic(connection, t.fhircast_topic.c.owner_id == identity_id)
        except NotFound:
            return None

    def named(self, owner_name: str) -> Topic:
        """The topic of a person by the name that is shown, never that of a key.

        Raises NotFound, StateConflict where several people have it: names are not unique. An
        account that is called as nobody is, such as `local`, is found by that name.
        """
        account = of_account(owner_name)
        if account.name != owner_name and (found := self.find_of(account.id)) is not None:
            return found
        row = t.fhircast_topic.c
        is_named = and_(row.owner_name == owner_name, not_(row.owner_id.startswith("key:")))
        with as_node(), reading(self._engine) as connection:
            count = connection.scalar(
                select(func.count()).select_from(t.fhircast_topic).where(is_named)
            )
            if (count or 0) > 1:
                raise StateConflict(
                    f"{count} people of that name have a FHIRcast topic.",
                    remedy="Let the person read the topic at /api/v1/fhircast and enter it.",
                )
            return _topic(connection, is_named)

    def join(self, topic: str, joined_topic: str) -> Topic:
        """Take part in a topic of the other hub from now on; "" ends it.

        Raises NotFound, StateConflict where somebody else takes part in it.
        """
        row = t.fhircast_topic.c
        others = select(row.topic).where(row.joined_topic == joined_topic, row.topic != topic)
        with as_node(), writing(self._engine) as connection:
            if joined_topic and connection.execute(others.limit(1)).first() is not None:
                raise StateConflict(
                    "Somebody else has joined that topic of the other hub.",
                    remedy="Check the topic; it is one person's. End the other's part first.",
                )
            connection.execute(
                update(t.fhircast_topic)
                .where(t.fhircast_topic.c.topic == topic)
                .values(joined_topic=joined_topic, **JOINED_TOPICS.released())
            )
            return _topic(connection, t.fhircast_topic.c.topic == topic)

    def lease(
        self, topic: str, joined_topic: str, owner: str, seconds: float, now: datetime
    ) -> bool:
        """Whether `owner` alone passes events between both hubs, until so many seconds from now."""
        row = t.fhircast_topic.c
        free = or_(JOINED_TOPICS.is_owned(owner), JOINED_TOPICS.is_due(now))
        with as_node(), writing(self._engine) as connection:
            taken = connection.execute(
                update(t.fhircast_topic)
                .where(row.topic == topic, row.joined_topic == joined_topic, free)
                .values(JOINED_TOPICS.taken(owner, seconds, now))
            )
        return bool(taken.rowcount)

    def release(self, topic: str, owner: str) -> None:
        """Leave the passing on to another process."""
        row = t.fhircast_topic.c
        with as_node(), writing(self._engine) as connection:
            connection.execute(
                update(t.fhircast_topic)
                .where(row.topic == topic, JOINED_TOPICS.is_owned(owner))
                .values(JOINED_TOPICS.released())
            )

    def contexts(self, topic: str) -> list[Context]:
        """What is open and the caller may see, the current context last."""
        with reading(self._engine) as connection:
            return _contexts(connection, topic)

    def opened(self, topic: str) -> tuple[int, list[Context]]:
        """The number of the newest event that the caller may see, and what it and those before it
        left open. Who gets `since` that number next gets nothing twice."""
        event = t.fhircast_event.c
        with reading_one_state(self._engine) as connection:
            number = connection.scalar(select(func.max(event.number)).where(event.topic == topic))
            return number or 0, _contexts(connection, topic)

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
                Announced(row["number"], _read(row["message"]), row["not_for"])
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
            owner_id = _topic(connection, t.fhircast_topic.c.topic == message.topic).owner_id
            check_rate(connection, message.topic, owner_id, by, now)
            named = studies_named_in(connection, message)
        with as_node(), writing(self._engine) as connection:
            owner_id = _lock(connection, message.topic)
            check_rate(connection, message.topic, owner_id, by, now)
            _prune(connection, now)
            within = _audience_of_open(connection, message)
            audience = named.audience(connection, groups, within)
            if message.change in ("update", "select"):
                message = _changed(connection, message, audience)
            elif message.change == "open":
                message = message.with_versions(str(uuid.uuid4()))
            number = connection.execute(
                insert(t.fhircast_event)
                .values(
                    topic=message.topic,
                    study_instance_uid=audience.study_instance_uid,
                    announcer_groups=audience.announcer_groups,
                    message=_written(message.message),
                    not_for=not_for,
                    announced_by=by,
                    at=now,
                )
                .returning(t.fhircast_event.c.number)
            ).scalar_one()
            if message.change in ("open", "close"):
                _close(connection, message)
            if message.change == "open":
                connection.execute(
                    insert(t.fhircast_context).values(
                        topic=message.topic,
                        anchor=message.anchor,
                        number=number,
                        version_id=message.version_id,
                        study_instance_uid=audience.study_instance_uid,
                        announcer_groups=audience.announcer_groups,
                        message=_written(message.message),
                        content="[]",
                        opened_at=now,
                    )
                )
        return message


def forget_old(engine: Engine, now: datetime) -> None:
    """What was announced and opened long ago, also where nothing more is announced."""
    subscription = t.fhircast_subscription
    with as_node(), writing(engine) as connection:
        _prune(connection, now)
        connection.execute(delete(subscription).where(subscription.c.expires_at <= now))


def _contexts(connection: Connection, topic: str) -> list[Context]:
    context = t.fhircast_context.c
    is_kept = context.opened_at >= utcnow() - CONTEXT_KEPT
    rows = connection.execute(
        select(t.fhircast_context).where(context.topic == topic, is_kept).order_by(context.number)
    )
    return [_to_context(row) for row in rows.mappings()]


def _topic(connection: Connection, condition: Any) -> Topic:
    row = connection.execute(select(t.fhircast_topic).where(condition)).mappings().first()
    if row is None:
        raise NotFound(
            "There is no such FHIRcast topic.",
            remedy="Read it from /api/v1/fhircast; it is there once the person has opened the"
            " viewer.",
        )
    return _of_row(row)


def _of_row(row: RowMapping) -> Topic:
    return Topic(
        row["topic"],
        row["owner_id"],
        row["owner_name"],
        row["joined_topic"],
        row["lease_expires_at"],
        tuple(row["claimed_groups"] or ()),
    )


def _lock(connection: Connection, topic: str) -> str:
    """Whose topic it is."""
    this = t.fhircast_topic.c.topic == topic
    owner_id = connection.scalar(select(t.fhircast_topic.c.owner_id).where(this).with_for_update())
    return _topic(connection, this).owner_id if owner_id is None else str(owner_id)


def _audience_of_open(connection: Connection, message: CastMessage) -> Audience | None:
    """Of what an update, a selection or a closing is about, where that is open."""
    if not message.anchor or message.change == "open":
        return None
    context = t.fhircast_context
    mine = (context.c.topic == message.topic, context.c.anchor == message.anchor)
    row = connection.execute(select(context).where(*mine)).mappings().first()
    if row is None or _read(row["message"]).resource_id != message.resource_id:
        return None
    return Audience(row["study_instance_uid"], row["announcer_groups"])


def _changed(connection: Connection, message: CastMessage, audience: Audience) -> CastMessage:
    """An update with its new version, and a selection as it is, of what is open."""
    context = t.fhircast_context
    mine = (context.c.topic == message.topic, context.c.anchor == message.anchor)
    row = connection.execute(select(context).where(*mine)).mappings().first()
    if row is None or _read(row["message"]).resource_id != message.resource_id:
        raise StateConflict(
            f"That {message.anchor} is not open.",
            remedy=f"Open it by {message.anchor}-open first.",
        )
    if message.change == "select":
        return message
    if message.version_id != row["version_id"]:
        raise VersionConflict(
            "The update is of another version of the context than the current one.",
            remedy="Read the current context, and send the update with its context.versionId.",
        )
    content = _merged(json.loads(row["content"] or "[]"), message)
    version_id = str(uuid.uuid4())
    connection.execute(
        update(context)
        .where(*mine)
        .values(
            version_id=version_id,
            content=content,
            # What is shared within it may be about more than what was opened.
            study_instance_uid=audience.study_instance_uid,
        )
    )
    return message.with_versions(version_id, row["version_id"])


def _merged(content: list[dict[str, Any]], message: CastMessage) -> str:
    by_key = {(one["resourceType"], one["id"]): one for one in content}
    for entry in message.updates:
        if entry["request"]["method"] == "PUT":
            by_key[key_of(entry)] = entry["resource"]
        else:
            by_key.pop(key_of(entry), None)
    written = _written(list(by_key.values()))
    if len(by_key) > _CONTENT_MAX_RESOURCES or len(written) > _CONTENT_MAX_BYTES:
        raise LimitExceeded(
            f"More than {_CONTENT_MAX_RESOURCES} resources or {_CONTENT_MAX_BYTES} bytes would be"
            " shared in the context.",
            remedy="Delete what is not needed any more, or close the context.",
        )
    return written


def _close(connection: Connection, message: CastMessage) -> None:
    """What is open of that kind: any by an opening, the very same by a closing."""
    context = t.fhircast_context
    mine = (context.c.topic == message.topic, context.c.anchor == message.anchor)
    if message.change == "close":
        opened = connection.execute(select(context.c.message).where(*mine)).scalar()
        if opened is None or _read(opened).resource_id != message.resource_id:
            return
    connection.execute(delete(context).where(*mine))


def _prune(connection: Connection, now: datetime) -> None:
    connection.execute(delete(t.fhircast_event).where(t.fhircast_event.c.at < now - EVENTS_KEPT))
    context = t.fhircast_context
    connection.execute(delete(context).where(context.c.opened_at < now - CONTEXT_KEPT))


def _to_context(row: Any) -> Context:
    opened = _read(row["message"]).with_versions(row["version_id"])
    return Context(
        row["anchor"],
        row["version_id"],
        row["study_instance_uid"],
        opened,
        json.loads(row["content"] or "[]"),
    )


def _written(value: dict[str, Any] | Sequence[dict[str, Any]]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _read(text: str) -> CastMessage:
    return checked_message(json.loads(text))
