"""Hosts with disks of their own: what one receives all can read, and nothing is lost in between."""

import io
import shutil
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from api.server.checks.hosts import check_hosts
from inference.scheduling.completeness import complete_quiet_series
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InstanceDamaged, NotFound, StateConflict, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db import advisory_lock
from storage.db.advisory_lock import housekeeping_lock, object_lock
from storage.db.engine import reading, writing
from storage.integrity import checker
from storage.integrity.scrub import Scrub
from storage.maintenance.own_folder import forget_host_keys
from storage.maintenance.verify import verify_storage
from storage.processes import hosts
from storage.volumes import host_id as of_folders
from storage.volumes.host_id import NAME, host_id, host_of_volume
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.storage.hosts.conftest import KEYS, Host, copy_keys
from tests.storage.instances import part10 as instance_of

STUDY = derive_uid("test", "study")
UID = derive_uid("test", "study", "series", "0")
TwoHosts = tuple[Host, Host]


@pytest.fixture(autouse=True)
def wait_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "_COPIED_WITHIN_S", 0.2)


def part10(study: str = "study", instance: str = "0", **attributes: object) -> bytes:
    return instance_of(study, instance=instance, **attributes)


def damaged(storage: Storage) -> int:
    with reading(storage.engine) as connection:
        query = select(func.count()).select_from(t.damaged_instance)
        return connection.execute(query).scalar_one()


def away(storage: Storage, host: str) -> None:
    """As if it had given no sign of life for an hour."""
    with writing(storage.engine) as connection:
        long_ago = utcnow() - timedelta(hours=1)
        connection.execute(update(t.host).where(t.host.c.id == host).values(seen_at=long_ago))
    storage.hosts._known_until_s = 0.0


