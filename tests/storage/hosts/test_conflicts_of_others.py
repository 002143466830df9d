"""What one host kept aside every host looks at and decides, once the bucket has it."""

from pathlib import Path
from typing import Any

import pytest

from api.server.checks.hosts import check_hosts
from storage.backup import other_hosts
from storage.backup.taking import take_backup
from storage.container import open_storage
from storage.core.errors import InstanceDamaged, StorageUnavailable
from storage.ingest import conflict_bytes, conflicts
from storage.ingest.bulk_decisions import decide_all
from storage.ingest.conflict_bytes import Conflict
from storage.maintenance.conflicts import copies
from storage.maintenance.verify import verify_storage
from storage.objects.keys import CONFLICTS
from storage.settings import load_settings
from tests.storage.backup.nodes import restored, store_at
from tests.storage.hosts.conftest import Host
from tests.storage.hosts.instances import STUDY, UID, TwoHosts, away, part10
from tests.storage.hosts.test_backup import backup_of

CHANGED = part10(PatientComments="changed")


def kept_aside(by: Host) -> Conflict:
    by.storage.ingest.accept(part10(), "dimse:CT1")
    assert by.storage.ingest.accept(CHANGED, "dimse:CT1").outcome == "conflict"
    return conflict_of(by)


def conflict_of(host: Host) -> Conflict:
    (conflict,), _ = host.storage.conflicts.page(10, 0)
    return conflict


def copied(host: Host) -> list[str]:
    return list(host.storage.objects.list(CONFLICTS))


@pytest.mark.parametrize("is_large", [False, True])
def test_any_host_looks_at_a_conflict_and_accepts_it(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    if is_large:
        monkeypatch.setattr(conflict_bytes, "SPILL_BYTES", 10)
        monkeypatch.setattr(conflicts, "SPILL_BYTES", 10)
        monkeypatch.setattr(copies, "_IN_MEMORY_BYTES", 10)
    north, south = two_hosts
    kept_aside(north)
    north.keep_in_order()

    seen = b"".join(south.storage.conflicts.pieces(conflict_of(south)))
    south.storage.conflicts.accept(conflict_of(south).conflict_id)
    south.keep_all_in_order()

    assert seen == CHANGED
    for host in two_hosts:
        assert host.storage.instances.read(host.storage.index.instance(UID)) == CHANGED
        assert copied(host) == []


def test_who_asks_before_it_is_copied_learns_of_the_host_before_anything_is_sent(
    two_hosts: TwoHosts,
) -> None:
    north, south = two_hosts
    conflict = kept_aside(north)

    with pytest.raises(StorageUnavailable) as error:
        south.storage.conflicts.pieces(conflict)
    with pytest.raises(StorageUnavailable):
        south.storage.conflicts.accept(conflict.conflict_id)

    (host,) = south.storage.hosts.others()
    assert f"the host {host.name} ({host.host_id}) alone" in error.value.message
    assert "mediview hosts list" in error.value.remedy
    south.storage.conflicts.discard(conflict.conflict_id)
    assert north.storage.conflicts.page(10, 0)[1] == 0


def test_a_host_that_is_away_is_named_with_the_conflicts_that_it_alone_has(
    two_hosts: TwoHosts,
) -> None:
    north, south = two_hosts
    kept_aside(north)

    away(south.storage, north.storage.hosts.own_id())
    found = check_hosts(south.storage.hosts)

    assert "1 instances and 1 conflicts that no other host has" in found.detail


def test_its_copy_goes_with_the_study(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    kept_aside(north)
    north.keep_in_order()
    before = copied(south)

    south.storage.deletions.study(STUDY)
    south.keep_all_in_order()

    assert (len(before), copied(south)) == (1, [])


def test_what_is_decided_while_it_is_copied_leaves_nothing_in_the_bucket(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = two_hosts
    conflict = kept_aside(north)
    put = north.storage.objects.put

    def put_late(key: str, data: Any, *further: Any) -> None:
        if key.startswith(CONFLICTS):
            south.storage.conflicts.discard(conflict.conflict_id)
            south.keep_all_in_order()
        put(key, data, *further)

    monkeypatch.setattr(north.storage.objects, "put", put_late)
    north.keep_in_order()
    monkeypatch.undo()
    left = copied(north)
    north.keep_all_in_order()

    assert (len(left), copied(north)) == (1, [])


def test_a_copy_that_went_bad_is_not_accepted(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    kept_aside(north)
    north.keep_in_order()
    (key,) = copied(south)
    south.storage.objects.put(key, south.storage.objects.get(key)[:-1] + b"x")

    conflict = conflict_of(south)
    with pytest.raises(InstanceDamaged):
        south.storage.conflicts.accept(conflict.conflict_id)
    done = decide_all(south.storage.conflicts, [conflict], "accept")

    assert "have the instance sent again" in done.left[conflict.conflict_id]


def test_a_backup_of_another_host_restores_what_waits_for_a_decision(
    two_hosts: TwoHosts, tmp_path: Path
) -> None:
    north, south = two_hosts
    kept_aside(north)
    north.keep_in_order()

    manifest = take_backup(south.storage, store_at(south.settings, tmp_path / "backups"))
    alone = load_settings(data_dir=tmp_path / "restored")
    restored(alone, tmp_path / "backups")

    assert manifest.missing == ()
    with open_storage(alone) as storage:
        # None of the hosts of before is missed: they may never come back.
        assert storage.hosts.all() == []
        conflict = conflict_of(Host(alone, storage))
        assert b"".join(storage.conflicts.pieces(conflict)) == CHANGED
        assert not list(
            verify_storage(storage.engine, storage.index, storage.objects, storage.volumes)
        )
        storage.conflicts.accept(conflict.conflict_id)
        assert storage.instances.read(storage.index.instance(UID)) == CHANGED


def test_a_backup_names_conflicts_that_one_host_has_alone(
    two_hosts: TwoHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_hosts, "_WITHIN_S", 0.1)
    north, south = two_hosts
    kept_aside(north)
    monkeypatch.setattr("storage.maintenance.housekeeping.copy_conflicts", lambda *_: 0)
    north.keep_in_order()

    (missing,) = backup_of(south, tmp_path / "backups").missing

    assert missing.startswith("1 conflicts lie on the disk of the host ")


def test_a_conflict_without_its_bytes_is_found(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    kept_aside(north)
    north.keep_in_order()
    (key,) = copied(south)
    south.storage.objects.delete(key)
    storage = south.storage

    problems = verify_storage(
        storage.engine,
        storage.index,
        storage.objects,
        storage.volumes,
        is_elsewhere=storage.hosts.is_elsewhere,
    )

    assert [(one.kind, one.place) for one in problems] == [("conflict_missing", key)]
