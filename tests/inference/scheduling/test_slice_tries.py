"""Of a series that is read in slices, those count that no process survived, and no others."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from inference.pipeline import Acceptance
from inference.scheduling.header_slices import HeaderSlices
from inference.scheduling.schedule import complete_and_schedule
from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.entities import Instance, Series
from storage.core.errors import StorageUnavailable
from storage.db.engine import reading
from storage.jobs.series_tries import MAX_TRIES
from storage.settings import Settings
from tests.inference.orchestration import later, receive
from tests.inference.scheduling.processor import Processor
from tests.inference.small import BrightRegion, mr_series, series_uid, study_uid

LONG = series_uid("long")


@dataclass(frozen=True)
class Fatal(BrightRegion):
    """The last slice, in which pipelines see the headers, ends the process as the kernel would."""

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        if series.series_instance_uid == LONG:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().accepts(series, instances, headers)


@dataclass(frozen=True)
class Away(BrightRegion):
    """The disk is away when the series is decided on."""

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        raise StorageUnavailable("The disk is away.")


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as storage:
        yield storage


def in_slices() -> HeaderSlices:
    """Three headers each."""
    return HeaderSlices(Processor(0.4))


def tries(storage: Storage) -> list[int]:
    with reading(storage.engine) as connection:
        return list(connection.execute(select(t.series_try.c.tries)).scalars())


def reasons(storage: Storage, name: str) -> list[str]:
    return [one.reason for one in storage.acceptance_decisions.of_study(study_uid(name))]


def die_in_a_later_slice(settings: Settings) -> int:
    """A process of its own survives two slices, and not the third; the signal that ended it."""
    pid = os.fork()
    if not pid:
        try:
            with open_storage(settings) as storage:
                slices = HeaderSlices(Processor(0.6))
                for _ in range(4):
                    complete_and_schedule(storage, later(10), (Fatal(),), slices=slices)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_slices_that_are_survived_hide_none_that_was_not(
    storage: Storage, storage_settings: Settings
) -> None:
    receive(storage, mr_series("good", 3))
    receive(storage, mr_series("long", 5))
    for number in range(1, MAX_TRIES + 1):
        storage.engine.dispose()
        assert die_in_a_later_slice(storage_settings) == -signal.SIGKILL
        assert tries(storage) == [number]
    assert storage.series_tries.count() == 0
    storage.engine.dispose()
    assert die_in_a_later_slice(storage_settings) == 0
    (why,) = reasons(storage, "long")
    assert "is set aside" in why
    assert storage.series_tries.count() == 1
    (decision,) = storage.acceptance_decisions.of_study(study_uid("good"))
    assert decision.accepted


def test_a_process_that_is_stopped_between_slices_counts_for_nothing(storage: Storage) -> None:
    receive(storage, mr_series("long", 12))
    for _ in range(MAX_TRIES + 2):
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=in_slices())
        assert tries(storage) == []
    assert reasons(storage, "long") == []


def test_a_series_that_grows_between_slices_is_not_set_aside(storage: Storage) -> None:
    slices = in_slices()
    images = mr_series("long", 14)
    receive(storage, images[:8])
    for number in range(8, 14):
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
        assert slices.waiting
        receive(storage, images[number : number + 1])
        complete_and_schedule(storage, later(0), (BrightRegion(),), slices=slices)
        assert (slices.waiting, tries(storage)) == ((), [])
    for _ in range(6):
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    (decision,) = storage.acceptance_decisions.of_study(study_uid("long"))
    assert decision.accepted, decision.reason
    assert tries(storage) == []


def test_with_other_instances_or_without_any_it_has_all_its_tries_again(storage: Storage) -> None:
    slices = in_slices()
    for goes in (False, True):
        receive(storage, mr_series("long", 9))
        storage.series_tries.begin(storage.index.series(study_uid("long"), LONG))
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
        assert (len(slices.waiting), tries(storage)) == (1, [1])
        if goes:
            storage.deletions.study(study_uid("long"))
        else:
            receive(storage, mr_series("long", 10))
        complete_and_schedule(storage, later(0), (BrightRegion(),), slices=slices)
        assert (slices.waiting, tries(storage)) == ((), [])
        if not goes:
            storage.deletions.study(study_uid("long"))


def test_a_disk_that_is_away_neither_adds_nor_removes_a_try(storage: Storage) -> None:
    receive(storage, mr_series("long", 3))
    storage.series_tries.begin(storage.index.series(study_uid("long"), LONG))
    for _ in range(MAX_TRIES + 2):
        complete_and_schedule(storage, later(10), (Away(),))
        assert tries(storage) == [1]
    complete_and_schedule(storage, later(10), (BrightRegion(),))
    assert tries(storage) == []


def test_of_what_is_set_aside_nothing_is_taken_back(storage: Storage) -> None:
    receive(storage, mr_series("long", 3))
    series = storage.index.series_of(study_uid("long"))[0]
    for _ in range(MAX_TRIES + 1):
        storage.series_tries.begin(series)
    storage.series_tries.take_back(series)
    assert (storage.series_tries.count(), tries(storage)) == (1, [MAX_TRIES])
