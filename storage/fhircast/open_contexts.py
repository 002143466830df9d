"""What is open in a topic: an event opens, changes or closes it in the transaction that keeps the
event."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import LimitExceeded, StateConflict, VersionConflict
from storage.fhircast.entities import Context
from storage.fhircast.event_studies import Audience
from storage.fhircast.messages import CastMessage, checked_message, key_of

CONTEXT_KEPT = timedelta(hours=24)
_CONTENT_MAX_BYTES = 1024 * 1024
_CONTENT_MAX_RESOURCES = 500


def contexts_of(connection: Connection, topic: str) -> list[Context]:
    context = t.fhircast_context.c
    is_kept = context.opened_at >= utcnow() - CONTEXT_KEPT
    rows = connection.execute(
        select(t.fhircast_context).where(context.topic == topic, is_kept).order_by(context.number)
    )
    return [_to_context(row) for row in rows.mappings()]


def open_context(
    connection: Connection, message: CastMessage, number: int, audience: Audience, now: datetime
) -> None:
    """By the event of that number."""
    connection.execute(
        insert(t.fhircast_context).values(
            topic=message.topic,
            anchor=message.anchor,
            number=number,
            version_id=message.version_id,
            study_instance_uid=audience.study_instance_uid,
            announcer_groups=audience.announcer_groups,
            message=written(message.message),
            content="[]",
            opened_at=now,
        )
    )


def audience_of_open(connection: Connection, message: CastMessage) -> Audience | None:
    """Of what an update, a selection or a closing is about, where that is open."""
    if not message.anchor or message.change == "open":
        return None
    context = t.fhircast_context
    mine = (context.c.topic == message.topic, context.c.anchor == message.anchor)
    row = connection.execute(select(context).where(*mine)).mappings().first()
    if row is None or as_message(row["message"]).resource_id != message.resource_id:
        return None
    return Audience(row["study_instance_uid"], row["announcer_groups"])


def changed_context(
    connection: Connection, message: CastMessage, audience: Audience
) -> CastMessage:
    """An update with its new version, and a selection as it is, of what is open."""
    context = t.fhircast_context
    mine = (context.c.topic == message.topic, context.c.anchor == message.anchor)
    row = connection.execute(select(context).where(*mine)).mappings().first()
    if row is None or as_message(row["message"]).resource_id != message.resource_id:
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
    text = written(list(by_key.values()))
    if len(by_key) > _CONTENT_MAX_RESOURCES or len(text) > _CONTENT_MAX_BYTES:
        raise LimitExceeded(
            f"More than {_CONTENT_MAX_RESOURCES} resources or {_CONTENT_MAX_BYTES} bytes would be"
            " shared in the context.",
            remedy="Delete what is not needed any more, or close the context.",
        )
    return text


def close_context(connection: Connection, message: CastMessage) -> None:
    """What is open of that kind: any by an opening, the very same by a closing."""
    context = t.fhircast_context
    mine = (context.c.topic == message.topic, context.c.anchor == message.anchor)
    if message.change == "close":
        opened = connection.execute(select(context.c.message).where(*mine)).scalar()
        if opened is None or as_message(opened).resource_id != message.resource_id:
            return
    connection.execute(delete(context).where(*mine))


def forget_contexts(connection: Connection, now: datetime) -> None:
    """Those that were opened long ago."""
    context = t.fhircast_context
    connection.execute(delete(context).where(context.c.opened_at < now - CONTEXT_KEPT))


def _to_context(row: RowMapping) -> Context:
    opened = as_message(row["message"]).with_versions(row["version_id"])
    return Context(
        row["anchor"],
        row["version_id"],
        row["study_instance_uid"],
        opened,
        json.loads(row["content"] or "[]"),
    )


def written(value: dict[str, Any] | Sequence[dict[str, Any]]) -> str:
    return json.dumps(value, separators=(",", ":"))


def as_message(text: str) -> CastMessage:
    """As it was written."""
    return checked_message(json.loads(text))
