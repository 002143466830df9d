"""How much the storage holds, and where."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, Table, func, select

from storage import tables as t
from storage.db.engine import reading
from storage.maintenance.compaction import volume_uses
from storage.objects.backlog import backlog_bytes
from storage.settings import Settings
from storage.volumes.scan import is_being_written
from storage.volumes.writer import VolumeWriter


@dataclass(frozen=True)
class Statistics:
    studies: int
    series: int
    instances: int
    instance_bytes: int
    conflicts: int
    volumes: int
    volume_bytes: int
    live_bytes: int
    """Of the local volumes: what an instance or a conflict refers to."""
    open_volumes: int
    retired_volumes: int
    in_bucket: int
    """Instances."""
    waiting_for_bucket: int
    waiting_for_bucket_bytes: int
    tombstones: int
    objects_to_purge: int

    @property
    def dead_bytes(self) -> int:
        return max(self.volume_bytes - self.live_bytes, 0)


def statistics(settings: Settings, engine: Engine, volumes: VolumeWriter) -> Statistics:
    """Count everything. Raises StorageUnavailable."""
    uses = volume_uses(engine, volumes.folder)
    s3 = settings.object_store == "s3"
    with reading(engine) as connection:

        def count(table: Table, *conditions: ColumnElement[bool]) -> int:
            query = select(func.count()).select_from(table).where(*conditions)
            return int(connection.execute(query).scalar_one())

        instances = count(t.instance)
        waiting = count(t.instance, t.NOT_UPLOADED)
        size_bytes = connection.execute(
            select(func.coalesce(func.sum(t.instance.c.size_bytes), 0))
        ).scalar_one()
        found = {
            "studies": count(t.study),
            "series": count(t.series),
            "conflicts": count(t.conflict),
            "tombstones": count(t.tombstone),
            "objects_to_purge": count(t.tombstone, t.UNPURGED),
            "retired_volumes": count(
                t.volume,
                t.volume.c.retired_at.is_not(None),
                t.volume.c.name.in_([use.path.name for use in uses]),
            ),
        }
    return Statistics(
        **found,
        instances=instances,
        instance_bytes=int(size_bytes),
        volumes=len(uses),
        volume_bytes=sum(use.size_bytes for use in uses),
        live_bytes=sum(use.live_bytes for use in uses),
        open_volumes=sum(is_being_written(use.path) for use in uses),
        in_bucket=instances - waiting,
        waiting_for_bucket=waiting if s3 else 0,
        waiting_for_bucket_bytes=backlog_bytes(engine) if s3 else 0,
    )
