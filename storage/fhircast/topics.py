"""Whose topic is whose, and which joined one of another hub."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    and_,
    func,
    not_,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.core.callers.identity import Identity, of_account
from storage.core.callers.visibility import as_node
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.fhircast.entities import Topic
from storage.outbox.tables import JOINED_TOPICS


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
            found = topic_where(connection, topic.c.owner_id == identity.id)
            if (found.owner_name, found.claimed_groups) != (identity.name, tuple(groups)):
                connection.execute(
                    update(topic)
                    .where(topic.c.owner_id == identity.id)
                    .values(owner_name=identity.name, claimed_groups=groups)
                )
            return topic_where(connection, topic.c.owner_id == identity.id)

    def find(self, topic: str) -> Topic:
        """Raises NotFound."""
        with as_node(), reading(self._engine) as connection:
            return topic_where(connection, t.fhircast_topic.c.topic == topic)

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
                return topic_where(connection, t.fhircast_topic.c.owner_id == identity_id)
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
            return topic_where(connection, is_named)

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
            return topic_where(connection, t.fhircast_topic.c.topic == topic)

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


def topic_where(connection: Connection, condition: Any) -> Topic:
    """Raises NotFound."""
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


def locked_owner(connection: Connection, topic: str) -> str:
    """Whose topic it is, of which nobody else announces an event until the transaction ends.

    Raises NotFound.
    """
    this = t.fhircast_topic.c.topic == topic
    owner_id = connection.scalar(select(t.fhircast_topic.c.owner_id).where(this).with_for_update())
    return topic_where(connection, this).owner_id if owner_id is None else str(owner_id)
