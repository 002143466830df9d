"""The one way in, with what it asks of the index, the bucket and the volumes."""

from pathlib import Path

from sqlalchemy import Engine

from storage.index.repository import Index
from storage.ingest.bucket_confirmation import BucketConfirmation
from storage.ingest.service import Ingest
from storage.ingest.strangers import Strangers
from storage.integrity.bucket_copy import BucketCopy
from storage.integrity.instance_reader import InstanceReader
from storage.integrity.repository import DamagedInstances
from storage.objects.store import ObjectStore
from storage.peers.repository import Peers
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.settings import Settings
from storage.volumes.writer import VolumeWriter


def conflict_turns(settings: Settings) -> Path:
    """The folder in which those who decide conflicts take turns."""
    return settings.data_dir / "conflicts"


def make_ingest(
    settings: Settings,
    engine: Engine,
    writer: VolumeWriter,
    recovery: CrashRecovery,
    damaged: DamagedInstances,
    index: Index,
    instances: InstanceReader,
    objects: ObjectStore,
) -> Ingest:
    def read_stored(sop_instance_uid: str, max_bytes: int) -> bytes | None:
        instance = index.instance(sop_instance_uid)
        return instances.read(instance) if instance.size_bytes <= max_bytes else None

    confirmation = None
    if settings.acknowledge == "bucket":
        copying = BucketCopy(engine, instances, objects, several_write_objects=True)
        confirmation = BucketConfirmation(copying.bring, settings.acknowledge_within_s)
    return Ingest(
        engine,
        writer,
        settings.max_instance_bytes,
        recovery,
        read_stored,
        damaged,
        conflict_turns(settings),
        own_disks=settings.own_disks,
        confirmation=confirmation,
        strangers=Strangers(engine, Peers(engine, settings)),
    )
