"""Jobs whose model does not return: the process is ended, the job has its reason, others go on."""

import os
import signal
import time
from pathlib import Path

import pytest

from inference.running_jobs import Running, RunningJobs
from inference.worker.job_watch import JobWatch
from storage.core.clock import utcnow
from storage.settings import load_settings
from tests.inference.language import small_models
from tests.inference.orchestration import receive, wait_for
from tests.inference.processes import Workers, children_of, workers_in
from tests.inference.small import mr_series, study_uid


def stage_of(workers: Workers, name: str) -> str:
    jobs, _ = workers.storage.jobs.list(study_uid(name))
    return f"{jobs[0].state} {jobs[0].stage}" if jobs else ""


def wait_for_computing(workers: Workers, name: str) -> None:
    wait_for(lambda: stage_of(workers, name) == "IN PROGRESS running", "the model that loops")
    wait_for(workers.runs.exists, "its first step")


@pytest.mark.fault
def test_a_model_that_never_returns_fails_after_its_deadline_and_the_next_job_runs(
    tmp_path: Path,
) -> None:
    with workers_in(tmp_path, job_deadline_s=4.0, job_grace_s=1.0) as workers:
        workers.environment = {"ENDLESS": "loop"}
        worker, *_ = workers.start("jobs", "control", "beat")
        receive(workers.storage, mr_series("a"))
        wait_for_computing(workers, "a")
        (child,) = children_of(worker.pid)
        receive(workers.storage, mr_series("b"))
        wait_for(lambda: stage_of(workers, "a").startswith("CANCELED"), "the end of the job")
        (job,), _ = workers.storage.jobs.list(study_uid("a"))
        assert (job.status, job.attempts) == ("FAILED", 1)
        assert "bright-region 1.0.0 took longer than the 4 s that it may" in job.reason
        assert "MEDIVIEW_JOB_DEADLINE_S" in job.reason
        wait_for(lambda: stage_of(workers, "b").startswith("COMPLETED"), "the next job")
        assert not Path(f"/proc/{child}").exists()
        assert worker.poll() is None


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("what", ["cancelled", "memory"])
def test_one_that_is_cancelled_or_takes_too_much_memory_makes_room(
    tmp_path: Path, what: str
) -> None:
    settings = {"job_memory_bytes": 700 << 20} if what == "memory" else {}
    with workers_in(tmp_path, job_grace_s=1.0, **settings) as workers:
        workers.environment = {"ENDLESS": what}
        workers.start("jobs", "control", "beat")
        receive(workers.storage, mr_series("a"))
        wait_for_computing(workers, "a")
        receive(workers.storage, mr_series("b"))
        (job,), _ = workers.storage.jobs.list(study_uid("a"))
        if what == "cancelled":
            assert workers.storage.jobs.cancel(job.job_id, "Not needed any more.", utcnow())
        wait_for(lambda: stage_of(workers, "b").startswith("COMPLETED"), "the next job")
        job = workers.storage.jobs.get(job.job_id)
        if what == "cancelled":
            assert (job.status, job.reason) == ("CANCELLED", "Not needed any more.")
        else:
            assert job.status == "FAILED"
            assert "700 MiB of memory" in job.reason
            assert "MEDIVIEW_JOB_MEMORY_BYTES" in job.reason


@pytest.mark.slow
@pytest.mark.fault
def test_a_chat_template_that_loops_does_not_hold_the_language_worker(tmp_path: Path) -> None:
    model = small_models.llama(tmp_path / "llama", "The heart is normal.")
    (model / "chat_template.jinja").write_text(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    )
    with workers_in(
        tmp_path,
        language_deadline_s=5.0,
        job_grace_s=1.0,
        self_test=False,
        HF_SUMM_MODEL=str(model),
    ) as workers:
        workers.start("language", "control", "beat")
        answers, jobs = workers.storage.answers, workers.storage.jobs
        asked = {"text": "The heart is normal.", "report_ids": [], "max_sentences": 3}
        summary = answers.ask("summary", asked, version="1.0.0")
        wait_for(lambda: jobs.get(summary.job_id).state == "IN PROGRESS", "the summary")
        other = answers.ask("deid", {"text": "Mr Smith came."}, version="1.0.0")
        wait_for(lambda: jobs.get(other.job_id).state == "COMPLETED", "the next question")
        job = jobs.get(summary.job_id)
        assert (job.status, job.attempts) == ("FAILED", 1)
        assert "summary 1.0.0 with llama took longer than the 10 s" in job.reason
        error = answers.get(summary.job_id).error
        assert error
        assert error["code"] == "deadline_passed"


def test_what_stores_its_result_is_let_finish_and_what_ignores_sigterm_is_killed() -> None:
    table = RunningJobs()
    watch = JobWatch(load_settings(job_grace_s=1.0), table)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
    try:
        begun_s = time.monotonic()
        storing = Running(child, "job", "j", "o", "model 1", begun_s, 10.0, is_storing=True)
        index = table.add(storing)
        assert index is not None
        assert watch.look(begun_s + 100.0)
        assert [one for _, one in table.entries()] == [storing]
        # It hangs after all.
        watch.look(begun_s + 10.0 + 1.0 + 301.0)
        assert [one.ended_because for _, one in table.entries()] == ["", "deadline"]
        watch.look(begun_s + 10.0 + 1.0 + 303.0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        child = 0
        # The one that is left says for its successor what to note.
        watch.look(begun_s + 1000.0)
        assert [one.ended_because for _, one in table.entries()] == ["deadline"]
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