def test_a_volume_tells_on_which_host_it_lies(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")

    volume = north.storage.index.instance(UID).location.volume

    assert host_of_volume(volume) == north.storage.hosts.own_id()
    assert south.storage.hosts.holder(volume) is not None
    assert north.storage.hosts.holder(volume) is None
    assert [one.is_first for one in north.storage.hosts.all()] == [True, False]


def test_what_one_host_received_the_other_reads_once_it_is_copied(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")

    with pytest.raises(StorageUnavailable) as error:
        south.storage.instances.read(south.storage.index.instance(UID))
    north.keep_in_order()

    assert "not yet copied it to the bucket" in error.value.message
    assert damaged(south.storage) == 0
    found = south.storage.index.instance(UID)
    assert south.storage.instances.read(found) == sent
    assert south.storage.instances.read(found, 4, 30) == sent[4:34]
    assert south.storage.instances.dataset(found).SOPInstanceUID == UID


def test_who_reads_before_it_is_copied_waits(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")
    monkeypatch.setattr(checker, "_COPIED_WITHIN_S", 30.0)
    copying = threading.Timer(0.3, north.keep_in_order)
    copying.start()

    assert south.storage.instances.read(south.storage.index.instance(UID)) == sent
    copying.join()


def test_nothing_of_another_host_counts_as_missing_or_is_taken_from_it(
    two_hosts: TwoHosts,
) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    south.storage.ingest.accept(part10(instance="1"), "stow")
    south_folder = south.storage.volumes.folder
    state = south.storage

    south.storage.recovery.run(thorough=True)
    south.keep_all_in_order()
    whole = state.engine, state.volumes, state.objects, state.damaged
    scrub = Scrub(*whole, 1, state.hosts.is_elsewhere)
    scrub.tick(utcnow())
    scrub.tick(utcnow() + timedelta(days=2))

    assert damaged(south.storage) == 0
    assert not north.storage.index.instance(UID).location.object_key
    assert south.storage.index.instance(
        derive_uid("test", "study", "series", "1")
    ).location.object_key
    assert [host_of_volume(path.name) for path in south_folder.glob("*.mvv")] == [
        south.storage.hosts.own_id()
    ]


def test_what_one_host_deletes_no_other_brings_back(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    north.keep_in_order()

    south.storage.deletions.study(STUDY)
    north.storage.volumes.close()
    north.storage.recovery.run(thorough=True)
    north.keep_all_in_order()

    with pytest.raises(NotFound):
        north.storage.index.instance(UID)
    assert not list(north.storage.objects.list("dicom/"))


@pytest.mark.parametrize("rebuilt_first", ["north", "south"])
def test_what_comes_again_behind_the_deletion_of_another_host_outlasts_the_index(
    two_hosts: TwoHosts, rebuilt_first: str
) -> None:
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")
    for _ in range(3):
        # The counter of the north knows nothing of these.
        south.storage.ingest.accept(part10(study="other"), "stow")
        south.storage.deletions.study(derive_uid("test", "other"))
    south.storage.deletions.study(STUDY)

    north.storage.ingest.accept(sent, "stow")
    north.storage.volumes.close()
    south.storage.volumes.close()
    with writing(north.storage.engine) as connection:
        for table in (t.instance, t.series, t.study, t.volume, t.tombstone, t.uncopied_deletion):
            connection.execute(table.delete())
    of = {"north": north, "south": south}
    for name in sorted(of, key=lambda one: one != rebuilt_first):
        of[name].storage.recovery.run(thorough=True)
    # As each host does within a minute.
    north.storage.recovery.run()

    assert north.storage.instances.read(north.storage.index.instance(UID)) == sent
    with pytest.raises(NotFound):
        north.storage.index.instance(derive_uid("test", "other", "series", "0"))


def test_the_same_instance_at_two_hosts_is_stored_once(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    sent = part10()

    first = north.storage.ingest.accept(sent, "stow").outcome
    again = south.storage.ingest.accept(sent, "stow").outcome
    other = south.storage.ingest.accept(part10(PatientComments="changed"), "stow").outcome
    north.keep_in_order()
    south.keep_in_order()

    assert (first, again, other) == ("stored", "duplicate", "conflict")
    assert north.storage.instances.read(north.storage.index.instance(UID)) == sent
    assert damaged(north.storage) == 0


def test_a_series_is_complete_once_every_host_can_read_it(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    south.storage.ingest.accept(part10(instance="1"), "stow")
    later = utcnow() + timedelta(seconds=south.settings.series_quiet_s + 1)

    def completed() -> int:
        storage = south.storage
        done = complete_quiet_series(south.settings, storage.index, storage.expectations, later)
        return len(done)

    before = completed()
    north.keep_in_order()
    half = completed()
    south.keep_in_order()

    assert (before, half, completed()) == (0, 0, 1)


def test_a_host_that_is_away_is_named_with_what_it_alone_has(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    good = check_hosts(south.storage.hosts)

    away(south.storage, north.storage.hosts.own_id())
    bad = check_hosts(south.storage.hosts)
    south.storage.hosts.remove(north.storage.hosts.own_id())
    # With no volume of its own it could not tell a lost disk from one that is not mounted.
    south.storage.ingest.accept(part10(instance="1"), "stow")
    south.storage.recovery.run(thorough=True)

    assert good.ok
    assert not bad.ok
    assert "1 instances that no other host has" in bad.detail
    assert damaged(south.storage) == 1
    assert south.storage.ingest.accept(part10(), "stow").outcome == "duplicate"
    assert south.storage.instances.read(south.storage.index.instance(UID)) == part10()


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
        of_north.hosts.beat(utcnow())
        of_south.ingest.accept(part10(instance="1"), "stow")
        of_south.hosts.beat(utcnow())

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


def test_a_counter_that_was_lost_does_not_get_ahead_of_the_other_hosts(
    two_hosts: TwoHosts,
) -> None:
    """A deletion elsewhere would not cover what it receives then."""
    north, south = two_hosts
    south.storage.ingest.accept(part10(study="other"), "stow")
    south.storage.deletions.study(derive_uid("test", "other"))
    north.storage.ingest.accept(part10(instance="1"), "stow")
    north.storage.volumes.generation.close()
    counter = north.storage.volumes.folder / "deletions"
    counter.write_bytes(b"\xff" * counter.stat().st_size)
    north.storage.volumes.generation._mapped = None

    north.storage.ingest.accept(part10(), "stow")
    south.storage.deletions.study(STUDY)
    north.storage.volumes.close()
    north.storage.recovery.run(thorough=True)

    with pytest.raises(NotFound):
        north.storage.index.instance(UID)


def test_a_conflict_is_accepted_where_its_bytes_are(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    changed = part10(PatientComments="changed")
    north.storage.ingest.accept(part10(), "stow")
    north.storage.ingest.accept(changed, "stow")
    north.keep_in_order()
    (conflict,), _ = south.storage.conflicts.page(10, 0)

    with pytest.raises(StorageUnavailable, match="lies on the host"):
        south.storage.conflicts.accept(conflict.conflict_id)
    north.storage.conflicts.accept(conflict.conflict_id)
    north.keep_all_in_order()

    assert south.storage.instances.read(south.storage.index.instance(UID)) == changed


def test_each_host_verifies_what_it_has(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    south.storage.ingest.accept(part10(instance="1"), "stow")
    storage = south.storage

    problems = list(
        verify_storage(
            storage.engine,
            storage.index,
            storage.objects,
            storage.volumes,
            is_on_another_host=storage.hosts.is_elsewhere,
        )
    )

    assert problems == []


def test_the_object_of_a_deleted_instance_does_not_come_back_by_another_host(
    two_hosts: TwoHosts,
) -> None:
    """The same UID with other content, received elsewhere while the old object has yet to go."""
    north, south = two_hosts
    newer = part10(PatientComments="newer")
    north.storage.ingest.accept(part10(), "stow")
    north.keep_in_order()
    south.storage.deletions.study(STUDY)
    south.storage.ingest.accept(newer, "stow")

    south.keep_in_order()
    before = south.storage.index.instance(UID).location.object_key
    south.keep_all_in_order()
    north.keep_all_in_order()

    assert before == ""
    assert north.storage.instances.read(north.storage.index.instance(UID)) == newer


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


def test_keys_that_were_changed_everywhere_are_stated_again(settings_of: Any) -> None:
    north = settings_of("north")
    upgrade(north)
    with open_storage(north):
        pass
    (north.data_dir / "uid.key").write_bytes(b"y" * 32)
    with pytest.raises(StateConflict, match=r"uid\.key"):
        open_storage(north).__enter__()

    forget_host_keys(north)

    with open_storage(north):
        pass


def test_a_series_with_a_damaged_instance_is_complete_all_the_same(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    for number in ("0", "1"):
        north.storage.ingest.accept(part10(instance=number), "stow")
    location = north.storage.index.instance(UID).location
    with (north.storage.volumes.folder / location.volume).open("r+b") as file:
        file.seek(location.offset + location.length - 2)
        file.write(b"\xff\xff")
    north.keep_in_order()
    storage = south.storage
    later = utcnow() + timedelta(seconds=south.settings.series_quiet_s + 1)

    done = complete_quiet_series(south.settings, storage.index, storage.expectations, later)

    assert damaged(storage) == 1
    assert len(done) == 1


def test_a_series_does_not_wait_for_ever_for_a_host_that_is_away(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    storage = south.storage

    def completed(after_s: float) -> int:
        at = utcnow() + timedelta(seconds=after_s)
        return len(complete_quiet_series(south.settings, storage.index, storage.expectations, at))

    assert completed(south.settings.series_forced_s - 5) == 0
    assert completed(south.settings.series_forced_s + 5) == 1


def test_a_lost_index_does_not_bring_back_what_a_lost_host_deleted(
    settings_of: Any, postgres_server: PostgresServer
) -> None:
    north, south = settings_of("north"), settings_of("south")
    upgrade(north)
    with open_storage(north) as of_north:
        copy_keys(north, south)
        of_north.ingest.accept(part10(), "stow")
        with open_storage(south) as of_south:
            host = Host(south, of_south)
            of_south.deletions.study(STUDY)
            host.keep_all_in_order()
    url = postgres_server.new_database()
    again = settings_of("north", database_url=url)

    upgrade(again)
    with open_storage(again) as storage:
        storage.recovery.run(thorough=True)
        with pytest.raises(NotFound):
            storage.index.instance(UID)
        # Received again it stays.
        storage.ingest.accept(part10(), "stow")
        storage.volumes.close()
        storage.recovery.run(thorough=True)
        assert storage.instances.read(storage.index.instance(UID)) == part10()
    postgres_server.drop(url)


def test_a_copy_of_a_data_folder_does_not_start_beside_it(
    settings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_LOOKED_EVERY_S", 0.05)
    north = settings_of("north")
    upgrade(north)
    with open_storage(north) as of_north:
        of_north.ingest.accept(part10(), "stow")
        shutil.copytree(north.data_dir, north.data_dir.with_name("copy"))
        beating = threading.Timer(0.3, of_north.hosts.beat, [utcnow() + timedelta(seconds=1)])
        beating.start()

        with pytest.raises(StateConflict, match="one is a copy of the other"):
            open_storage(settings_of("copy")).__enter__()
        beating.join()


def test_a_machine_that_was_started_again_waits_for_nobody_long(
    settings_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_LOOKED_EVERY_S", 0.05)
    monkeypatch.setattr(hosts, "_BEATS_WITHIN_S", 0.3)
    north = settings_of("north")
    upgrade(north)
    with open_storage(north) as of_north, writing(of_north.engine) as connection:
        connection.execute(update(t.host).values(folder="another start"))

    with open_storage(north) as again:
        assert [one.is_first for one in again.hosts.all()] == [True]


def test_an_object_that_went_bad_is_written_again_by_the_host_that_has_the_bytes(
    two_hosts: TwoHosts,
) -> None:
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")
    north.keep_in_order()
    found = south.storage.index.instance(UID)
    south.storage.objects.put(found.location.object_key, io.BytesIO(sent[:-1] + b"x"))

    with pytest.raises(InstanceDamaged):
        south.storage.instances.read(found)
    north.keep_in_order()
    north.keep_in_order()

    assert south.storage.instances.read(south.storage.index.instance(UID)) == sent
    assert damaged(south.storage) == 0


def test_what_is_for_all_hosts_does_not_wait_for_a_busy_folder(two_hosts: TwoHosts) -> None:
    north, _ = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    north.keep_in_order()
    north.storage.deletions.study(STUDY)
    own = north.storage.hosts.own_id()

    with housekeeping_lock(north.storage.engine, north.settings.data_dir, own) as mine:
        assert mine
        north.keep_all_in_order()

    assert not list(north.storage.objects.list("dicom/"))


def test_what_another_host_may_not_have_renewed_is_stored_again(two_hosts: TwoHosts) -> None:
    """It was killed between the row and its last look; the sender repeats to this one."""
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")
    north.keep_in_order()
    with writing(north.storage.engine) as connection:
        connection.execute(
            t.tombstone.insert().values(
                sop_instance_uid=UID, study_instance_uid=STUDY, generation=7, deleted_at=utcnow()
            )
        )
    south.storage.recovery.run()

    outcome = south.storage.ingest.accept(sent, "stow").outcome

    assert outcome == "duplicate"
    assert host_of_volume(south.storage.index.instance(UID).location.volume) == (
        south.storage.hosts.own_id()
    )


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


def test_an_object_that_a_lost_host_holds_does_not_hold_up_the_others(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = two_hosts
    monkeypatch.setattr(advisory_lock, "_OBJECT_WITHIN_S", 0.2)
    with (
        object_lock(north.storage.engine, "dicom/one.dcm"),
        pytest.raises(StorageUnavailable, match="Another host has been writing"),
        object_lock(south.storage.engine, "dicom/one.dcm"),
    ):
        pass
    with object_lock(south.storage.engine, "dicom/one.dcm"):
        pass
