"""Volumes whose contents were moved: marked, and removed after a grace time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import volume_key
from storage.volumes.files import translated_os_errors
from storage.volumes.scan import (
    volumes_in,
)

log = structlog.get_logger(__name__)


def retire(engine: Engine, name: str, now: datetime) -> None:
    with writing(engine) as connection:
        connection.execute(update(t.volume).where(t.volume.c.name == name).values(retired_at=now))


def is_retired(engine: Engine, name: str) -> bool:
    with reading(engine) as connection:
        at = connection.execute(
            select(t.volume.c.retired_at).where(t.volume.c.name == name)
        ).scalar()
    return at is not None


def remove_retired(
    engine: Engine, folder: Path, grace_s: float, now: datetime, bucket: ObjectStore | None = None
) -> int:
    """Remove volumes that were retired before the grace time, and their copies in a bucket.

    Returns how many. Raises StorageUnavailable.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.volume.c.name, t.volume.c.retired_at).where(t.volume.c.retired_at.is_not(None))
        )
        retired = {row.name: row.retired_at for row in rows}
    # A clock that was set back must not keep them for ever.
    grace = timedelta(seconds=grace_s)
    due = [
        path
        for path in volumes_in(folder)
        if path.name in retired and not timedelta() <= now - retired[path.name] < grace
    ]
    if not due:
        return 0
    settle_rows(engine, [path.name for path in due])
    still_used = _referred_to(engine, [path.name for path in due])
    for path in due:
        if path.name in still_used:
            log.error("retired_volume_still_used", volume=path.name)
            continue
        # Its copy in the bucket first: the file is what finds it again.
        if bucket is not None:
            bucket.delete(volume_key(path.name))
        with translated_os_errors(folder):
            path.unlink()
        log.info("volume_removed", volume=path.name)
    return len(due) - len(still_used)


def settle_rows(engine: Engine, names: Sequence[str]) -> None:
    """Make what the rows say now outlast a power cut, before these volumes go."""
    with writing(engine) as connection:
        for portion in in_portions(names):
            connection.execute(
                update(t.volume).where(t.volume.c.name.in_(portion)).values(reconciled_at=utcnow())
            )


def _referred_to(engine: Engine, names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    with reading(engine) as connection:
        for table in (t.instance, t.conflict):
            for portion in in_portions(names):
                found.update(
                    connection.execute(
                        select(table.c.volume).where(table.c.volume.in_(portion)).distinct()
                    ).scalars()
                )
    return found
