"""Instances that came under a known UID with other content: kept aside until someone decides.

Accepting one puts it in the place of the instance that is stored. The order
makes that safe: a copy of its record with the new generation is durable
first, then one transaction exchanges the rows, then the tombstone of what was
replaced is written (`storage.deletion.durable_tombstones`). Whatever breaks in
between, there is either the old state or the new one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, func, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Instance, Location, StoreAssociation
from storage.core.errors import InstanceDamaged, NotFound, StorageUnavailable
from storage.db.engine import reading
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.deletion.durable_tombstones import bury_by, write_outstanding
from storage.deletion.renewal import Renewal
from storage.deletion.service import discard_content, remove_derived
from storage.dicom.digests import proves
from storage.dicom.part10 import Header
from storage.hosts.entities import Host
from storage.index.insert_instance import NewInstance
from storage.index.repository import Index
from storage.index.tombstones import Deleted, Discarded, Tombstone
from storage.ingest.conflict_bytes import Conflict, ConflictBytes
from storage.ingest.conflict_exchange import exchange_rows, no_conflict
from storage.ingest.instance_stream import SPILL_BYTES
from storage.objects.store import ObjectStore
from storage.processes.turn_taking import turn
from storage.retention.legal_holds import check_no_hold
from storage.volumes.files import translated_os_errors
from storage.volumes.large_instance import LargeVolume
from storage.volumes.reader import VolumeReader
from storage.volumes.records import Appended, Note, ToAppend
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_TURN_WITHIN_S = 60.0


NEWEST_CONFLICTS = Keyset[Conflict](
    "conflicts", (SortColumn.of(t.conflict.c.id, "conflict_id", falls=True),)
)


class Conflicts:
    """Looks at what is kept aside, and takes it in or lets it go."""

    def __init__(
        self,
        engine: Engine,
        volumes: VolumeWriter,
        reader: VolumeReader,
        objects: ObjectStore,
        turns: Path,
        holder: Callable[[str], Host | None] = lambda _volume: None,
    ) -> None:
        """`turns`: folder of the locks by which one conflict is decided at a time; `holder`: the
        other host on which a volume lies."""
        self._bytes = ConflictBytes(reader, objects, holder, turns)
        self._turns = turns
        self._engine = engine
        self._index = Index(engine)
        self._volumes = volumes
        self._renewal = Renewal(engine, volumes.folder, volumes.generation)
        self._objects = objects

    def page(
        self, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
    ) -> tuple[list[Conflict], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_CONFLICTS`).
        """
        statement = select(t.conflict).order_by(*NEWEST_CONFLICTS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_to_conflict(row) for row in rows], total

    def waiting(
        self,
        *,
        conflict_ids: Collection[int] = (),
        study_instance_uid: str = "",
        source: str = "",
        limit: int = 500,
    ) -> list[Conflict]:
        """The oldest first: those of the numbers, of a study, that came by one way.

        What is empty does not restrict. A conflict belongs to the study of the instance that
        bears the UID now.
        """
        query = select(t.conflict).order_by(t.conflict.c.id).limit(limit)
        if conflict_ids:
            query = query.where(t.conflict.c.id.in_(conflict_ids))
        if source:
            query = query.where(t.conflict.c.source == source)
        if study_instance_uid:
            of_study = (
                select(t.instance.c.sop_instance_uid)
                .join(t.series, t.series.c.id == t.instance.c.series_fk)
                .join(t.study, t.study.c.id == t.series.c.study_fk)
                .where(t.study.c.study_instance_uid == study_instance_uid)
            )
            query = query.where(t.conflict.c.sop_instance_uid.in_(of_study))
        with reading(self._engine) as connection:
            return [_to_conflict(row) for row in connection.execute(query).mappings()]

    def contents_under(self, sop_instance_uids: Collection[str]) -> Counter[str]:
        """How many contents wait under each UID, however they came."""
        query = (
            select(t.conflict.c.sop_instance_uid, func.count().label("contents"))
            .where(t.conflict.c.sop_instance_uid.in_(set(sop_instance_uids)))
            .group_by(t.conflict.c.sop_instance_uid)
        )
        with reading(self._engine) as connection:
            return Counter(
                {row.sop_instance_uid: row.contents for row in connection.execute(query)}
            )

    def get(self, conflict_id: int) -> Conflict:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(_by_id(conflict_id)).mappings().first()
        if row is None:
            raise no_conflict()
        return _to_conflict(row)

    def to_decide(self, conflict_id: int) -> Conflict:
        """As `get`, for who is about to decide: NotFound says that a decision is durable.

        Raises StorageFull, StorageUnavailable where that cannot be promised yet.
        """
        try:
            return self.get(conflict_id)
        except NotFound:
            write_outstanding(self._engine, self._volumes)
            raise

    def existing(self, conflict: Conflict) -> Instance | None:
        """The instance that bears the UID now."""
        try:
            return self._index.instance(conflict.sop_instance_uid)
        except NotFound:
            return None

    def pieces(self, conflict: Conflict) -> Iterator[bytes]:
        """Its part 10 file, a megabyte at a time, the first read before this returns.

        Raises StorageUnavailable.
        """
        return self._bytes.pieces(conflict)

    def discard(self, conflict_id: int) -> Conflict:
        """Let it go until it is sent again. Raises NotFound, StorageFull, StorageUnavailable."""
        with self._turn():
            conflict = self.to_decide(conflict_id)
            content = Discarded(conflict.sop_instance_uid, conflict.digest, conflict.received_at)
            discard_content(self._engine, self._volumes, content)
        log.info("conflict_discarded", conflict_id=conflict_id)
        return conflict

    def accept(self, conflict_id: int) -> Conflict:
        """Put it in the place of the instance that is stored.

        Results that were made from the other one go with it where its series
        has nothing else; the series is completed again. Raises NotFound,
        StateConflict for a study on legal hold, InstanceDamaged, StorageFull,
        StorageUnavailable.
        """
        with self._turn():
            return self._accept(self.to_decide(conflict_id))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """What two decide at once is decided by the first: the second finds no conflict."""
        with turn(self._engine, self._turns, "conflicts", 1, _TURN_WITHIN_S) as is_free:
            if not is_free:
                raise StorageUnavailable(
                    f"Another conflict has been decided for {_TURN_WITHIN_S:g} s.",
                    remedy="Ask again; what was decided stays decided.",
                )
            yield

    def _accept(self, conflict: Conflict) -> Conflict:
        existing = self.existing(conflict)
        if existing is not None:
            with reading(self._engine) as connection:
                check_no_hold(connection, existing.study_instance_uid)
        header = self._bytes.header(conflict)
        with translated_os_errors(self._volumes.folder):
            generation = self._volumes.generation.advance()
        replaced = Tombstone("", utcnow(), generation)
        if existing is not None:
            deleted = Deleted(
                existing.sop_instance_uid, existing.series_instance_uid, existing.received_at
            )
            replaced = replace(
                replaced, study_instance_uid=existing.study_instance_uid, instances=(deleted,)
            )
        appended = self._copy(conflict, header, generation)
        note = appended.note
        new = NewInstance.of_note(header, appended.location, conflict.digest, note)

        def exchange(connection: Connection) -> Tombstone | None:
            exchange_rows(connection, conflict.conflict_id, replaced, new)
            return replaced if existing is not None else None

        try:
            bury_by(self._engine, self._volumes, exchange)
        except NotFound:
            # It went with its study meanwhile, which the copy must not bring back.
            content = Discarded(conflict.sop_instance_uid, conflict.digest, note.received_at)
            discard_content(self._engine, self._volumes, content)
            raise
        self._renewal.renew(new, "stored")
        if existing is not None:
            try:
                remove_derived(self._objects, existing.study_instance_uid)
            except StorageUnavailable as error:
                # They are copies, and are found by content alone.
                log.warning("derived_objects_remain", error=error.code)
        log.info("conflict_accepted", conflict_id=conflict.conflict_id)
        return conflict

    def _copy(self, conflict: Conflict, header: Header, generation: int) -> Appended:
        """A record of the same bytes that no earlier tombstone covers."""
        if conflict.size_bytes > SPILL_BYTES:
            large = LargeVolume(
                self._volumes.folder,
                source=conflict.source,
                origin="received",
                dataset_offset=header.dataset_offset,
                association=conflict.association,
                generation=lambda: generation,
                check_folder=self._volumes.check_folder,
            )
            try:
                for piece in self.pieces(conflict):
                    large.write(piece)
                if not large.is_proved_by(conflict.digest):
                    raise _damaged(conflict)
            except BaseException:
                large.discard()
                raise
            return large.finish(digest=bytes.fromhex(conflict.digest))
        note = Note(
            conflict.source,
            "received",
            utcnow(),
            generation,
            association=conflict.association,
        )
        payload = self._bytes.read(conflict)
        if not proves(conflict.digest, memoryview(payload)[header.dataset_offset :]):
            raise _damaged(conflict)
        digest = bytes.fromhex(conflict.digest)
        record = ToAppend(note, payload, header.dataset_offset, digest)
        (location,) = self._volumes.append_records([record])
        return Appended(location, note)


def _damaged(conflict: Conflict) -> InstanceDamaged:
    return InstanceDamaged(
        f"The bytes that were kept aside under {conflict.sop_instance_uid} are not those that"
        " arrived.",
        remedy="Discard the conflict, and have the instance sent again.",
    )


def _by_id(conflict_id: int) -> Select[Any]:
    return select(t.conflict).where(t.conflict.c.id == conflict_id)


def _to_conflict(row: RowMapping) -> Conflict:
    return Conflict(
        row["id"],
        row["sop_instance_uid"],
        row["size_bytes"],
        row["digest"],
        row["source"],
        row["received_at"],
        Location(row["volume"], row["volume_offset"], row["size_bytes"], row["object_key"]),
        StoreAssociation(row["called_ae_title"], row["peer_address"]),
    )
