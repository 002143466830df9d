"""What came first, where rows are made again from records: it makes the row of study and series.

Records are read volume by volume, each process writes a volume of its own, and a copied object is
stored when a thread gets to it. In the order in which they are read, a stranger's one instance in
the study of somebody else could decide whose study it is, and which access group's.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, exists, select, update

from storage import tables as t
from storage.core.callers.shares import address_caller
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.db.engine import insert_or_ignore
from storage.dicom.part10 import Header, read_header
from storage.index.insert_instance import (
    NewInstance,
    find_or_add_series,
    instance_values,
    note_if_generated,
)
from storage.volumes.files import volume_begun_at
from storage.volumes.scan import Record

Place = tuple[str, int, str]
"""Of a record its volume, its offset and the volume's key in the bucket; of an object its key."""


@dataclass(frozen=True)
class Candidate:
    """An instance that may have been the first of its series."""

    place: Place
    received_at: datetime
    load: Callable[[], NewInstance | None]
    """None where it cannot be read any more, or must not come back."""

    def came_before(self, known: "Candidate") -> bool:
        """Whether it did, where `known` was met before: records of a volume lie in the order in
        which they came, but for those that were copied there."""
        volume = self.place[0]
        if volume and volume == known.place[0] and not may_be_copied(volume, self.received_at):
            return False
        return self.received_at < known.received_at


class FirstOfSeries:
    """The first of each series among all that was offered: as much memory as there are series."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Candidate] = {}

    def offer(
        self,
        series: tuple[str, str],
        candidate: Candidate,
        is_deleted: Callable[[], bool] = lambda: False,
    ) -> None:
        """`series`: the UIDs of its study and of itself. `is_deleted` is asked where it counts."""
        known = self._found.get(series)
        if (known is None or candidate.came_before(known)) and not is_deleted():
            self._found[series] = candidate

    def loaded(self) -> Iterator[tuple[Place, NewInstance]]:
        """As they came."""
        for one in sorted(self._found.values(), key=lambda one: one.received_at):
            new = one.load()
            if new is not None:
                yield one.place, new


def with_headers(path: Path, records: Iterable[Record]) -> Iterator[tuple[Record, Header]]:
    """Records of a volume that can be read, without a look at their pixels. Raises OSError."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        for record in records:
            start = record.location.offset
            with view[start : start + record.location.length] as part10:
                try:
                    header = read_header(part10)
                except (InvalidInstance, LimitExceeded):
                    continue
            yield record, header


def let_the_first_win(connection: Connection, new: NewInstance) -> None:
    """Exchange the row of a UID and a newcomer where the newcomer was received before.

    Only where no row was there when either came: what stands on a row must not lose it.
    """
    uid = new.header.sop_instance_uid
    row = (
        connection.execute(select(t.instance).where(t.instance.c.sop_instance_uid == uid))
        .mappings()
        .one()
    )
    # Records of a volume are added in the order in which they lie there.
    arrived_behind = row["volume"] == new.location.volume and not may_be_copied(
        new.location.volume, new.received_at
    )
    if arrived_behind or row["received_at"] <= new.received_at:
        return
    # It may be of another study.
    _, series_id, _ = find_or_add_series(connection, new)
    values = instance_values(new, series_id)
    connection.execute(update(t.instance).where(t.instance.c.id == row["id"]).values(**values))
    note_if_generated(connection, new)
    if row["series_fk"] != series_id:
        _remove_if_empty(connection, row["series_fk"])
    if row["digest"] != new.digest:
        connection.execute(
            delete(t.conflict).where(
                t.conflict.c.sop_instance_uid == uid, t.conflict.c.digest == new.digest
            )
        )
        kept = ("sop_instance_uid", "size_bytes", "digest", "source", "received_at")
        places = ("called_ae_title", "peer_address", "volume", "volume_offset")
        sent_by = {"sent_by": address_caller(row["peer_address"])}
        values = {name: row[name] for name in (*kept, *places)} | sent_by
        insert_or_ignore(connection, t.conflict, values)


def _remove_if_empty(connection: Connection, series_fk: int) -> None:
    """A series without instances, and a study without series, as if they had never come."""
    study_fk = connection.execute(
        select(t.series.c.study_fk).where(t.series.c.id == series_fk)
    ).scalar_one()
    has_instances = exists().where(t.instance.c.series_fk == series_fk)
    connection.execute(delete(t.series).where(t.series.c.id == series_fk, ~has_instances))
    has_series = exists().where(t.series.c.study_fk == study_fk)
    connection.execute(delete(t.study).where(t.study.c.id == study_fk, ~has_series))


def may_be_copied(volume: str, received_at: datetime) -> bool:
    """Whether a record was received before its volume was begun, as those that were moved."""
    begun_at = volume_begun_at(volume)
    return begun_at is None or received_at < begun_at
