"""Hosts with disks of their own: what one receives all can read, and nothing is lost in between."""

import io
import threading
from datetime import timedelta

import pytest

from api.errors import ApiProblem
from api.hanging_protocol_schemas import (
    HangingProtocol,
    HangingProtocols,
    HangingViewport,
)
from api.studies.hanging_protocols.file import FILE, MAX_BYTES
from api.studies.hanging_protocols.routes import (
    delete_hanging_protocols,
    get_hanging_protocols,
    put_hanging_protocols,
)
from api.studies.hanging_protocols.shipped import SHIPPED
from api.studies.routes import complete_study
from inference.scheduling import completeness
from inference.scheduling.completeness import complete_quiet_series
from storage.core.clock import utcnow
from storage.core.errors import InstanceDamaged, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.locks import advisory_lock
from storage.db.locks.advisory_lock import housekeeping_lock, object_lock
from storage.integrity import checker
from storage.integrity.scrub import Scrub
from storage.maintenance.verify import verify_storage
from storage.volumes.host_id import host_of_volume
from tests.storage.hosts.instances import STUDY, UID, TwoHosts, damaged, part10


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


def test_a_study_is_not_called_complete_before_every_host_can_read_it(
    two_hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "_COPIED_WITHIN_S", 0.2)
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")

    with pytest.raises(StorageUnavailable, match="not yet in the bucket"):
        complete_study(south.storage, STUDY)
    monkeypatch.setattr(completeness, "_COPIED_WITHIN_S", 30.0)
    copying = threading.Timer(0.3, north.keep_in_order)
    copying.start()
    completed = complete_study(south.storage, STUDY)
    copying.join()

    assert [one.state for one in completed.series] == ["COMPLETE"]


def test_a_site_s_layouts_are_those_of_all_hosts(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    one = HangingProtocol(name="One", rows=1, columns=1, viewports=[HangingViewport()])

    put_hanging_protocols(north.storage, HangingProtocols(protocols=[one]))
    at_south = get_hanging_protocols(south.storage)
    delete_hanging_protocols(south.storage)

    assert [each.name for each in at_south.protocols] == ["One"]
    # Of the time when north was alone: it must not show other layouts than south.
    (north.settings.data_dir / FILE).write_text('{"protocols": []}')
    assert get_hanging_protocols(north.storage) == SHIPPED
    north.storage.objects.put(f"site/{FILE}", b" " * (MAX_BYTES + 1))
    with pytest.raises(ApiProblem, match="larger than 256 KiB"):
        get_hanging_protocols(south.storage)


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
            is_elsewhere=storage.hosts.is_elsewhere,
        )
    )

    assert problems == []


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
