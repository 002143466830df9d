"""Instances whose volume is not there: found in another one, or noted as lost at once."""

from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    delete,
    exists,
    func,
    literal,
    select,
)

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_into, reading, writing
from storage.db.portions import in_portions
from storage.reconciliation.moved_rows import move_all
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import has_volumes, volume_sizes

log = structlog.get_logger(__name__)


def find_missing(
    engine: Engine,
    folder: Path,
    reader: VolumeReader,
    is_elsewhere: Callable[[str], bool] = lambda _volume: False,
) -> int:
    """Move rows of volumes that are not there, and note those that no volume has; how many moved.

    What another host has (`is_elsewhere`) is not missing. All volumes are looked at only where
    instances are missing that are not noted yet. Where there is no volume at all, nothing is noted:
    more likely the disk is not mounted.
    """
    _forget_found(engine, folder)
    if is_bare(engine, folder, is_elsewhere):
        log.error("no_volume_there", remedy="Mount the disk of the volumes folder, and restart.")
        return 0
    missing = missing_volumes(engine, folder, is_elsewhere)
    names = [name for name, count in missing.items() if count]
    if not names:
        return 0
    count = move_all(engine, folder, reader)
    note_missing(engine, folder, names)
    return count


def is_bare(
    engine: Engine, folder: Path, is_elsewhere: Callable[[str], bool] = lambda _volume: False
) -> bool:
    """Whether no volume at all is in the folder though instances lie there alone. Quick."""
    if has_volumes(folder):
        return False
    with reading(engine) as connection:
        waits = select(t.instance.c.id).where(t.NOT_UPLOADED).limit(1)
        if connection.execute(waits).first() is None:
            return False
        return any(not is_elsewhere(name) for name in _names(connection))


def _names(connection: Connection) -> list[str]:
    return list(connection.execute(unsettled_volumes()).scalars())


def unsettled_volumes() -> Select[str]:
    """Each volume in which instances lie that no bucket has.

    From one to the next by the index: DISTINCT reads every instance, and a node receives nothing
    before it knows after a restart of PostgreSQL.
    """
    volume = t.instance.c.volume
    found = select(func.min(volume).label("volume")).where(t.NOT_UPLOADED)
    names = found.cte("names", recursive=True)
    following = select(func.min(volume)).where(t.NOT_UPLOADED, volume > names.c.volume)
    names = names.union_all(select(following.scalar_subquery()).where(names.c.volume.is_not(None)))
    return select(names.c.volume).where(names.c.volume.is_not(None))


def missing_volumes(
    engine: Engine, folder: Path, is_elsewhere: Callable[[str], bool]
) -> dict[str, int]:
    """Volumes that are not there though instances lie in them alone, and how many are not noted.

    One look at each volume: for a start, not for every minute.
    """
    there = volume_sizes(folder)
    with reading(engine) as connection:
        missing = [
            name for name in _names(connection) if name not in there and not is_elsewhere(name)
        ]
        counts: dict[str, int] = {}
        for portion in in_portions(missing):
            rows = connection.execute(
                select(t.instance.c.volume, func.count())
                .where(t.NOT_UPLOADED, t.instance.c.volume.in_(portion), ~_is_noted())
                .group_by(t.instance.c.volume)
            )
            counts.update((name, count) for name, count in rows)
    return counts


def _forget_found(engine: Engine, folder: Path) -> None:
    """A volume may be back; who reads an instance compares it all the same."""
    noted = t.damaged_instance.c
    with reading(engine) as connection:
        names = connection.execute(
            select(noted.volume).where(noted.kind == "missing", noted.volume != "").distinct()
        ).scalars()
        sizes = {
            name: (folder / name).stat().st_size for name in names if (folder / name).is_file()
        }
    for name, size_bytes in sizes.items():
        with writing(engine) as connection:
            is_whole = exists().where(
                t.instance.c.sop_instance_uid == noted.sop_instance_uid,
                t.instance.c.volume_offset + t.instance.c.size_bytes <= size_bytes,
                t.instance.c.volume == name,
            )
            connection.execute(
                delete(t.damaged_instance).where(
                    noted.volume == name, noted.kind == "missing", is_whole
                )
            )


def note_missing(engine: Engine, folder: Path, names: Iterable[str]) -> None:
    """Note the instances of these volumes as lost, where the volume is still not there."""
    noted = t.damaged_instance
    for name in names:
        if (folder / name).is_file():
            continue
        lost = select(
            t.instance.c.sop_instance_uid,
            t.study.c.study_instance_uid,
            t.instance.c.digest,
            t.instance.c.volume,
            t.instance.c.volume_offset,
            literal("missing"),
            literal(False),
            literal(utcnow(), noted.c.noticed_at.type),
        ).where(
            t.instance.c.series_fk == t.series.c.id,
            t.series.c.study_fk == t.study.c.id,
            t.instance.c.volume == name,
            t.NOT_UPLOADED,
        )
        columns = [
            "sop_instance_uid",
            "study_instance_uid",
            "digest",
            "volume",
            "volume_offset",
            "kind",
            "has_copy",
            "noticed_at",
        ]
        with writing(engine) as connection:
            of_others = select(t.instance.c.sop_instance_uid).where(
                t.instance.c.volume == name, t.NOT_UPLOADED, ~_is_noted()
            )
            # What was noted of bytes that no row names any more.
            connection.execute(delete(noted).where(noted.c.sop_instance_uid.in_(of_others)))
            count = connection.execute(
                insert_into(engine, noted).from_select(columns, lost).on_conflict_do_nothing()
            ).rowcount
        if count:
            log.error("volume_missing", volume=name, instances=count)


def _is_noted() -> ColumnElement[bool]:
    noted = t.damaged_instance.c
    return (
        select(noted.sop_instance_uid)
        .where(
            noted.sop_instance_uid == t.instance.c.sop_instance_uid,
            noted.digest == t.instance.c.digest,
            noted.volume == t.instance.c.volume,
            noted.volume_offset == t.instance.c.volume_offset,
        )
        .exists()
    )
