"""Jobs whose model does not return: the process is ended, the job has its reason, others go on."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inference.machine_memory import anonymous_memory_bytes
from inference.running_jobs import Running, RunningJobs
from inference.worker.ended_jobs import note_ended
from inference.worker.job_watch import JobWatch
from inference.worker.process import Process
from storage.core.clock import utcnow
from storage.settings import load_settings
from tests.inference.language import small_models
from tests.inference.orchestration import receive, storage_in, wait_for
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
        scores = [Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in (worker.pid, child)]
        assert int(scores[0]) < int(scores[1])
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
def test_a_job_in_a_process_full_of_an_earlier_one_runs_in_a_new_one(tmp_path: Path) -> None:
    # The process itself has some 300 MiB, and each job leaves 600.
    with workers_in(tmp_path, job_memory_bytes=1200 << 20) as workers:
        workers.environment = {"ENDLESS": "leak"}
        workers.start("jobs", "control", "beat")
        for name, attempts in (("a", 1), ("b", 2)):
            receive(workers.storage, mr_series(name))
            wait_for(lambda: stage_of(workers, name).startswith("C"), "its end")  # noqa: B023
            (job,), _ = workers.storage.jobs.list(study_uid(name))
            assert (job.state, job.attempts) == ("COMPLETED", attempts), job.reason


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


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            yield child
        finally:
            child.kill()


class EndsMeanwhile(RunningJobs):
    """Its job ends before it is looked at for the `at_look`-th time."""

    at_look = 0

    def read(self, index: int) -> Running | None:
        found = super().read(index)
        if found is not None and not found.ended_because:
            self.at_look -= 1
            if not self.at_look:
                self._write(index, None)
                return None
        return found


@pytest.mark.parametrize("at_look", [2, 3, 4])
def test_a_process_whose_job_ends_just_before_the_signal_is_not_ended(at_look: int) -> None:
    table = EndsMeanwhile()
    watch = JobWatch(load_settings(job_grace_s=10.0), table)
    with sleeping() as child:
        table.add(Running(child.pid, "job", "j", "o", "model 1", 100.0, 10.0))
        table.at_look = at_look
        watch.look(200.0)
        assert list(table.entries()) == []
        assert not watch.look(300.0)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.1)


def test_the_same_job_begun_again_by_the_same_process_has_its_own_time() -> None:
    table = RunningJobs()
    watch = JobWatch(load_settings(job_grace_s=10.0), table)
    # Before the fork, so that the child never hears it.
    usual = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    signal.signal(signal.SIGTERM, usual)
    try:
        first = Running(child, "job", "j", "o", "model 1", 100.0, 10.0)
        index = table.add(first)
        assert index is not None
        watch.look(121.0)
        # It hears SIGTERM, and ends the job within the five seconds; it gets it once more.
        table.remove(index, first)
        table.add(replace(first, begun_s=125.0))
        watch.look(127.0)
        time.sleep(0.1)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        watch.look(130.0)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("had_earlier_ones", [True, False])
def test_a_job_beyond_memory_only_with_that_of_earlier_ones_is_tried_again(
    had_earlier_ones: bool,
) -> None:
    table, limit_bytes = RunningJobs(), 4096
    watch = JobWatch(load_settings(job_memory_bytes=limit_bytes), table)
    with sleeping() as child:
        wait_for(lambda: anonymous_memory_bytes(child.pid) > limit_bytes, "its memory")
        earlier_bytes = 1 << 30 if had_earlier_ones else 0
        begun_s = time.monotonic()
        one = Running(child.pid, "job", "j", "o", "m 1", begun_s, 10.0, earlier_bytes=earlier_bytes)
        table.add(one)
        watch.look(begun_s)
        assert child.wait() == -signal.SIGKILL
    noted = replace(one, ended_because="memory", limit_bytes=limit_bytes)
    expected = [one, replace(noted, is_tried_again=had_earlier_ones)]
    assert [entry for _, entry in table.entries()] == expected


def test_only_what_a_new_process_may_do_is_given_back(tmp_path: Path) -> None:
    with storage_in(tmp_path, job_max_attempts=2) as storage:
        jobs, table = storage.jobs, RunningJobs()
        process = Process(storage.settings, "jobs", table)
        job, _ = jobs.schedule("brain-volume", "1.1.0", "2.25.1", "2.25.2", "fingerprint")
        states = []
        for attempt in range(2):
            owner = f"worker-{attempt}"
            assert jobs.claim(job.job_id, owner, 60.0, utcnow())
            ended = Running(1, "job", job.job_id, owner, "brain-volume 1.1.0", attempt, 10.0)
            because_of_memory = replace(
                ended, ended_because="memory", limit_bytes=1 << 30, is_tried_again=True
            )
            table.add(because_of_memory)
            note_ended(process)
            assert not list(table.entries())
            states.append((jobs.get(job.job_id).state, jobs.get(job.job_id).reason))
        process.close()
    assert [state for state, _ in states] == ["SCHEDULED", "CANCELED"]
    assert "tried again in a new one" in states[0][1]
    assert "brain-volume 1.1.0 took more than 1,024 MiB" in states[1][1]


def test_processes_that_begin_at_once_have_an_entry_each() -> None:
    table = RunningJobs()
    children = []
    begin_read, begin_write = os.pipe()
    for number in range(16):
        child = os.fork()
        if not child:
            os.close(begin_write)
            os.read(begin_read, 1)
            for time_s in range(50):
                table.begin(Running(os.getpid(), "job", str(number), "o", "m 1", time_s, 10.0))
                table.change(lost_s=1.0)
                if time_s < 49:
                    table.end()
            os._exit(0)
        children.append(child)
    os.close(begin_write)
    for child in children:
        os.waitpid(child, 0)
    os.close(begin_read)
    entries = [one for _, one in table.entries()]
    assert sorted(one.pid for one in entries) == sorted(children)
    assert {(one.begun_s, one.lost_s) for one in entries} == {(49, 1.0)}
    # They have ended, and what they left is cleared away.
    watch = JobWatch(load_settings(), table)
    assert watch.look(0.0)
    assert not watch.look(0.0)


def test_what_stores_its_result_is_let_finish_and_what_ignores_sigterm_is_killed() -> None:
    table = RunningJobs()
    watch = JobWatch(load_settings(job_grace_s=1.0), table)
    # Before the fork, so that the child never hears it.
    usual = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    signal.signal(signal.SIGTERM, usual)
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
