"""Since when the oldest of what waits has waited."""

from datetime import datetime

from sqlalchemy import Engine, func, or_, select

from storage import tables as t
from storage.db.engine import reading


def oldest_waiting_jobs(engine: Engine, now: datetime) -> dict[tuple[str, str], datetime]:
    """By queue and pipeline: when the oldest job was made that a worker should have taken."""
    job = t.job.c
    query = (
        select(job.queue, job.pipeline, func.min(job.created_at))
        .where(
            job.state == "SCHEDULED",
            or_(job.lease_expires_at.is_(None), job.lease_expires_at <= now),
        )
        .group_by(job.queue, job.pipeline)
    )
    with reading(engine) as connection:
        return {(queue, name): since for queue, name, since in connection.execute(query)}


def oldest_deliveries(engine: Engine) -> dict[str, datetime]:
    """By destination: when the oldest was wanted that has not arrived."""
    delivery = t.delivery.c
    query = (
        select(delivery.destination, func.min(delivery.created_at).label("since"))
        .where(delivery.state.in_(("PENDING", "SENDING")))
        .group_by(delivery.destination)
    )
    with reading(engine) as connection:
        return {row.destination: row.since for row in connection.execute(query)}


def awaiting_release(engine: Engine) -> int:
    """How many deliveries wait for a person."""
    query = select(func.count()).where(t.delivery.c.state == "AWAITING_RELEASE")
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one())
