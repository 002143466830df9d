"""Whether a data folder is a copy of that of another host, which is running."""

import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.errors import StateConflict
from storage.db.engine import reading
from storage.hosts.clock import now_of_database
from storage.volumes.host_id import NAME as ID_FILE

BEAT_EVERY_S = 20.0
_BEATS_WITHIN_S = 1.5 * BEAT_EVERY_S
_LOOKED_EVERY_S = 1.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def folder_identity(volumes: Path) -> str:
    """What a copy has otherwise: the start of its machine, or the file of the id."""
    with suppress(FileNotFoundError):
        started = _BOOT_ID.read_text("ascii").strip()
        return f"{started}:{(volumes / ID_FILE).stat().st_ino}"
    return ""


def check_is_no_copy(engine: Engine, data_dir: Path, own: str, folder: str) -> None:
    """Where the folder was copied, its original is there still and gives signs of life.

    A machine that was started again does not; it is waited for where its last one is so young
    that the next was not due. Raises StateConflict.
    """
    c = t.host.c
    first_seen_at = None
    while True:
        with reading(engine) as connection:
            row = connection.execute(select(c.name, c.folder, c.seen_at).where(c.id == own)).first()
            now = now_of_database(connection)
        if row is None or row.folder == folder:
            return
        first_seen_at = first_seen_at or row.seen_at
        if row.seen_at != first_seen_at:
            raise StateConflict(
                f"The data folder {data_dir} and that of the host {row.name}, which is"
                f" running, have one id, {own}: one is a copy of the other, and each would"
                " take the volumes of the other for its own.",
                remedy="Let the one run that received last. Another host begins with an empty"
                " data folder that has the keys of the others (docs/operations.md).",
            )
        if abs(now - row.seen_at) > timedelta(seconds=_BEATS_WITHIN_S):
            return
        time.sleep(_LOOKED_EVERY_S)
