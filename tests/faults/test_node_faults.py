"""Things break in mid-way, and the work is done all the same, once."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support.fixtures import (
    REPORT_SERIES_NUMBERS,
    FollowedStudy,
    delivered,
    deliveries,
    finished,
    job_of,
    send,
)
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy, copy_with_new_uids

pytestmark = [pytest.mark.fault, pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture
def another_head(head: SentStudy, study_folder: Path, tmp_path: Path) -> SentStudy:
    """The head as another study, so that it makes another job."""
    return copy_with_new_uids(head.folder, study_folder / tmp_path.name)


@pytest.fixture
def pacs_down(node: Node, pacs: Pacs) -> Iterator[Pacs]:
    pacs.stop()
    yield pacs
    with contextlib.suppress(RuntimeError):
        pacs.server  # noqa: B018 - asks whether it is up again
        return
    pacs.start()


def worker_processes(node: Node) -> list[int]:
    """The worker that runs jobs, and its child that holds the model."""
    return [pid for pid, command in node.processes().items() if "worker-jobs" in command]


@pytest.mark.slow
def test_a_killed_workers_job_is_finished_by_the_next_once(
    node: Node, pacs: Pacs, another_head: SentStudy
) -> None:
    send(node, another_head)
    job_id = job_of(node, another_head)["job_id"]
    node.wait_for(
        lambda: node.get(f"/api/jobs/{job_id}")["state"] == "in_progress", "the job to run", 60
    )
    killed = worker_processes(node)
    assert killed
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    job = finished(node, job_id)
    assert job["state"] == "completed", job["reason"]
    assert job["attempts"] == 2
    delivered(node, another_head)
    held = pacs.instances_of(another_head.study_instance_uid)
    assert {result["sop_instance_uid"] for result in job["results"]} <= set(held)
    assert len(held) == len(job["results"]) + len(REPORT_SERIES_NUMBERS)
    assert not set(killed) & set(worker_processes(node))


def test_a_pacs_that_is_down_gets_its_results_when_it_is_back(
    node: Node, pacs_down: Pacs, another_head: SentStudy
) -> None:
    send(node, another_head)
    job = finished(node, job_of(node, another_head)["job_id"])
    assert job["state"] == "completed", job["reason"]
    waiting = node.wait_for(
        lambda: [one for one in deliveries(node, another_head) if one["attempts"] >= 2],
        "a second attempt at delivery",
        40,
    )
    assert all(one["last_error"] for one in waiting)
    study = node.get(f"/api/studies/{another_head.study_instance_uid}")
    assert study["state"] == "results"
    assert "pacs" in study["state_text"]

    pacs_down.start()
    expected = len(job["results"]) + len(REPORT_SERIES_NUMBERS)
    assert len(delivered(node, another_head)) == expected
    held = pacs_down.instances_of(another_head.study_instance_uid)
    assert {result["sop_instance_uid"] for result in job["results"]} <= set(held)
    assert len(held) == len(job["results"]) + len(REPORT_SERIES_NUMBERS)


def test_ctrl_c_ends_every_process_and_a_restart_finds_everything(
    followed: FollowedStudy, node: Node
) -> None:
    # The results are series too, and complete once they have been quiet.
    node.wait_for(
        lambda: {one["state"] for one in node.get(followed.study_path)["series"]} == {"complete"},
        "every series to be complete",
        20,
    )
    before = node.get(followed.study_path)
    found = node.get(f"{followed.study_path}/findings")["items"]
    assert node.interrupt() == 0
    assert node.processes() == {}
    assert node.start() < 30
    after = node.get(followed.study_path)
    assert after == before
    assert node.get(f"{followed.study_path}/findings")["items"] == found != []
