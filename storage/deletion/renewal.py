"""What arrived beside a deletion gets a record that the deletion does not cover.

A record says how many deletions there had been when it was made. One that is made before a
deletion, and whose row is written after it, would be taken for what was deleted as soon as the
index is rebuilt. So before an instance is acknowledged the counter is looked at once more; where
it has moved and the index knows a tombstone that covers the record, a copy with a generation of
its own is made durable, and the row names that. Without a deletion beside it this costs a look
at mapped memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, select, update
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, StorageUnavailable
from storage.db.engine import reading, translated, writing
from storage.deletion.rows import lock_study
from storage.deletion.service import bury
from storage.index.insert_instance import NewInstance, Outcome, find_known, insert_instances
from storage.index.tombstones import Deleted, Tombstone, is_covered
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors
from storage.volumes.large_instance import LargeVolume

log = structlog.get_logger(__name__)

_PIECE_BYTES = 1 << 20
_ATTEMPTS = 20


class Renewal:
    """Safe for threads. Each method raises StorageFull, StorageUnavailable."""

    def __init__(self, engine: Engine, folder: Path, generation: Generation) -> None:
        self._engine = engine
        self._folder = folder
        self._generation = generation

    def before_row(self, new: NewInstance) -> NewInstance:
        """The durable record that is to get a row, or a copy of it."""
        if not self._is_older(new):
            return new
        with reading(self._engine) as connection:
            if not _is_covered(connection, new):
                return new
            is_aside = find_known(connection, new.header.sop_instance_uid) is not None
        return self._copy(new, is_aside=is_aside)

    def after_row(self, new: NewInstance, outcome: Outcome) -> Outcome:
        """What became of an instance whose row is committed, once its record will stay.

        Where no copy can be made the row goes, so that nobody takes the instance for stored.
        """
        for _ in range(_ATTEMPTS):
            if outcome == "duplicate" or not self._is_older(new):
                return outcome
            table = t.instance if outcome == "stored" else t.conflict
            with reading(self._engine) as connection:
                row = connection.execute(select(table.c.id).where(_names(table, new))).first()
                # Without a row it was deleted, or decided, after it was stored.
                if row is None or not _is_covered(connection, new):
                    return outcome
            try:
                copy = self._copy(new, is_aside=outcome == "conflict")
            except MediViewError:
                self._take_out(table, new)
                raise
            outcome = self._move(table, new, copy)
            new = copy
        raise StorageUnavailable(
            "This instance is deleted again and again while it arrives.",
            remedy="Send it again when that deletion has ended.",
        )

    def _is_older(self, new: NewInstance) -> bool:
        try:
            return new.generation < self._generation.current()
        except OSError:
            # Asked for each instance: to translate nothing costs more than to look.
            with translated_os_errors(self._folder):
                raise

    def _copy(self, new: NewInstance, *, is_aside: bool) -> NewInstance:
        large = LargeVolume(
            self._folder,
            source=new.source,
            origin=new.origin,
            dataset_offset=new.header.dataset_offset,
            generation=self._generation.current,
        )
        try:
            for piece in self._pieces(new):
                large.write(piece)
            if not large.is_proved_by(new.digest):
                raise StorageUnavailable(
                    "The bytes of an instance changed between writing and reading them.",
                    remedy="Check the disk of the data folder; send the instance again.",
                )
            appended = large.finish(is_aside=is_aside, digest=bytes.fromhex(new.digest))
        finally:
            large.discard()
        log.info("record_renewed", sop_instance_uid=new.header.sop_instance_uid)
        note = appended.note
        return replace(
            new,
            location=appended.location,
            received_at=note.received_at,
            generation=note.generation,
        )

    def _pieces(self, new: NewInstance) -> Iterator[bytes]:
        location = new.location
        with (
            translated_os_errors(self._folder),
            (self._folder / location.volume).open("rb") as file,
        ):
            file.seek(location.offset)
            left = location.length
            while left and (piece := file.read(min(left, _PIECE_BYTES))):
                left -= len(piece)
                yield piece

    def _move(self, table: Table, new: NewInstance, copy: NewInstance) -> Outcome:
        """Let the row name the copy; one that is gone meanwhile is written again."""
        location = copy.location
        with writing(self._engine) as connection:
            # A deletion of this very row comes before or after it.
            lock_study(connection, new.header.study_instance_uid)
            values = {
                "volume": location.volume,
                "volume_offset": location.offset,
                # By this a deletion that has begun knows that it came again.
                "received_at": copy.received_at,
            }
            if table is t.instance:
                values["object_key"] = ""
            moved = connection.execute(update(table).where(_names(table, new)).values(**values))
            if moved.rowcount:
                return "stored" if table is t.instance else "conflict"
        with translated():
            return insert_instances(self._engine, [copy])[0]

    def _take_out(self, table: Table, new: NewInstance) -> None:
        header = new.header
        if table is t.conflict:
            with writing(self._engine) as connection:
                connection.execute(delete(table).where(_names(table, new)))
            return
        deleted = Deleted(header.sop_instance_uid, header.series_instance_uid, new.received_at)
        # The generation covers nothing: what is deleted stays as it was.
        bury(self._engine, Tombstone(header.study_instance_uid, utcnow(), 0, (deleted,)))


def _is_covered(connection: Connection, new: NewInstance) -> bool:
    return is_covered(connection, new.header.sop_instance_uid, new.generation, new.digest)


def _names(table: Table, new: NewInstance) -> ColumnElement[bool]:
    """The row that names this very record."""
    return and_(
        table.c.sop_instance_uid == new.header.sop_instance_uid,
        table.c.volume == new.location.volume,
        table.c.volume_offset == new.location.offset,
    )
