"""What a modality announces completes a series at once, or holds it until it is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.scheduling.completeness import complete_quiet_series
from storage.container import Storage
from storage.dicom.part10 import read_header
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import mr_series, mr_slice, series_uid, study_uid


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, series_quiet_s=5.0) as storage:
        yield storage


def uids_of(instances: list[bytes]) -> list[str]:
    return [read_header(one).sop_instance_uid for one in instances]


def announce(storage: Storage, uids: list[str], name: str = "a", *, is_final: bool = True) -> None:
    storage.expectations.announce("mpps:1", {series_uid(name): uids}, is_final=is_final)


def test_the_last_announced_instance_completes_the_series_at_once(storage: Storage) -> None:
    instances = mr_series("a", 3)
    announce(storage, uids_of(instances))
    receive(storage, instances[:2])
    assert (
        complete_quiet_series(storage.settings, storage.index, storage.expectations, later(0)) == []
    )
    receive(storage, instances[2:])
    (series,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(0)
    )
    assert (series.state, series.instance_count) == ("COMPLETE", 3)


def test_a_quiet_series_waits_for_what_is_missing_up_to_the_forced_time(storage: Storage) -> None:
    instances = mr_series("a", 3)
    announce(storage, uids_of(instances))
    receive(storage, instances[:2])
    receive(storage, mr_series("b", 3))
    (other,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(60)
    )
    assert other.series_instance_uid == series_uid("b")
    assert (
        complete_quiet_series(
            storage.settings,
            storage.index,
            storage.expectations,
            later(storage.settings.series_forced_s - 60),
        )
        == []
    )
    (series,) = complete_quiet_series(
        storage.settings,
        storage.index,
        storage.expectations,
        later(storage.settings.series_forced_s + 1),
    )
    assert series.instance_count == 2
    # The missing one makes it whole, and a revised result.
    receive(storage, instances[2:])
    (revised,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(0)
    )
    assert revised.instance_count == 3
    assert revised.fingerprint != series.fingerprint


def test_more_than_was_announced_goes_by_quiet(storage: Storage) -> None:
    instances = mr_series("a", 3)
    announce(storage, uids_of(instances)[:2])
    receive(storage, instances)
    assert (
        complete_quiet_series(storage.settings, storage.index, storage.expectations, later(1)) == []
    )
    assert (
        len(complete_quiet_series(storage.settings, storage.index, storage.expectations, later(6)))
        == 1
    )


def test_a_step_in_progress_completes_nothing_by_itself(storage: Storage) -> None:
    instances = mr_series("a", 3)
    announce(storage, uids_of(instances), is_final=False)
    receive(storage, instances)
    assert (
        complete_quiet_series(storage.settings, storage.index, storage.expectations, later(1)) == []
    )
    assert (
        len(complete_quiet_series(storage.settings, storage.index, storage.expectations, later(6)))
        == 1
    )


def test_an_announcement_that_was_taken_back_holds_nothing(storage: Storage) -> None:
    instances = mr_series("a", 3)
    announce(storage, uids_of(instances))
    storage.expectations.announce("mpps:1", {}, is_final=False)
    receive(storage, instances[:1])
    assert (
        len(complete_quiet_series(storage.settings, storage.index, storage.expectations, later(6)))
        == 1
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    announced=st.sets(st.integers(0, 5)),
    arrived=st.sets(st.integers(0, 5), min_size=1),
    is_final=st.booleans(),
)
def test_no_announcement_holds_a_series_beyond_the_forced_time_or_completes_it_early(
    storage: Storage, announced: set[int], arrived: set[int], is_final: bool
) -> None:
    name = f"{sorted(announced)}{sorted(arrived)}{is_final}"
    instances = [mr_slice(name, number) for number in range(6)]
    uids = uids_of(instances)
    storage.expectations.announce(
        name[:80], {series_uid(name): [uids[n] for n in announced]}, is_final=is_final
    )
    receive(storage, [instances[n] for n in arrived])
    known = storage.index.series(study_uid(name), series_uid(name))
    if known.state == "COMPLETE":
        return  # the same example again
    at_once = [
        one.series_instance_uid
        for one in complete_quiet_series(
            storage.settings, storage.index, storage.expectations, later(0)
        )
    ]
    assert (series_uid(name) in at_once) == (is_final and announced == arrived)
    quiet = [
        one.series_instance_uid
        for one in complete_quiet_series(
            storage.settings, storage.index, storage.expectations, later(6)
        )
    ]
    if series_uid(name) not in at_once:
        assert (series_uid(name) in quiet) == (announced <= arrived)
    complete_quiet_series(
        storage.settings,
        storage.index,
        storage.expectations,
        later(storage.settings.series_forced_s + 1),
    )
    assert storage.index.series(study_uid(name), series_uid(name)).state == "COMPLETE"
