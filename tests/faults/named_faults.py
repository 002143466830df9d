"""A node whose faults are to be named, and what health and doctor say of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.server.checks.doctor import diagnose
from api.server.health import HealthChecks
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.processes.heartbeats import HANDLED
from storage.settings import Destination, Settings, load_settings
from tests.migrated import upgrade
from tests.services import free_port
from tests.storage.instances import part10

PROCESSES = ("worker-jobs", "worker-control", "worker-language", "beat", HANDLED)


def unanswered_settings(folder: Path) -> Settings:
    """Services that are named lie at ports where nobody answers."""
    settings = load_settings(
        data_dir=folder / "disk" / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        max_associations=2,
        free_disk_mark_bytes=0,
        destinations=(Destination("pacs", "PACS", "127.0.0.1", free_port()),),
    )
    upgrade(settings)
    return settings


@contextmanager
def living_storage(settings: Settings) -> Iterator[Storage]:
    """One instance is stored, all processes have given signs of life."""
    with open_storage(settings) as storage:
        storage.ingest.accept(part10(instance="1"), "stow")
        for name in PROCESSES:
            storage.heartbeats.beat(name, utcnow())
        yield storage


def health(storage: Storage, part: str) -> str:
    found = HealthChecks(storage).run().parts[part]
    assert not found.ok, f"{part} is called well"
    return found.detail


def doctor(settings: Settings, name: str) -> str:
    found = next(check for check in diagnose(settings) if check.name == name)
    assert found.state == "fail"
    return f"{found.detail} {found.remedy}"
