"""A sender of what takes seconds to read waits behind the others, not they behind that one."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference.scheduling.header_slices import ROUND_S, HeaderSlices
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.callers.turns import Turns
from tests.inference.orchestration import later, storage_in
from tests.inference.scheduling.processor import Processor
from tests.inference.small import BrightRegion, mr_series, study_uid


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, series_quiet_s=5.0) as storage:
        yield storage


def series_of(*names: str) -> list[Any]:
    return [(SimpleNamespace(name=name), name[:-1]) for name in names]


def names(waiting: list[Any]) -> list[str]:
    return [series.name for series, _ in waiting]


def test_each_source_has_one_in_turn_and_those_that_used_little_come_first() -> None:
    turns = Turns()
    waiting = series_of("slow1", "slow2", "slow3", "fast1", "fast2", "new1")
    assert names(turns.in_turn(waiting)) == ["slow1", "fast1", "new1", "slow2", "fast2", "slow3"]
    turns.note("slow", 15.0)
    turns.note("fast", 0.1)
    assert names(turns.in_turn(waiting)) == ["new1", "fast1", "slow1", "fast2", "slow2", "slow3"]
    for _ in range(40):
        turns.begin_round()
    assert names(turns.in_turn(waiting))[0] == "slow1", "it is forgotten"


def test_a_good_series_is_decided_on_though_somebody_sends_newer_slow_ones_all_the_time(
    storage: Storage,
) -> None:
    """Each slow one uses up a round by its only header."""
    slices = HeaderSlices(Processor(ROUND_S))
    slow = [mr_series(f"slow{number}", 1) for number in range(8)]
    for dataset in slow[0] + slow[1]:
        storage.ingest.accept(dataset, "dimse:STRANGER")
    for dataset in mr_series("good", 1):
        storage.ingest.accept(dataset, "dimse:CT1")
    rounds = 0
    while not storage.acceptance_decisions.of_study(study_uid("good")):
        for dataset in slow[2 + rounds]:
            storage.ingest.accept(dataset, "dimse:STRANGER")
        complete_and_schedule(storage, later(100), (BrightRegion(),), slices=slices)
        rounds += 1
        assert rounds <= 2, "in its turn, not after all that come later"
