"""A backup that one host takes while others hold what the bucket has not got."""

import threading
from pathlib import Path
from typing import Any

import pytest

from api.server.stage_metrics import WorkCollector
from storage.backup import other_hosts
from storage.backup.entities import Manifest
from storage.backup.key import BackupKey, new_key
from storage.backup.places import open_place
from storage.backup.store import BackupStore
from storage.backup.taking import take_backup
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import reading_one_state
from tests.storage.hosts.conftest import Host
from tests.storage.hosts.instances import TwoHosts, away, part10


def backup_of(host: Host, folder: Path) -> Manifest:
    place = open_place(host.settings, str(folder))
    return take_backup(host.storage, BackupStore(place, BackupKey.parse(new_key()), create=True))


def test_a_backup_waits_for_what_others_copy(two_hosts: TwoHosts, tmp_path: Path) -> None:
    north, south = two_hosts
    for number in range(3):
        south.storage.ingest.accept(part10(instance=str(number)), "stow")
    copying = threading.Timer(0.5, south.keep_in_order)
    copying.start()

    manifest = backup_of(north, tmp_path / "backups")

    copying.join()
    assert (manifest.instances, manifest.missing, manifest.awaited) == (3, (), ())


def test_monitors_of_every_host_see_when_a_backup_ended_on_one(
    two_hosts: TwoHosts, tmp_path: Path
) -> None:
    """The host that takes backups may have no API, as the CronJob of the chart."""
    north, south = two_hosts
    before = backups_stated(south.storage)
    backup_of(north, tmp_path / "backups")
    stated = backups_stated(south.storage)

    assert before == []
    assert stated == backups_stated(north.storage)
    assert 0 <= utcnow().timestamp() - stated[0] < 300


def backups_stated(storage: Storage) -> list[float]:
    return [
        sample.value
        for metric in WorkCollector(storage).collect()
        for sample in metric.samples
        if sample.name == "mediview_backup_timestamp_seconds"
    ]


def test_what_a_host_holds_alone_is_named_by_host_and_number(
    two_hosts: TwoHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_hosts, "_WITHIN_S", 0.1)
    north, south = two_hosts
    for number in range(3):
        south.storage.ingest.accept(part10(instance=str(number)), "stow")
    north.storage.ingest.accept(part10(instance="of north"), "stow")
    south_id = south.storage.hosts.own_id()

    (alive,) = backup_of(north, tmp_path / "alive").missing
    away(north.storage, south_id)
    (dead,) = backup_of(north, tmp_path / "dead").missing
    south.keep_in_order()
    after = backup_of(north, tmp_path / "after")

    assert alive.startswith("3 instances lie on the disk of the host ")
    assert f"({south_id}) alone; the bucket has not got them." in alive
    assert "/health" in alive
    assert "gives no sign of life" in dead
    assert (after.instances, after.missing) == (4, ())


def test_what_comes_to_another_host_meanwhile_is_no_failure(
    two_hosts: TwoHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = two_hosts
    south.storage.ingest.accept(part10(), "stow")
    south.keep_in_order()

    def with_another(*arguments: Any) -> Any:
        south.storage.ingest.accept(part10(instance="late"), "stow")
        return reading_one_state(*arguments)

    monkeypatch.setattr("storage.backup.snapshot.reading_one_state", with_another)
    manifest = backup_of(north, tmp_path / "backups")

    (awaited,) = manifest.awaited
    assert manifest.missing == ()
    assert awaited.startswith("1 instances that the host ")
    assert awaited.endswith("received while this backup was taken are in the next one.")
