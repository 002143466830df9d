"""Each kind of fault is named by `/health` or `mediview doctor`, in a sentence with its remedy."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from api.server.checks import disk as disk_checks
from api.server.checks import health as health_checks
from api.server.checks.disk import check_disk, check_disk_speed, volumes_probe
from api.server.health import HealthChecks
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.server.scp import start_scp
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InstanceDamaged, StorageUnavailable
from storage.db.clock_steps import ClockStep, note_step
from storage.processes.heartbeats import HANDLED
from storage.settings import Settings, load_settings
from tests.faults.named_faults import doctor, health, living_storage, unanswered_settings
from tests.faults.raw_peer import RawPeer, context
from tests.injection import injected
from tests.migrated import upgrade
from tests.mounts import fill_disk, mounted
from tests.services import free_port
from tests.storage.deletion.test_deleting import close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.checked_storage import flip

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]

MARK_BYTES = 8 << 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return unanswered_settings(tmp_path)


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    with living_storage(settings) as storage:
        yield storage


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Settings]:
    """A data folder on a disk of 64 MiB, and nothing in it."""
    folder = tmp_path / "small"
    options = ("-t", "tmpfs", "-o", "size=64m,nr_inodes=100", "tmpfs")
    with mounted(folder, *options):
        settings = load_settings(data_dir=folder / "data", free_disk_mark_bytes=MARK_BYTES)
        (settings.data_dir / "volumes").mkdir(parents=True)
        yield settings


def clock_set_back(storage: Storage) -> None:
    note_step(storage.engine, ClockStep(utcnow(), -timedelta(hours=1)))


def control_worker_killed(storage: Storage) -> None:
    storage.heartbeats.beat("worker-control", utcnow() - timedelta(minutes=1))


def ticks_not_handled(storage: Storage) -> None:
    storage.heartbeats.beat(HANDLED, utcnow() - timedelta(minutes=1))


def read_again(storage: Storage) -> None:
    with pytest.raises(InstanceDamaged):
        storage.instances.read(storage.index.instance(uid("1")))


def bit_flipped(storage: Storage) -> None:
    close(storage)
    flip(storage, "1", 300)
    read_again(storage)


def volume_of(storage: Storage) -> Path:
    close(storage)
    return storage.volumes.folder / storage.index.instance(uid("1")).location.volume


def volume_cut_off(storage: Storage) -> None:
    os.truncate(volume_of(storage), 100)
    read_again(storage)


def volume_deleted(storage: Storage) -> None:
    deleted = volume_of(storage)
    storage.ingest.accept(part10(instance="2"), "stow")
    deleted.unlink()
    read_again(storage)


def disk_not_mounted(storage: Storage) -> None:
    volume_of(storage).unlink()
    read_again(storage)


def unreadable_sector(storage: Storage) -> None:
    close(storage)
    with injected([os.getpid()], "pread64,preadv:error=EIO"):
        read_again(storage)


@dataclass(frozen=True)
class Case:
    happens: Callable[[Storage], None]
    part: str
    named: str
    remedy: str


CASES = (
    Case(control_worker_killed, "worker", "Not running: mediview worker --queue control", "Start"),
    Case(ticks_not_handled, "worker", "No tick of the clock was handled", "restart it"),
    Case(clock_set_back, "clock", "was set back by 3,600 s", "NTP"),
    Case(bit_flipped, "instances", "1 stored instance is damaged or lost", "sent to this node"),
    Case(volume_cut_off, "instances", "1 stored instance is damaged or lost", "sent to this node"),
    Case(volume_deleted, "instances", "1 stored instance is damaged or lost", "sent to this node"),
    Case(disk_not_mounted, "instances", "holds no volume", "mount its disk"),
    Case(unreadable_sector, "instances", "1 stored instance is damaged", "check the disk"),
    Case(lambda _: None, "dicom", "Connection refused", "Start it with `mediview scp`"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.part} {case.happens.__name__}")
def test_health_names_it(storage: Storage, case: Case) -> None:
    case.happens(storage)
    sentence = health(storage, case.part)
    assert case.named in sentence
    assert case.remedy in sentence


def test_a_receiver_that_hangs_is_named_within_seconds(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after SIGSTOP: the kernel takes the connection, and nobody answers."""
    monkeypatch.setattr(health_checks, "ECHO_TIMEOUTS", Timeouts(0.5, 0.5, 0.5, 0.5))
    with socket.create_server(("127.0.0.1", storage.settings.dicom_port)):
        sentence = health(storage, "dicom")
    assert "did not answer" in sentence
    assert "restart it where it hangs" in sentence


