"""A pipeline runs over stored studies that match: a few at a time, to be paused and cancelled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.reports.due import draft_due
from inference.retrospective_runs.rounds import work_on_runs
from inference.retrospective_runs.starting import cancel_run, studies_that_match
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.peers.entities import KnownPeer
from storage.retrospective_runs.entities import RetrospectiveRun
from storage.studies.filter import StudyFilter
from tests.inference.deliveries.destinations.nodes import deliveries, node
from tests.inference.orchestration import complete_series, later, receive
from tests.inference.routing.test_routing import rules, wanted
from tests.inference.small import BrightRegion, mr_series, study_uid

NAMES = ("a", "b", "c", "d", "e")
PACS = KnownPeer("pacs", kind="folder", folder="pacs", is_destination=True)
ARCHIVE = KnownPeer("archive", kind="folder", folder="archive")
ALERTS = """
critical:
  - {name: bright, pipeline: bright-region, finding: bright volume, above: 0}
routing:
  - {name: results, to: archive, what: results}
"""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with node(tmp_path, PACS, ARCHIVE) as storage:
        for name in NAMES:
            complete_series(storage, name, 4)
            schedule_series(storage, storage.index.series_of(study_uid(name))[0], ())
        yield storage


def start(storage: Storage, *, at_once: int = 2, sends: bool = False) -> RetrospectiveRun:
    found, _ = studies_that_match(storage, "", StudyFilter(modalities=frozenset({"MR"})))
    return storage.retrospective_runs.start(
        "bright-region",
        {"modality": ["MR"]},
        found,
        at_once=at_once,
        priority=-50,
        sends_results=sends,
        started_by="petra",
        now=utcnow(),
    )


def look(storage: Storage) -> int:
    """Rounds until nothing more is begun: each takes a second at most."""
    begun = 0
    while more := work_on_runs(storage, utcnow(), (BrightRegion(),)):
        begun += more
    return begun


def work(storage: Storage) -> int:
    """All jobs that wait."""
    due = storage.jobs.due(utcnow(), 100)
    for job in due:
        run_job(storage, job.job_id, "worker", pipelines=(BrightRegion(),))
    return len(due)


def counts(storage: Storage, run: RetrospectiveRun) -> dict[str, int]:
    return storage.retrospective_runs.counts([run.run_id])[run.run_id]


def state(storage: Storage, run: RetrospectiveRun) -> str:
    return storage.retrospective_runs.get(run.run_id).state


def test_studies_are_worked_off_a_few_at_a_time_to_the_end(storage: Storage) -> None:
    run = start(storage)
    seen = []
    for _ in range(10):
        look(storage)
        seen.append(storage.jobs.list(state="SCHEDULED")[1])
        assert {one.priority for one in storage.jobs.due(utcnow(), 100)} <= {-50}
        work(storage)
    assert seen[:4] == [2, 2, 1, 0]
    assert counts(storage, run) == {"COMPLETED": 5}
    assert state(storage, run) == "COMPLETED"
    assert storage.jobs.list()[1] == 5


def test_results_stay_here_without_report_and_alert(storage: Storage) -> None:
    rules(storage, ALERTS)
    start(storage, at_once=5)
    look(storage)
    assert work(storage) == 5
    draft_due(storage, later(3600))
    assert all(storage.findings.of_study(study_uid(name)) for name in NAMES)
    assert [one for name in NAMES for one in deliveries(storage, name)] == []
    assert wanted(storage) == []
    assert storage.reports.states_of([study_uid(name) for name in NAMES]) == {}
    assert storage.critical_alerts.open_counts([study_uid(name) for name in NAMES]) == {}


def test_results_are_sent_where_the_run_says_so(storage: Storage) -> None:
    rules(storage, ALERTS)
    start(storage, at_once=5, sends=True)
    look(storage)
    work(storage)
    draft_due(storage, later(3600))
    assert all(deliveries(storage, name) for name in NAMES)
    assert wanted(storage)
    assert len(storage.reports.states_of([study_uid(name) for name in NAMES])) == 5


def test_a_job_that_is_there_already_is_not_made_again_and_its_results_go(
    storage: Storage,
) -> None:
    (decision,) = schedule_series(
        storage, storage.index.series_of(study_uid("a"))[0], (BrightRegion(),)
    )
    run = start(storage, at_once=5)
    look(storage)
    assert storage.jobs.list()[1] == 5
    run_job(storage, decision.job_id or "", "worker", pipelines=(BrightRegion(),))
    assert deliveries(storage, "a"), "it was ordered by nobody who wanted it kept here"
    work(storage)
    look(storage)
    again = start(storage, at_once=5)
    look(storage)
    assert storage.jobs.list()[1] == 5
    assert counts(storage, run) == counts(storage, again) == {"COMPLETED": 5}
    (one, *_) = storage.retrospective_runs.in_state(again.run_id, "COMPLETED", 10)
    assert one.reason == "Its results were there already."


def test_a_run_is_paused_and_goes_on_after_a_restart(storage: Storage) -> None:
    run = start(storage, at_once=1)
    look(storage)
    change = storage.retrospective_runs.change_state
    change(run.run_id, ("RUNNING",), "PAUSED", utcnow())
    work(storage)
    for _ in range(3):
        assert look(storage) == 0
    assert counts(storage, run) == {"COMPLETED": 1, "WAITING": 4}
    with pytest.raises(StateConflict, match="is PAUSED"):
        change(run.run_id, ("RUNNING",), "PAUSED", utcnow())
    change(run.run_id, ("PAUSED",), "RUNNING", utcnow())
    with open_storage(storage.settings) as after_restart:
        assert look(after_restart) == 1
        assert counts(after_restart, run)["STARTED"] == 1


def test_a_cancelled_run_begins_nothing_more_and_ends_jobs_that_wait(storage: Storage) -> None:
    run = start(storage, at_once=2)
    look(storage)
    first, second = storage.jobs.due(utcnow(), 10)
    run_job(storage, first.job_id, "worker", pipelines=(BrightRegion(),))
    cancel_run(storage, run.run_id, "petra", utcnow())
    assert look(storage) == 0
    assert storage.jobs.get(first.job_id).status == "COMPLETED"
    assert storage.jobs.get(second.job_id).status == "CANCELLED"
    assert sum(counts(storage, run).values()) == counts(storage, run)["CANCELLED"] == 5
    with pytest.raises(StateConflict, match="is CANCELLED"):
        cancel_run(storage, run.run_id, "petra", utcnow())


def test_what_the_pipeline_refuses_and_what_was_deleted(storage: Storage) -> None:
    receive(storage, mr_series("f", 3))
    run = start(storage, at_once=10)
    storage.deletions.study(study_uid("b"))
    look(storage)
    refused = storage.retrospective_runs.in_state(run.run_id, "REFUSED", 10)
    assert [(one.study_instance_uid, one.reason) for one in refused] == [
        (study_uid("f"), "No series of it is complete.")
    ]
    assert sum(counts(storage, run).values()) == 5
