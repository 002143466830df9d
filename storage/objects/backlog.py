"""What waits to be copied to the bucket."""

from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.core.errors import StorageFull
from storage.db.engine import reading


def backlog_bytes(engine: Engine) -> int:
    """How much still waits for the bucket."""
    with reading(engine) as connection:
        total = connection.execute(
            select(func.coalesce(func.sum(t.instance.c.size_bytes), 0)).where(t.NOT_UPLOADED)
        ).scalar_one()
    return int(total)


def check_backlog(engine: Engine, max_bytes: int) -> None:
    """Raise StorageFull while the bucket lags too far behind."""
    waiting = backlog_bytes(engine)
    if waiting > max_bytes:
        raise StorageFull(
            f"{waiting >> 20} MiB wait for the bucket; the limit is {max_bytes >> 20} MiB.",
            remedy="Check that the bucket answers; the node goes on by itself.",
        )
