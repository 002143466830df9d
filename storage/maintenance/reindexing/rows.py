"""What a rebuilt index is made of: rows of instances, the first received of a UID, and times.

Which of two contents came first is not asked of the clock, which may have been set back, where
anything else says it. A record that came when another content was stored says so in its note, and
is added behind all that do not. Of two that say nothing of each other (records of earlier versions,
and two that arrived at once) the order within a volume says it, and the time where they lie in
different volumes or the latter may have been copied to its own by compaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.core.errors import ValueRefused
from storage.db.driver_errors import is_data_refused
from storage.db.engine import writing
from storage.index.insert_instance import NewInstance, Outcome, insert_instance
from storage.reconciliation.first_received import let_the_first_win
from storage.reconciliation.refused_rows import note_refused

BATCH = 500
"""Rows of one transaction."""


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
                let_the_first_win(connection, new)
    return outcomes


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
