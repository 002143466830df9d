"""A host that refuses what it would receive, since its disk is full, is seen from every other."""

import io
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import update

from api.cli.storage import hosts as command
from api.server.checks.hosts import check_hosts
from api.server.stage_metrics import WorkCollector
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.errors import StorageFull
from storage.db.engine import writing
from tests.migrated import upgrade
from tests.storage.hosts.conftest import copy_keys
from tests.storage.hosts.instances import TwoHosts, away, part10

_MORE_THAN_ANY_DISK = 1 << 60


def room(storage: Storage) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels["host"]): sample.value
        for metric in WorkCollector(storage).collect()
        for sample in metric.samples
        if sample.name.startswith("mediview_host_disk")
    }


def listed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    written = io.StringIO()
    monkeypatch.setattr(command, "start", lambda **_: settings)
    monkeypatch.setattr(command, "out", Console(file=written, width=400))
    command.list_hosts()
    return written.getvalue()


def test_a_full_receiver_is_named_by_other_hosts(
    settings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = settings_of("north")
    south = settings_of("south", free_disk_mark_bytes=_MORE_THAN_ANY_DISK)
    upgrade(north)
    with open_storage(north) as of_north:
        copy_keys(north, south)
        with open_storage(south) as of_south:
            with pytest.raises(StorageFull):
                of_south.ingest.accept(part10(), "dimse")
            seen_from_north = check_hosts(of_north.hosts)
            seen_from_itself = check_hosts(of_south.hosts)
            name = str(next(iter(of_north.hosts.others())))
            stated = room(of_north)
            shown = listed(north, monkeypatch)
            away(of_north, of_south.hosts.own_id())
            without_it = check_hosts(of_north.hosts)

    assert not seen_from_north.ok
    assert f"The disk of {name} has" in seen_from_north.detail
    assert "it receives nothing. Free disk space there." in seen_from_north.detail
    assert seen_from_itself.ok
    assert without_it.ok
    assert 0 < stated["mediview_host_disk_free_bytes", name] < _MORE_THAN_ANY_DISK
    assert stated["mediview_host_disk_mark_bytes", name] == _MORE_THAN_ANY_DISK
    assert len(stated) == 4
    assert shown.count("receives nothing") == 1


def test_a_host_with_room_again_is_named_no_longer(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    own_id = south.storage.hosts.own_id()
    with writing(north.storage.engine) as connection:
        connection.execute(update(t.host).where(t.host.c.id == own_id).values(free_bytes=0))
    full = check_hosts(north.storage.hosts)
    south.storage.hosts._beat_next_s = 0.0
    south.storage.hosts.beat()
    north.storage.hosts._known_until_s = 0.0

    assert not full.ok
    assert "has 0 MiB free of the" in full.detail
    assert check_hosts(north.storage.hosts).ok


def test_of_a_host_of_an_earlier_version_no_room_is_stated(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    with writing(north.storage.engine) as connection:
        earlier = update(t.host).where(t.host.c.id == south.storage.hosts.own_id())
        connection.execute(earlier.values(free_bytes=None, free_disk_mark_bytes=None))

    assert check_hosts(north.storage.hosts).ok
    assert len(room(north.storage)) == 2
