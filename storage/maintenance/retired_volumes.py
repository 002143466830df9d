"""Volumes whose contents were moved: marked, and removed after a grace time.

Their copies in a bucket stay until the volumes that the contents went to have theirs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.objects.keys import volume_key
from storage.objects.store import ObjectStore
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

    A copy from which something was moved that the bucket has nowhere else outlasts its file.
    Returns how many volumes. Raises StorageUnavailable.
    """
    if bucket is not None:
        _remove_kept_copies(engine, bucket)
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
    needed_copies = _needed_copies(engine)
    for path in due:
        if path.name in still_used:
            log.error("retired_volume_still_used", volume=path.name)
            continue
        # Its copy in the bucket first: the file, or the note, is what finds it again.
        if bucket is not None and path.name in needed_copies:
            _note_copy_kept(engine, path.name, is_kept=True)
        elif bucket is not None:
            bucket.delete(volume_key(path.name))
        with translated_os_errors(folder):
            path.unlink()
        log.info("volume_removed", volume=path.name)
    return len(due) - len(still_used)


def _remove_kept_copies(engine: Engine, bucket: ObjectStore) -> None:
    with reading(engine) as connection:
        kept = set(
            connection.execute(select(t.volume.c.name).where(t.volume.c.is_copy_kept)).scalars()
        )
    if not kept:
        return
    for name in sorted(kept - _needed_copies(engine)):
        bucket.delete(volume_key(name))
        _note_copy_kept(engine, name, is_kept=False)
        log.info("volume_copy_removed", volume=name)


def _note_copy_kept(engine: Engine, name: str, *, is_kept: bool) -> None:
    with writing(engine) as connection:
        connection.execute(
            update(t.volume).where(t.volume.c.name == name).values(is_copy_kept=is_kept)
        )


def _needed_copies(engine: Engine) -> set[str]:
    """Volumes from which something was moved that waits for the bucket."""
    former = t.instance.c.former_volume
    with reading(engine) as connection:
        return set(
            connection.execute(
                select(former).where(t.NOT_UPLOADED, former != "").distinct()
            ).scalars()
        )


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
