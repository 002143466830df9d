"""Why a job has not ended: it waits, runs, failed or was cancelled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inference.delays.entities import Delay
from storage.container import Storage
from storage.core.clock import utcnow
from tests.inference.delays.delayed import OWNER, Case, asked, assert_named, running, scheduled
from tests.inference.orchestration import later


def others_are_before_it(node: Storage) -> Delay:
    for number in range(3):
        job = scheduled(node, f"urgent-{number}")
        node.jobs.set_priority(job.job_id, 100, utcnow())
    scheduled(node, "queued")
    return asked(node, "queued")


def no_worker_is_started(node: Storage) -> Delay:
    scheduled(node, "unworked")
    node.heartbeats.beat("worker-jobs", utcnow() - timedelta(hours=1))
    return asked(node, "unworked")


def no_worker_of_the_gpu_is_started(node: Storage) -> Delay:
    scheduled(node, "for-gpu")
    gpu = node.settings.model_copy(update={"gpu_pipelines": ("bright-*",)})
    return asked(replace(node, settings=gpu), "for-gpu")


def an_attempt_fails(node: Storage) -> Delay:
    job = running(node, "retried")
    node.jobs.fail(job.job_id, OWNER, "Reading failed.", utcnow(), retry=True, not_before=later(60))
    return asked(node, "retried")


def the_disk_is_full_for_a_job(node: Storage) -> Delay:
    job = running(node, "outside")
    reason = "The disk of the data folder is full. Free disk space; the node goes on by itself."
    node.jobs.fail(
        job.job_id, OWNER, reason, utcnow(), retry=True, not_before=later(60), counts=False
    )
    return asked(node, "outside")


def it_runs(node: Storage) -> Delay:
    job = running(node, "running")
    node.jobs.progress(job.job_id, OWNER, "segmenting", 0.4, utcnow())
    return asked(node, "running")


def the_worker_is_killed(node: Storage) -> Delay:
    running(node, "lost", lease_s=1)
    return asked(node, "lost")


def every_attempt_fails(node: Storage) -> Delay:
    job = running(node, "failed")
    node.jobs.fail(job.job_id, OWNER, "The series has a gap.", utcnow(), retry=False)
    return asked(node, "failed")


def a_person_cancels_it(node: Storage) -> Delay:
    node.jobs.cancel(scheduled(node, "cancelled").job_id, "Sent by mistake.", utcnow())
    return asked(node, "cancelled")


DELAYS: tuple[Case, ...] = (
    (others_are_before_it, "job_queued", "bright-region has waited"),
    (no_worker_is_started, "worker_away", "start 'mediview worker --queue jobs'"),
    (no_worker_of_the_gpu_is_started, "worker_away", "start 'mediview worker --queue gpu'"),
    (an_attempt_fails, "job_retried", "at attempt 1 of 3 (Reading failed) and is tried again at"),
    (the_disk_is_full_for_a_job, "job_retried", "The disk of the data folder is full"),
    (it_runs, "job_running", "(40 %, segmenting)"),
    (the_worker_is_killed, "worker_lost", "has given no sign of life since its lease ended"),
    (every_attempt_fails, "job_failed", "failed for good after 1 attempt (The series has a gap)"),
    (a_person_cancels_it, "job_cancelled", "(Sent by mistake)"),
)


@pytest.mark.parametrize("case", DELAYS, ids=[one[0].__name__ for one in DELAYS])
def test_a_delay_is_named_in_one_sentence(node: Storage, case: Case) -> None:
    assert_named(node, case)
