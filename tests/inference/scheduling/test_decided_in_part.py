"""A series that some pipelines have decided on when the database goes, or the process ends."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from inference.scheduling import schedule
from inference.scheduling.header_slices import HeaderSlices
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.schedule_one_series import decide_on_series
from storage.core.errors import StorageUnavailable
from tests.inference.orchestration import complete_series, later, storage_in


@pytest.mark.parametrize("error", [StorageUnavailable("It is away."), KeyboardInterrupt()])
def test_it_is_offered_to_the_others_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    decide = decide_on_series
    left = [2]

    def fail_at_last(*arguments: Any, **options: Any) -> Any:
        if not left[0]:
            raise error
        left[0] -= 1
        return decide(*arguments, **options)

    with storage_in(tmp_path) as storage:
        series = complete_series(storage, "in part")
        monkeypatch.setattr(schedule, "decide_on_series", fail_at_last)
        if isinstance(error, StorageUnavailable):
            assert complete_and_schedule(storage, later(60)) == []
        else:
            with pytest.raises(KeyboardInterrupt):
                complete_and_schedule(storage, later(60))
        of_study = storage.acceptance_decisions.of_study
        assert len(of_study(series.study_instance_uid)) == 2
        monkeypatch.setattr(schedule, "decide_on_series", decide)
        complete_and_schedule(storage, later(61))
        names = [one.pipeline for one in of_study(series.study_instance_uid)]
        assert len(names) == len(set(names)) > 2
        assert complete_and_schedule(storage, later(62)) == []


def test_nor_is_it_forgotten_where_it_has_to_wait_for_its_headers_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk, or a busy one: the next round ends before the series is read."""
    seconds = count(0, 10)
    slices = HeaderSlices(clock=lambda: float(next(seconds)))
    with storage_in(tmp_path) as storage:
        series = complete_series(storage, "in part, slowly")
        of_study = storage.acceptance_decisions.of_study
        decide = decide_on_series
        left = [2]

        def fail_at_last(*arguments: Any, **options: Any) -> Any:
            if not left[0]:
                raise StorageUnavailable("It is away.")
            left[0] -= 1
            return decide(*arguments, **options)

        monkeypatch.setattr(schedule, "decide_on_series", fail_at_last)
        complete_and_schedule(storage, later(60))
        monkeypatch.setattr(schedule, "decide_on_series", decide)
        assert complete_and_schedule(storage, later(61), slices=slices) == []
        assert slices.waiting
        for second in range(62, 80):
            complete_and_schedule(storage, later(second), slices=slices)
        names = [one.pipeline for one in of_study(series.study_instance_uid)]
        assert len(names) == len(set(names)) > 2
        assert not storage.series_tries.is_open(
            series.study_instance_uid, series.series_instance_uid
        )
