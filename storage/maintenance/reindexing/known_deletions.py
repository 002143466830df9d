"""What was deleted, as an index that is rebuilt learns of it."""

from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from storage import tables as t
from storage.db.engine import reading, writing
from storage.index.tombstones import Tombstone, covering, note_tombstone
from storage.volumes.scan import Record


class KnownDeletions:
    """What was deleted, by tombstones of the volumes and by their copies in the bucket.

    A number of the volumes needs no clock. A copy may be from before the data folder was begun
    again, or put back, and its number from another count: it covers what was received before it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._in_volumes: set[tuple[int, datetime]] = set()

    def note(self, record: Record, payload: bytes, *, is_copy: bool) -> None:
        tombstone = Tombstone.decode(record.note, payload)
        number = tombstone.generation, tombstone.deleted_at
        if is_copy and number in self._in_volumes:
            return
        if not is_copy:
            self._in_volumes.add(number)
        with writing(self._engine) as connection:
            note_tombstone(connection, tombstone)
            if is_copy:
                self._let_the_last_count(connection, tombstone)

    def _let_the_last_count(self, connection: Connection, tombstone: Tombstone) -> None:
        """Where one UID was deleted under the same number of two counts."""
        noted = t.tombstone.c
        for one in tombstone.instances:
            row = (noted.sop_instance_uid == one.sop_instance_uid) & (
                noted.generation == tombstone.generation
            )
            at = connection.execute(select(noted.deleted_at).where(row)).scalar_one()
            if at < tombstone.deleted_at and (tombstone.generation, at) not in self._in_volumes:
                connection.execute(
                    update(t.tombstone).where(row).values(deleted_at=tombstone.deleted_at)
                )

    def cover(self, sop_instance_uid: str, record: Record) -> bool:
        note = record.note
        with reading(self._engine) as connection:
            found = covering(connection, sop_instance_uid, note.generation, record.digest)
        return any(one in self._in_volumes or note.received_at <= one[1] for one in found)
