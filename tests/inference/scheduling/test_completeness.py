"""A series is ready when it is quiet, and again when something came late."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.scheduling.completeness import complete_quiet_series
from storage.container import Storage
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import mr_series, mr_slice, series_uid, study_uid


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, series_quiet_s=5.0) as storage:
        yield storage


def test_a_series_in_mid_transfer_is_left_alone(storage: Storage) -> None:
    receive(storage, mr_series("a", 3))
    assert (
        complete_quiet_series(storage.settings, storage.index, storage.expectations, later(4)) == []
    )
    assert storage.index.series(study_uid("a"), series_uid("a")).state == "RECEIVING"


def test_a_quiet_series_is_complete(storage: Storage) -> None:
    receive(storage, mr_series("a", 3))
    (series,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(6)
    )
    assert (series.state, series.instance_count) == ("COMPLETE", 3)
    assert len(series.fingerprint) == 64
    assert (
        complete_quiet_series(storage.settings, storage.index, storage.expectations, later(60))
        == []
    )


def test_a_series_that_never_rests_is_complete_after_the_forced_time(storage: Storage) -> None:
    receive(storage, mr_series("a", 3))
    forced_s = storage.settings.series_forced_s
    # Something arrived a moment ago, yet the first instance came an hour before.
    quiet = storage.index.quiet_series(later(forced_s + 1), forced_s * 2, forced_s)
    assert [series.series_instance_uid for series in quiet] == [series_uid("a")]


def test_a_late_instance_makes_another_fingerprint(storage: Storage) -> None:
    receive(storage, mr_series("a", 3))
    (before,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(6)
    )
    receive(storage, [mr_slice("a", 4)])
    assert storage.index.series(study_uid("a"), series_uid("a")).state == "RECEIVING"
    (after,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(6)
    )
    assert after.instance_count == 4
    assert after.fingerprint != before.fingerprint


def test_the_same_instances_again_change_nothing(storage: Storage) -> None:
    receive(storage, mr_series("a", 3))
    (before,) = complete_quiet_series(
        storage.settings, storage.index, storage.expectations, later(6)
    )
    receive(storage, mr_series("a", 3))
    assert (
        complete_quiet_series(storage.settings, storage.index, storage.expectations, later(60))
        == []
    )
    assert storage.index.series(study_uid("a"), series_uid("a")) == before


def test_others_have_their_turn_between_series_that_no_other_host_can_read_yet(
    storage: Storage,
) -> None:
    for name in ("a", "b", "c"):
        receive(storage, mr_series(name, 1))
    settings = storage.settings.model_copy(update={"own_disks": True})
    turns: list[None] = []
    completed = complete_quiet_series(
        settings, storage.index, storage.expectations, later(6), lambda: turns.append(None)
    )
    assert completed == []
    assert len(turns) == 3
