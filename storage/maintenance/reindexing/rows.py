"""What a rebuilt index is made of: rows of instances, the first received of a UID, and times.

Which of two contents came first is not asked of the clock, which may have been set back, where
anything else says it. A record that came when another content was stored says so in its note, and
is added behind all that do not. Of two that say nothing of each other (records of earlier versions,
and two that arrived at once) the order within a volume says it, and the time where they lie in
different volumes or the latter may have been copied to its own by compaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.callers.shares import address_caller
from storage.core.errors import ValueRefused
from storage.db.driver_errors import is_data_refused
from storage.db.engine import insert_or_ignore, writing
from storage.index.insert_instance import (
    NewInstance,
    Outcome,
    insert_instance,
    instance_values,
    note_if_generated,
)
from storage.reconciliation.refused_rows import note_refused
from storage.volumes.files import volume_begun_at


@dataclass
class Rebuilt:
    """What was found. `refused` are records and objects that cannot be read any more, and those
    whose rows the database does not take; of a damaged volume the rest counts as one. `torn` are
    volumes that end within a record, as where a node was killed."""

    instances: int = 0
    duplicates: int = 0
    conflicts: int = 0
    deleted: int = 0
    refused: int = 0
    torn: int = 0


def add_batch(
    engine: Engine, batch: Sequence[NewInstance], rebuilt: Rebuilt, *, are_later: bool = False
) -> None:
    """Add rows in one transaction, and count what became of them.

    `are_later`: what is in the index came before these.
    """
    if not batch:
        return
    try:
        outcomes = _add(engine, batch, are_later=are_later)
    except (DBAPIError, ValueRefused, UnicodeEncodeError, OverflowError) as error:
        if not is_data_refused(error):
            raise
        if len(batch) > 1:
            # One of them is what the database does not take: each stands for itself.
            for new in batch:
                add_batch(engine, [new], rebuilt, are_later=are_later)
            return
        note_refused(engine, batch[0])
        rebuilt.refused += 1
        return
    rebuilt.instances += outcomes.count("stored")
    rebuilt.conflicts += outcomes.count("conflict")
    rebuilt.duplicates += outcomes.count("duplicate")


def _add(engine: Engine, batch: Sequence[NewInstance], *, are_later: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with writing(engine) as connection:
        for new in batch:
            outcomes.append(insert_instance(connection, new))
            if outcomes[-1] != "stored" and not are_later:
                _let_the_first_win(connection, new)
    return outcomes


def _let_the_first_win(connection: Connection, new: NewInstance) -> None:
    """Exchange row and newcomer where the newcomer was received before."""
    uid = new.header.sop_instance_uid
    row = (
        connection.execute(select(t.instance).where(t.instance.c.sop_instance_uid == uid))
        .mappings()
        .one()
    )
    # Records of a volume are added in the order in which they lie there.
    arrived_behind = row["volume"] == new.location.volume and not _may_be_copied(new)
    if arrived_behind or row["received_at"] <= new.received_at:
        return
    values = instance_values(new, row["series_fk"])
    connection.execute(update(t.instance).where(t.instance.c.id == row["id"]).values(**values))
    note_if_generated(connection, new)
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


def _may_be_copied(new: NewInstance) -> bool:
    """Whether its record was received before its volume was begun, as those that were moved."""
    begun_at = volume_begun_at(new.location.volume)
    return begun_at is None or new.received_at < begun_at


def set_times(engine: Engine) -> None:
    """Series and studies are as old as their instances, whatever order those were found in."""
    instances = t.instance.c.series_fk == t.series.c.id
    of_series = t.series.c.study_fk == t.study.c.id
    first = select(func.min(t.instance.c.received_at)).where(instances).scalar_subquery()
    latest = select(func.max(t.instance.c.received_at)).where(instances).scalar_subquery()
    began = select(func.min(t.series.c.first_instance_at)).where(of_series).scalar_subquery()
    ended = select(func.max(t.series.c.last_instance_at)).where(of_series).scalar_subquery()
    with writing(engine) as connection:
        connection.execute(
            update(t.series).values(first_instance_at=first, last_instance_at=latest)
        )
        connection.execute(update(t.study).values(received_at=began, updated_at=ended))
