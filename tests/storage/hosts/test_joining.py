"""Which hosts may join, and what is known of those that are away."""

import os
import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from api.cli.storage import hosts as command
from api.server.checks.hosts import check_hosts
from api.server.stage_metrics import WorkCollector
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotConfigured, NotFound, StateConflict
from storage.db.engine import reading, writing
from storage.hosts import copies, repository
from storage.hosts.keys import take_keys
from storage.volumes import host_id as of_folders
from storage.volumes.host_id import NAME, host_id
from tests.migrated import upgrade
from tests.storage.hosts.conftest import KEYS, copy_keys
from tests.storage.hosts.instances import UID, TwoHosts, away, damaged, part10


def test_a_host_that_is_away_is_named_with_what_it_alone_has(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    good = check_hosts(south.storage.hosts)
    name = str(next(one for one in south.storage.hosts.others()))
    before = monitored(south.storage, name)

    away(south.storage, north.storage.hosts.own_id())
    bad = check_hosts(south.storage.hosts)
    after = monitored(south.storage, name)
    south.storage.hosts.remove(north.storage.hosts.own_id())
    # With no volume of its own it could not tell a lost disk from one that is not mounted.
    south.storage.ingest.accept(part10(instance="1"), "stow")
    south.storage.recovery.run(thorough=True)

    assert good.ok
    assert not bad.ok
    assert "1 instances that no other host has" in bad.detail
    assert (before[0] < 300, before[1]) == (True, 1)
    assert (after[0] >= 3600, after[1]) == (True, 1)
    assert damaged(south.storage) == 1
    assert south.storage.ingest.accept(part10(), "stow").outcome == "duplicate"
    assert south.storage.instances.read(south.storage.index.instance(UID)) == part10()


def monitored(storage: Storage, host: str) -> tuple[float, float]:
    """How long it was silent, and how many instances it has alone, as monitors read it."""
    samples = {
        (sample.name, sample.labels.get("host")): sample.value
        for metric in WorkCollector(storage).collect()
        for sample in metric.samples
    }
    silence = samples["mediview_host_silence_seconds", host]
    return silence, samples["mediview_host_instances_alone", host]


def test_a_living_host_is_not_forgotten(two_hosts: TwoHosts) -> None:
    north, south = two_hosts

    with pytest.raises(StateConflict, match="sign of life"):
        south.storage.hosts.remove(north.storage.hosts.own_id())
    with pytest.raises(NotFound):
        south.storage.hosts.remove("00000000")


def test_a_host_without_the_keys_of_the_first_is_refused(settings_of: Any) -> None:
    north, south = settings_of("north"), settings_of("south")
    upgrade(north)
    with open_storage(north):
        pass
    copy_keys(north, south)
    (south.data_dir / "uid.key").write_bytes(b"x" * 32)
    (south.data_dir / "sealing.key").unlink()

    with pytest.raises(StateConflict) as error, open_storage(south):
        pass

    assert "sealing.key, uid.key" in error.value.message
    assert not (south.data_dir / "sealing.key").exists()


def test_without_the_setting_a_second_data_folder_is_named(settings_of: Any) -> None:
    north, south = (settings_of(name, own_disks=False) for name in ("north", "south"))
    upgrade(north)
    with open_storage(north) as of_north, open_storage(south) as of_south:
        of_north.ingest.accept(part10(), "stow")
        of_north.hosts.beat()
        of_south.ingest.accept(part10(instance="1"), "stow")
        of_south.hosts.beat()

        of_south.recovery.run(thorough=True)
        found = check_hosts(of_south.hosts)

        assert damaged(of_south) == 0
        assert not found.ok
        assert "MEDIVIEW_OWN_DISKS=true" in found.detail


def test_a_folder_keeps_its_id_though_the_file_is_lost_or_damaged(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, _ = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    folder = north.storage.volumes.folder
    before = host_id(folder)

    (folder / NAME).write_text("zz\n")
    monkeypatch.setattr(of_folders, "_ids", {})
    damaged_one = host_id(folder)
    (folder / NAME).unlink()
    monkeypatch.setattr(of_folders, "_ids", {})

    assert damaged_one == host_id(folder) == before


@pytest.mark.parametrize(
    "wrong", [{"s3_layout": "volumes"}, {"database_url": ""}, {"broker_url": ""}]
)
def test_what_own_disks_need_is_said(settings_of: Any, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="own_disks is true"):
        settings_of("north", **wrong)


def test_own_disks_need_a_common_key_of_the_audit_trail(settings_of: Any) -> None:
    with pytest.raises(ValueError, match="set audit_key, the same on all"):
        settings_of("north", audit_key="")


def test_keys_outlast_the_host_that_made_them(settings_of: Any) -> None:
    """Its disk is lost, and an empty one takes its place."""
    north, south, new = (settings_of(name) for name in ("north", "south", "new"))
    upgrade(north)
    with open_storage(north) as of_north:
        first = of_north.hosts.own_id()
    copy_keys(north, south)
    with open_storage(south) as of_south:
        away(of_south, first)
        of_south.hosts.remove(first)

        with pytest.raises(StateConflict, match=r"sealing\.key, signing\.key, uid\.key"):
            open_storage(new).__enter__()
        made = [name for name in KEYS if (new.data_dir / name).exists()]
        copy_keys(south, new)
        with open_storage(new) as of_new:
            assert len(of_new.hosts.all()) == 2

    assert made == []
    with open_storage(south):
        pass


def test_a_new_host_takes_the_keys_of_all_from_a_folder(settings_of: Any, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in KEYS[1:]:
        (keys / name).write_bytes(name.encode().ljust(32, b"."))
    north, south = (settings_of(name, host_keys_dir=keys) for name in ("north", "south"))
    upgrade(north)
    with pytest.raises(NotConfigured, match=f"has no {KEYS[0]}"):
        open_storage(north).__enter__()
    (keys / KEYS[0]).write_bytes(b"k" * 32)

    with open_storage(north), open_storage(south) as of_south:
        assert len(of_south.hosts.all()) == 2

    assert (south.data_dir / KEYS[0]).read_bytes() == b"k" * 32
    assert (south.data_dir / KEYS[0]).stat().st_mode & 0o777 == 0o600


def test_keys_that_are_taken_are_never_readable_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the process ends in the middle: what is there is not written again."""
    data, keys = tmp_path / "data", tmp_path / "keys"
    data.mkdir()
    keys.mkdir()
    for name in KEYS:
        (keys / name).write_bytes(b"k" * 32)
    modes: list[int] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        modes.extend(each.stat().st_mode & 0o777 for each in data.iterdir())
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("killed before it"))
    take_keys(data, keys)
    assert {(data / name).read_bytes() for name in KEYS} == {b"k" * 32}
    assert sorted(each.name for each in data.iterdir()) == sorted(KEYS)
    assert set(modes) == {0o600}


def test_keys_that_were_changed_everywhere_are_stated_again(
    settings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = settings_of("north")
    upgrade(north)
    with open_storage(north):
        pass
    (north.data_dir / "uid.key").write_bytes(b"y" * 32)
    with pytest.raises(StateConflict, match=r"uid\.key"):
        open_storage(north).__enter__()

    monkeypatch.setattr(command, "start", lambda **_: north)
    command.forget_keys()

    with open_storage(north) as opened, reading(opened.engine) as connection:
        opened.audit.flush()
        recorded = connection.execute(select(t.audit_event.c.detail)).scalars().all()
    assert any("keys of all hosts" in str(one) for one in recorded)


def test_a_copy_of_a_data_folder_does_not_start_beside_it(
    settings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_LOOKED_EVERY_S", 0.05)
    north = settings_of("north")
    upgrade(north)
    with open_storage(north) as of_north:
        of_north.ingest.accept(part10(), "stow")
        shutil.copytree(north.data_dir, north.data_dir.with_name("copy"))
        is_over = threading.Event()

        def go_on() -> None:
            while not is_over.wait(0.1):
                of_north.hosts._beat_next_s = 0.0
                of_north.hosts.beat()

        running = threading.Thread(target=go_on)
        running.start()
        try:
            with pytest.raises(StateConflict, match="one is a copy of the other"):
                open_storage(settings_of("copy")).__enter__()
        finally:
            is_over.set()
            running.join()


def test_a_machine_that_was_started_again_waits_for_nobody_long(
    settings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_LOOKED_EVERY_S", 0.05)
    monkeypatch.setattr(copies, "_BEATS_WITHIN_S", 0.3)
    north = settings_of("north")
    upgrade(north)
    with open_storage(north) as of_north, writing(of_north.engine) as connection:
        connection.execute(update(t.host).values(folder="another start"))

    with open_storage(north) as again:
        assert [one.is_first for one in again.hosts.all()] == [True]


def test_a_machine_that_was_away_for_longer_waits_for_nobody(settings_of: Any) -> None:
    """Also where its own clock is wrong: the database's says how long ago its last sign was."""
    north = settings_of("north")
    upgrade(north)
    with open_storage(north) as of_north:
        away(of_north, of_north.hosts.own_id())
        with writing(of_north.engine) as connection:
            connection.execute(update(t.host).values(folder="another start"))

    began_s = time.monotonic()
    with open_storage(north):
        assert time.monotonic() - began_s < copies._LOOKED_EVERY_S


def test_a_wrong_clock_is_named_and_makes_no_host_away(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    stated = []
    for behind in (timedelta(minutes=6), timedelta(days=3)):
        monkeypatch.setattr(repository, "utcnow", lambda behind=behind: utcnow() - behind)
        north.storage.hosts._beat_next_s = 0.0
        north.storage.hosts.beat()
        stated.append(check_hosts(south.storage.hosts))
    little, found = stated

    assert "is 6.0 minutes behind the database's: a bucket refuses what is signed" in little.detail
    assert "database's: a bucket refuses what it signs" in found.detail
    assert not found.ok
    assert f"({north.storage.hosts.own_id()}) is 3.0 days behind the database's" in found.detail
    assert "gave no sign of life" not in found.detail
    with pytest.raises(StateConflict, match="sign of life"):
        south.storage.hosts.remove(north.storage.hosts.own_id())


def test_volumes_of_earlier_versions_are_those_of_the_host_that_has_them(settings_of: Any) -> None:
    north, south = settings_of("north"), settings_of("south")
    upgrade(north)
    with open_storage(south) as of_south:
        copy_keys(south, north)
        (north.data_dir / "volumes").mkdir(exist_ok=True)
        (north.data_dir / "volumes" / f"20250101T000000-{'a' * 32}.mvv").touch()

        with open_storage(north) as of_north:
            volume = f"20250101T000000-{'b' * 32}.mvv"
            of_south.hosts._known_until_s = 0.0
            assert of_north.hosts.holder(volume) is None
            assert of_south.hosts.is_elsewhere(volume)
