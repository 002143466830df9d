"""What arrived beside a deletion gets a record that the deletion does not cover.

A record says how many deletions there had been when it was made. One that is made before a
deletion, and whose row is written after it, would be taken for what was deleted as soon as the
index is rebuilt. So before an instance is acknowledged the counter is looked at once more; where
it has moved and the index knows a tombstone that covers the record, a copy that it does not cover
is made durable, and the row names that. Without a deletion beside it this costs a look
at mapped memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, select, update
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, StorageUnavailable
from storage.db.engine import reading, translated, writing
from storage.deletion.rows import lock_study, remove_rows
from storage.dicom.part10 import Header
from storage.index.insert_instance import NewInstance, Outcome, find_known
from storage.index.tombstones import Deleted, Tombstone, covering_generation
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors
from storage.volumes.large_instance import LargeVolume
from storage.volumes.scan import Record, scan

log = structlog.get_logger(__name__)

_PIECE_BYTES = 1 << 20
_ATTEMPTS = 20
_CLOCK_MARGIN = timedelta(minutes=1)


class _Damaged(StorageUnavailable):
    pass


class Renewal:
    """Safe for threads. Each method raises StorageFull, StorageUnavailable."""

    def __init__(self, engine: Engine, folder: Path, generation: Generation) -> None:
        self._engine = engine
        self._folder = folder
        self._generation = generation
        # Asked twice for each batch that arrives: a folder alone needs no other host's word.
        self._newest = generation.newest if generation.is_of_several_hosts else generation.current

    def are_current(self, batch: Sequence[NewInstance]) -> bool:
        """Whether no deletion has counted on since the records of all these were made.

        False, too, where the counter cannot be read: then each is asked about by itself.
        """
        try:
            current = self._newest()
        except (OSError, StorageUnavailable):
            return False
        for new in batch:  # noqa: SIM110 - a generator takes a call for each of them
            if new.generation < current:
                return False
        return True

    def before_row(self, new: NewInstance) -> NewInstance:
        """The durable record that is to get a row, or a copy of it."""
        if not self._is_covered(new):
            return new
        with reading(self._engine) as connection:
            is_aside = find_known(connection, new.header.sop_instance_uid) is not None
        return self._copy(new, self._generation.current, is_aside=is_aside)

    def after_row(self, new: NewInstance, outcome: Outcome) -> Outcome:
        """What became of an instance that is not acknowledged yet, once its record will stay.

        Where no copy can be made the row goes, so that nobody takes the instance for stored. Where
        the index cannot be asked whether one is needed it stays: by this row the same instance,
        sent again meanwhile, may have been acknowledged.
        """
        try:
            self.renew(new, outcome)
        except MediViewError:
            try:
                if self._is_covered(new):
                    self._take_out(t.instance if outcome == "stored" else t.conflict, new)
            except MediViewError as error:
                log.error(
                    "refused_instance_remains",
                    sop_instance_uid=new.header.sop_instance_uid,
                    error=error.message,
                )
            raise
        return outcome

    def renew(self, new: NewInstance, outcome: Outcome) -> bool:
        """Give a row that names a covered record another one; whether a copy was made.

        The row may have been acknowledged long ago: it stays, whatever fails.
        """
        table = t.instance if outcome == "stored" else t.conflict
        is_renewed = False
        for _ in range(_ATTEMPTS):
            if outcome == "duplicate" or not self._is_older(new):
                return is_renewed
            with reading(self._engine) as connection:
                row = connection.execute(select(table.c.id).where(_names(table, new))).first()
                covering = _covering(connection, new)
            # Without a row it was deleted, or decided, after it was stored.
            if row is None or not covering:
                return is_renewed
            # Not the number of now: a deletion that has counted on already and takes this row
            # before it names the copy must cover the copy as well.
            copy = self._copy(new, partial(int, covering), is_aside=outcome == "conflict")
            if not self._move(table, new, copy):
                return is_renewed
            is_renewed, new = True, copy
        raise StorageUnavailable(
            "This instance is deleted again and again while it arrives.",
            remedy="Send it again when that deletion has ended.",
        )

    def renew_known(self, header: Header) -> bool:
        """Before an instance that is stored already is acknowledged once more.

        Its row may name a covered record, where a process was killed between both. False where
        the bytes of that are damaged.
        """
        with translated_os_errors(self._folder):
            if not self._newest():
                return True
        try:
            record = self._suspect(header.sop_instance_uid)
        except FileNotFoundError:
            # Another host has it, and may have been killed before its last look: stored again here.
            return False
        if record is not None:
            as_recorded = replace(header, dataset_offset=record.dataset_offset)
            new = NewInstance.of_note(as_recorded, record.location, record.digest, record.note)
            try:
                self.renew(new, "stored")
            except _Damaged:
                return False
        return True

    def _suspect(self, sop_instance_uid: str) -> Record | None:
        """The record that the row of an instance names, if it may be older than a deletion.

        Raises FileNotFoundError where another host has its volume.
        """
        of = t.instance.c
        with reading(self._engine) as connection:
            row = connection.execute(
                select(of.volume, of.volume_offset, of.received_at).where(
                    of.sop_instance_uid == sop_instance_uid
                )
            ).first()
            if row is None:
                return None
            # To find its generation the volume is read: not for all that was ever deleted.
            since = row.received_at - _CLOCK_MARGIN
            deleted, discarded = t.tombstone.c, t.discarded_content.c
            is_suspect = select(
                exists().where(
                    deleted.sop_instance_uid == sop_instance_uid, deleted.deleted_at >= since
                )
                | exists().where(
                    discarded.sop_instance_uid == sop_instance_uid, discarded.discarded_at >= since
                )
            )
            if not connection.execute(is_suspect).scalar():
                return None
        path = self._folder / row.volume
        if not path.is_file():
            if self._generation.is_of_several_hosts:
                raise FileNotFoundError(path)
            # One that the bucket alone has is none of this node's last moments.
            return None
        with translated_os_errors(self._folder), suppress(FileNotFoundError):
            for record in scan(path):
                if record.location.offset == row.volume_offset:
                    return record
        return None

    def _is_covered(self, new: NewInstance) -> bool:
        if not self._is_older(new):
            return False
        with reading(self._engine) as connection:
            return bool(_covering(connection, new))

    def _is_older(self, new: NewInstance) -> bool:
        try:
            return new.generation < self._newest()
        except OSError:
            # Asked for each instance: to translate nothing costs more than to look.
            with translated_os_errors(self._folder):
                raise

    def _copy(
        self, new: NewInstance, generation: Callable[[], int], *, is_aside: bool
    ) -> NewInstance:
        large = LargeVolume(
            self._folder,
            source=new.source,
            origin=new.origin,
            dataset_offset=new.header.dataset_offset,
            association=new.association,
            generation=generation,
        )
        try:
            for piece in self._pieces(new):
                large.write(piece)
            if not large.is_proved_by(new.digest):
                raise _Damaged(
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

    def _move(self, table: Table, new: NewInstance, copy: NewInstance) -> bool:
        """Let the row name the copy. False where it is gone: what took it covers the copy too."""
        location = copy.location
        values = {"volume": location.volume, "volume_offset": location.offset}
        if table is t.instance:
            values["object_key"] = ""
        with translated(), writing(self._engine) as connection:
            # A deletion of this very row comes before or after it.
            lock_study(connection, new.header.study_instance_uid)
            moved = connection.execute(update(table).where(_names(table, new)).values(**values))
        if not moved.rowcount:
            with translated_os_errors(self._folder):
                (self._folder / location.volume).unlink(missing_ok=True)
        return bool(moved.rowcount)

    def _take_out(self, table: Table, new: NewInstance) -> None:
        header = new.header
        with translated(), writing(self._engine) as connection:
            lock_study(connection, header.study_instance_uid)
            if table is t.conflict:
                connection.execute(delete(table).where(_names(table, new)))
                return
            if connection.execute(select(table.c.id).where(_names(table, new))).first() is None:
                return
            deleted = Deleted(header.sop_instance_uid, header.series_instance_uid, new.received_at)
            # The generation covers nothing: what is deleted stays as it was.
            remove_rows(connection, Tombstone(header.study_instance_uid, utcnow(), 0, (deleted,)))


def _covering(connection: Connection, new: NewInstance) -> int:
    return covering_generation(connection, new.header.sop_instance_uid, new.generation, new.digest)


def _names(table: Table, new: NewInstance) -> ColumnElement[bool]:
    """The row that names this very record."""
    return and_(
        table.c.sop_instance_uid == new.header.sop_instance_uid,
        table.c.volume == new.location.volume,
        table.c.volume_offset == new.location.offset,
    )
