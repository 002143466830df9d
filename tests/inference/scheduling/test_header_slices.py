"""Series that take long to read let others come in between."""

from collections.abc import Iterator

import pytest

from inference.scheduling.header_slices import SLICE_S, HeaderSlices
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.settings import Settings
from tests.inference.orchestration import later, receive
from tests.inference.scheduling.processor import Processor
from tests.inference.small import BrightRegion, mr_series, series_uid, study_uid

# Three slices, each with a header too many and two looks at the clock.
ROUND_AT_MOST_S = 3 * (SLICE_S + 3 * 0.4)


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as storage:
        yield storage


def decided(storage: Storage, name: str) -> bool:
    return bool(storage.acceptance_decisions.of_study(study_uid(name)))


def test_a_long_series_is_read_over_several_rounds_while_others_are_decided_on(
    storage: Storage,
) -> None:
    receive(storage, mr_series("long", 12))
    slices = HeaderSlices(Processor(0.4))
    complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    assert slices.waiting == ((study_uid("long"), series_uid("long")),)
    assert not decided(storage, "long")
    rounds = 1
    while not decided(storage, "long"):
        name = f"short{rounds}"
        receive(storage, mr_series(name, 1))
        complete_and_schedule(storage, later(20), (BrightRegion(),), slices=slices)
        assert decided(storage, name)
        rounds += 1
        assert rounds < 12
    assert rounds > 3
    assert not slices.waiting
    (decision,) = storage.acceptance_decisions.of_study(study_uid("long"))
    assert decision.accepted, decision.reason
    assert not storage.series_tries.count()


def test_many_long_series_do_not_make_a_round_long(storage: Storage) -> None:
    for number in range(6):
        receive(storage, mr_series(f"long{number}", 9))
    processor = Processor(0.4)
    slices = HeaderSlices(processor)
    rounds = 0
    while not all(decided(storage, f"long{number}") for number in range(6)):
        before_s = processor.now_s
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
        assert processor.now_s - before_s < ROUND_AT_MOST_S
        rounds += 1
        assert rounds < 60
    assert slices.waiting == ()


def test_a_long_series_goes_on_in_each_round_however_many_others_come(storage: Storage) -> None:
    receive(storage, mr_series("long", 12))
    processor = Processor(0.4)
    slices = HeaderSlices(processor)
    complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    for number in range(4):
        assert not decided(storage, "long"), number
        # More than a round has time for.
        for other in range(4):
            receive(storage, mr_series(f"short{number}-{other}", 2))
        before_s = processor.now_s
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
        assert processor.now_s - before_s < ROUND_AT_MOST_S
        others = [name for name in range(4) if decided(storage, f"short{number}-{name}")]
        assert others, "new ones do not wait for it"
        if decided(storage, "long"):
            break
    assert decided(storage, "long")


def test_nothing_is_read_in_vain_of_those_behind_the_one_that_waits(storage: Storage) -> None:
    for name in ("long", "other"):
        receive(storage, mr_series(name, 9))
    processor = Processor(0.3)
    slices = HeaderSlices(processor)
    complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    assert len(slices.waiting) == 2
    before_s = processor.now_s
    complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    assert processor.now_s - before_s < 2 * SLICE_S, "one slice"
    assert len(slices.waiting) == 2
    for _ in range(4):
        complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    assert decided(storage, "long")
    assert decided(storage, "other")


def test_a_series_that_grows_or_goes_while_it_waits_is_begun_again_or_forgotten(
    storage: Storage,
) -> None:
    receive(storage, mr_series("grows", 8))
    receive(storage, mr_series("goes", 8))
    slices = HeaderSlices(Processor(0.4))
    complete_and_schedule(storage, later(10), (BrightRegion(),), slices=slices)
    assert len(slices.waiting) == 2
    storage.deletions.study(study_uid("goes"))
    receive(storage, mr_series("grows", 9))
    for number in range(12):
        complete_and_schedule(storage, later(20 + number), (BrightRegion(),), slices=slices)
    assert slices.waiting == ()
    (decision,) = storage.acceptance_decisions.of_study(study_uid("grows"))
    series = storage.index.series(study_uid("grows"), series_uid("grows"))
    assert decision.input_fingerprint == series.fingerprint


def test_without_rounds_after_it_a_series_is_read_whole(storage: Storage) -> None:
    receive(storage, mr_series("a"))
    assert complete_and_schedule(storage, utcnow(), (BrightRegion(),)) == []
    assert len(complete_and_schedule(storage, later(10), (BrightRegion(),))) == 1
