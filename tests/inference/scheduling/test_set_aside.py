"""A series that no process survives is set aside, and everything else goes on."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from api.cli.studies.sending import app
from api.server.checks.health import check_series_tries
from inference.pipeline import Acceptance
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage, open_storage
from storage.core.entities import Instance, Series
from storage.jobs.series_tries import MAX_TRIES, SeriesSetAside
from storage.settings import Settings
from tests.inference.orchestration import later, receive
from tests.inference.small import BrightRegion, mr_series, series_uid, study_uid

POISON = series_uid("poison")


@dataclass(frozen=True)
class Fatal(BrightRegion):
    """What native code makes of one series: the process is gone, as by the kernel."""

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        if series.series_instance_uid == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().accepts(series, instances, headers)


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as storage:
        yield storage


def die_over_it(settings: Settings) -> int:
    """A process of its own schedules; the signal that ended it."""
    pid = os.fork()
    if not pid:
        try:
            with open_storage(settings) as storage:
                complete_and_schedule(storage, later(10), (Fatal(),))
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def reasons(storage: Storage, name: str) -> list[str]:
    return [one.reason for one in storage.acceptance_decisions.of_study(study_uid(name))]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_series_that_ends_the_process_each_time_is_set_aside(
    storage: Storage, storage_settings: Settings
) -> None:
    receive(storage, mr_series("good"))
    receive(storage, mr_series("poison"))
    storage.engine.dispose()
    ends = [die_over_it(storage_settings) for _ in range(MAX_TRIES)]
    assert ends == [-signal.SIGKILL] * MAX_TRIES
    assert reasons(storage, "good") == [], "the newest comes first, and nobody came further"
    assert die_over_it(storage_settings) == 0

    (why,) = reasons(storage, "poison")
    assert "is set aside" in why
    (decision,) = storage.acceptance_decisions.of_study(study_uid("good"))
    assert decision.accepted

    health = check_series_tries(storage.series_tries)
    assert not health.ok
    assert POISON in health.detail
    # Nor does anybody else read it whole.
    instances = storage.index.instances_of(study_uid("poison"), POISON)
    with pytest.raises(SeriesSetAside):
        storage.instances.headers(instances)
    with pytest.raises(SeriesSetAside):
        next(storage.instances.datasets(instances))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_person_has_it_tried_again(
    storage: Storage, storage_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(storage, mr_series("poison"))
    storage.engine.dispose()
    for _ in range(MAX_TRIES + 1):
        die_over_it(storage_settings)
    monkeypatch.setattr("api.cli.studies.sending.start", lambda **_: storage_settings)
    done = CliRunner().invoke(app, ["try-again", study_uid("poison"), POISON])
    assert done.exit_code == 0, done.output
    assert check_series_tries(storage.series_tries).ok
    # However long ago it came: rounds look at those with news alone.
    complete_and_schedule(storage, later(20), (BrightRegion(),), since=later(10))
    (decision,) = storage.acceptance_decisions.of_study(study_uid("poison"))
    assert decision.accepted
    refused = CliRunner().invoke(app, ["try-again", study_uid("poison"), POISON])
    assert refused.exit_code


def test_tries_that_end_are_not_counted(storage: Storage) -> None:
    receive(storage, mr_series("poison"))
    for _ in range(MAX_TRIES + 2):
        (series,) = storage.index.series_of(study_uid("poison"))
        with pytest.raises(ZeroDivisionError), storage.series_tries.trying(series):
            raise ZeroDivisionError
    assert check_series_tries(storage.series_tries).ok
    storage.instances.headers(storage.index.instances_of(study_uid("poison"), POISON))


def test_a_study_with_such_a_series_is_explained(storage: Storage) -> None:
    receive(storage, mr_series("poison"))
    (series,) = storage.index.series_of(study_uid("poison"))
    for _ in range(MAX_TRIES + 1):
        storage.series_tries.begin(series)
    (explained,) = explain_study(
        storage.settings,
        storage.index,
        storage.instances,
        storage.worklist,
        storage.model_states,
        results_in(storage),
        study_uid("poison"),
        pipelines=(BrightRegion(),),
    )
    assert not explained.would_run
    assert "is set aside" in explained.reason


def test_it_is_forgotten_with_the_series(storage: Storage) -> None:
    receive(storage, mr_series("poison"))
    (series,) = storage.index.series_of(study_uid("poison"))
    for _ in range(MAX_TRIES + 1):
        storage.series_tries.begin(series)
    storage.deletions.study(study_uid("poison"))
    assert check_series_tries(storage.series_tries).ok