def test_associations_that_take_every_slot_are_named(storage: Storage) -> None:
    """Not so connections that are half open, which take none."""
    scp = start_scp(storage)
    try:
        with ExitStack() as stack:
            for _ in range(storage.settings.max_associations):
                stack.enter_context(RawPeer(scp.port)).send(b"\x01\x00")
            assert HealthChecks(storage).run().parts["dicom"].ok
            for _ in range(storage.settings.max_associations):
                peer = stack.enter_context(RawPeer(scp.port))
                peer.associate([context(1, CTImageStorage, [ExplicitVRLittleEndian])])
            sentence = health(storage, "dicom")
    finally:
        scp.shutdown()
    assert "rejected the association" in sentence
    assert "raise MEDIVIEW_MAX_ASSOCIATIONS" in sentence


@pytest.mark.parametrize(
    ("changed", "name", "remedy"),
    [
        ({"broker_url": "redis://127.0.0.1:{port}/0"}, "broker", "Check MEDIVIEW_BROKER_URL"),
        (
            {"database_url": "postgresql+psycopg://127.0.0.1:{port}/mediview"},
            "database",
            "Check MEDIVIEW_DATABASE_URL and the database server",
        ),
        (
            {
                "object_store": "s3",
                "s3_endpoint_url": "http://127.0.0.1:{port}",
                "s3_bucket": "dicom",
                "s3_access_key_id": "a",
                "s3_secret_access_key": "b",
            },
            "objects",
            "Check MEDIVIEW_S3_ENDPOINT_URL",
        ),
        ({}, "HTTP", "Start the node with `mediview up`"),
        ({}, "to pacs", "Results wait until then; nothing is lost"),
    ],
    ids=["Redis", "PostgreSQL", "bucket", "API", "destination"],
)
def test_doctor_names_what_does_not_answer(
    settings: Settings,
    changed: dict[str, str],
    name: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It takes seconds, and nothing of it is broken.
    monkeypatch.setattr("api.server.checks.doctor.run_self_test", lambda: [])
    update = {key: value.format(port=free_port()) for key, value in changed.items()}
    ports = {"http_port": settings.http_port, "dicom_port": settings.dicom_port}
    asked = load_settings(
        **{"data_dir": settings.data_dir, "destinations": settings.destinations, **ports, **update}
    )
    assert remedy in doctor(asked, name)


def test_a_disk_full_to_the_mark_to_the_last_byte_and_without_inodes_is_named(
    disk: Settings,
) -> None:
    probe = volumes_probe(disk)
    assert check_disk(disk, probe).ok
    for number in range(100):
        try:
            (disk.data_dir / str(number)).touch()
        except OSError:
            break
    sentence = check_disk(disk, volumes_probe(disk)).detail
    assert "no inodes (df -i)" in sentence
    ballast = disk.data_dir / "0"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, (64 << 20) - MARK_BYTES + 4096)
    assert "takes nothing below 8 MiB. Free disk space." in check_disk(disk, probe).detail
    ballast.unlink()
    fill_disk(disk.data_dir)
    assert "0 MiB are free" in check_disk(disk, probe).detail


def test_a_read_only_disk_is_named(disk: Settings) -> None:
    folder = str(disk.data_dir.parent)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    sentence = check_disk(disk, volumes_probe(disk)).detail
    assert "is read-only" in sentence
    assert "dmesg" in sentence
    assert "is read-only" in doctor(disk, "disk")


def test_an_index_on_a_disk_of_its_own_that_became_read_only_is_named(
    disk: Settings, tmp_path: Path
) -> None:
    index = disk.data_dir.parent / "index.sqlite3"
    settings = load_settings(data_dir=tmp_path / "data", database_url=f"sqlite:///{index}")
    upgrade(settings)
    with open_storage(settings) as storage:
        assert HealthChecks(storage).run().parts["database"].ok
        checks = HealthChecks(storage)
        storage.engine.dispose()
        subprocess.run(["mount", "-o", "remount,ro", str(index.parent)], check=True)
        sentence = checks.run().parts["database"].detail
    assert "read-only" in sentence


def test_a_disk_that_cannot_make_anything_durable_is_named(storage: Storage) -> None:
    with injected([os.getpid()], "fsync,fdatasync:error=EIO"):
        sentence = health(storage, "disk")
        with pytest.raises(StorageUnavailable, match=r"index cannot be read or written: disk I/O"):
            storage.disk_samples.note(utcnow(), 0)
        with pytest.raises(StorageUnavailable, match="Input/output error"):
            storage.ingest.accept(part10(instance="2"), "stow")
    assert "fails: Input/output error" in sentence
    assert "smartctl" in sentence
    storage.ingest.accept(part10(instance="2"), "stow")


def test_a_slow_disk_is_named_while_it_writes_and_afterwards(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_checks, "SLOW_S", 0.3)
    probe = volumes_probe(settings)
    with injected([os.getpid()], "fsync:delay_enter=600000"):
        during = check_disk_speed(probe).detail
        assert "has not ended after 0 s" in during
        assert probe._attempt is not None
        probe._attempt.is_done.wait()
    assert "took 1 s" in check_disk_speed(probe).detail
    assert "iostat" in during
