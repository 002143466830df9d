"""What the node has made, also once its index rows are gone.

A PACS that has a result of the node may send it back after a deletion or the end of its retention.
Its UID is no proof, so the digests of what was made are kept. Nothing here names a patient.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, select, update

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.sources import of_reader, of_result, returns_as_own
from storage.db.engine import insert_or_ignore, reading, writing


class Made(NamedTuple):
    """One content that the node made under a UID."""

    digest: str
    content_digest: str | None
    """Of the decoded attributes and pixels; empty where these cannot be had, None: not yet."""
    source: str
    is_withdrawn: bool = False
    """Its job was superseded: what comes back is not a result any more."""


def note_generated(
    connection: Connection, sop_instance_uid: str, digest: str, source: str, made_at: datetime
) -> None:
    """In the transaction of the index row; nothing where it is not the node's own."""
    if not returns_as_own(source):
        return
    row = {"sop_instance_uid": sop_instance_uid, "digest": digest}
    insert_or_ignore(
        connection, t.generated_instance, {**row, "source": source, "made_at": made_at}
    )


def generated_under(engine: Engine, sop_instance_uid: str) -> list[Made]:
    """All that the node made under the UID, the first one first."""
    c = t.generated_instance.c
    query = select(c.digest, c.content_digest, c.source, c.withdrawn_at.is_not(None)).where(
        c.sop_instance_uid == sop_instance_uid
    )
    with as_node(), reading(engine) as connection:
        return [Made(*row) for row in connection.execute(query.order_by(c.id))]


def note_withdrawn(
    connection: Connection, now: datetime | None, condition: ColumnElement[bool]
) -> None:
    """What was made so counts no more, also where its rows are gone; None: it counts again."""
    c = t.generated_instance.c
    unchanged = c.withdrawn_at.is_(None) if now else c.withdrawn_at.is_not(None)
    connection.execute(
        update(t.generated_instance).where(condition, unchanged).values(withdrawn_at=now)
    )


def made_by_job(job_id: str) -> ColumnElement[bool]:
    """Its results, and their versions with feedback."""
    return t.generated_instance.c.source.in_((of_result(job_id), of_reader(job_id)))


def note_content(engine: Engine, sop_instance_uid: str, digest: str, content_digest: str) -> None:
    """Add the digest of the decoded content to what was noted by its bytes."""
    c = t.generated_instance.c
    with writing(engine) as connection:
        connection.execute(
            update(t.generated_instance)
            .where(c.sop_instance_uid == sop_instance_uid, c.digest == digest)
            .values(content_digest=content_digest)
        )


def without_content_digest(
    engine: Engine, limit: int, after: int = 0
) -> list[tuple[int, str, str]]:
    """Row id, UID and digest of what is stored and whose content was not digested yet; only rows
    behind `after`."""
    made, stored = t.generated_instance.c, t.instance.c
    is_stored = and_(stored.sop_instance_uid == made.sop_instance_uid, stored.digest == made.digest)
    query = (
        select(made.id, made.sop_instance_uid, made.digest)
        .join(t.instance, is_stored)
        .where(made.content_digest.is_(None), made.id > after)
        .order_by(made.id)
        .limit(limit)
    )
    with as_node(), reading(engine) as connection:
        return [(row_id, uid, digest) for row_id, uid, digest in connection.execute(query)]
