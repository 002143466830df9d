"""Jobs, deliveries and events: claimed once, never lost, told in order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Text, cast, select

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job
from storage.core.errors import NotFound
from storage.core.findings import Code, Finding
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.deliveries.listing import DeliveryFilter, retry_now
from storage.jobs.earlier_run import EARLIER_RESULTS
from tests.storage.instances import part10

STUDY, SERIES = derive_uid("test", "study"), derive_uid("test", "study", "series")


def schedule(storage: Storage, fingerprint: str = "f1", priority: int = 0) -> Job:
    return storage.jobs.schedule("brain", "1", STUDY, SERIES, fingerprint, priority)[0]


def test_the_same_input_makes_one_job(storage: Storage) -> None:
    first = schedule(storage)
    again, created = storage.jobs.schedule("brain", "1", STUDY, SERIES, "f1")
    assert (again.job_id, created) == (first.job_id, False)
    assert storage.jobs.schedule("brain", "2", STUDY, SERIES, "f1")[1], "a new version runs again"


def test_eight_workers_that_claim_at_once_get_it_once(storage: Storage) -> None:
    job = schedule(storage)

    def claim(number: int) -> bool:
        return storage.jobs.claim(job.job_id, f"worker-{number}", 30, utcnow()) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1


def test_a_dead_workers_job_is_due_again_and_its_late_word_counts_nothing(
    storage: Storage,
) -> None:
    job, now = schedule(storage), utcnow()
    assert storage.jobs.claim(job.job_id, "dead", 10, now)
    assert storage.jobs.due(now + timedelta(seconds=9), 10) == []
    later = now + timedelta(seconds=11)
    assert [due.job_id for due in storage.jobs.due(later, 10)] == [job.job_id]
    second = storage.jobs.claim(job.job_id, "alive", 10, later)
    assert second is not None
    assert second.attempts == 2
    assert not storage.jobs.renew(job.job_id, "dead", 10, later)
    assert not storage.jobs.progress(job.job_id, "dead", "segment", 0.5, later)
    assert not storage.jobs.complete(job.job_id, "dead", {}, later)
    assert storage.jobs.complete(job.job_id, "alive", {"instances": []}, later)
    assert storage.jobs.get(job.job_id).state == "COMPLETED"


def test_failure_gives_back_or_ends_with_its_reason(storage: Storage) -> None:
    job = schedule(storage)
    storage.jobs.claim(job.job_id, "w", 10, utcnow())
    assert storage.jobs.fail(job.job_id, "w", "No memory.", utcnow(), retry=True)
    assert storage.jobs.get(job.job_id).state == "SCHEDULED"
    storage.jobs.claim(job.job_id, "w", 10, utcnow())
    storage.jobs.fail(job.job_id, "w", "Slices are missing.", utcnow(), retry=False)
    ended = storage.jobs.get(job.job_id)
    assert (ended.state, ended.reason) == ("CANCELED", "Slices are missing.")
    assert ended.finished_at is not None
    assert storage.jobs.claim(job.job_id, "w", 10, utcnow()) is None


def test_a_reason_is_kept_whatever_it_quotes_and_however_long(storage: Storage) -> None:
    ended = []
    for reason in ("The file \udcff\0.nii cannot be read.", "many mistakes; " * 100_000):
        job = schedule(storage, str(len(reason)))
        storage.jobs.claim(job.job_id, "w", 10, utcnow())
        storage.jobs.fail(job.job_id, "w", reason, utcnow(), retry=False)
        ended.append(storage.jobs.get(job.job_id).reason)
    assert ended[0] == "The file \ufffd.nii cannot be read."
    assert len(ended[1]) == 2000


def test_one_row_with_half_of_a_surrogate_pair_leaves_the_list_readable(storage: Storage) -> None:
    job = schedule(storage)
    storage.jobs.claim(job.job_id, "w", 10, utcnow())
    storage.jobs.complete(job.job_id, "w", {"notes": ["Of a.\ud800 and 😀."]}, utcnow())
    with writing(storage.engine) as connection:
        stored = connection.execute(select(cast(t.job.c.result, Text))).scalar_one()
        assert "ud800" not in stored
        # As an earlier version wrote it.
        earlier = r'{"notes": ["Of a.\ud800 and \uD83D\uDE00."]}'
        connection.exec_driver_sql(f"UPDATE job SET result = '{earlier}'")
    (found,), _ = storage.jobs.list()
    assert found.result["notes"] == ["Of a.\ufffd and 😀."]


def test_a_canceled_job_tells_its_worker_to_stop(storage: Storage) -> None:
    job = schedule(storage)
    storage.jobs.claim(job.job_id, "w", 10, utcnow())
    assert storage.jobs.cancel(job.job_id, "Not wanted.", utcnow())
    assert not storage.jobs.renew(job.job_id, "w", 10, utcnow())
    assert not storage.jobs.cancel(job.job_id, "Again.", utcnow())


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_a_further_run_without_results_leaves_those_of_the_run_before(
    storage: Storage, ending: str
) -> None:
    job_id = schedule(storage).job_id
    storage.jobs.claim(job_id, "w", 10, utcnow())
    assert storage.jobs.complete(job_id, "w", {"findings": 1}, utcnow())
    done = storage.jobs.get(job_id)
    assert storage.jobs.retry(job_id, utcnow(), force=True)
    assert storage.jobs.get(job_id).has_results
    if ending == "failed":
        storage.jobs.claim(job_id, "w", 10, utcnow())
        storage.jobs.fail(job_id, "w", "No memory.", utcnow(), retry=True)
        assert storage.jobs.get(job_id).has_results
        storage.jobs.claim(job_id, "w", 10, utcnow())
        storage.jobs.fail(job_id, "w", "No memory.", utcnow(), retry=False)
    else:
        storage.jobs.cancel(job_id, "No memory.", utcnow())
    again = storage.jobs.get(job_id)
    assert (again.status, again.ending, again.result) == ("COMPLETED", "", {"findings": 1})
    assert (again.started_at, again.finished_at) == (done.started_at, done.finished_at)
    assert (again.progress, again.reason) == (1.0, f"No memory. {EARLIER_RESULTS}")
    # A further run that completes has results of its own, and one more changes nothing of these.
    assert storage.jobs.retry(job_id, utcnow(), force=True)
    storage.jobs.claim(job_id, "w", 10, utcnow())
    assert storage.jobs.complete(job_id, "w", {"findings": 2}, utcnow())
    newest = storage.jobs.get(job_id)
    assert (newest.reason, newest.earlier_finished_at) == ("", None)
    assert storage.jobs.cancel(job_id, "Too late.", utcnow()) is None
    assert storage.jobs.get(job_id) == newest


def test_the_urgent_come_first(storage: Storage) -> None:
    for fingerprint, priority in (("a", 0), ("b", 5), ("c", 0)):
        schedule(storage, fingerprint, priority)
    assert [job.input_fingerprint for job in storage.jobs.due(utcnow(), 10)] == ["b", "a", "c"]
    jobs, total = storage.jobs.list(STUDY, limit=2)
    assert (len(jobs), total) == (2, 3)


def test_events_tell_the_jobs_course_and_resume_by_number(storage: Storage) -> None:
    job = schedule(storage)
    storage.jobs.claim(job.job_id, "w", 10, utcnow())
    storage.jobs.progress(job.job_id, "w", "segment", 0.4, utcnow())
    events = storage.events.since(0, job_id=job.job_id)
    assert [(e.payload["state"], e.payload["progress"]) for e in events] == [
        ("SCHEDULED", 0.0),
        ("IN PROGRESS", 0.0),
        ("IN PROGRESS", 0.4),
    ]
    assert storage.events.since(events[1].event_id, job_id=job.job_id) == events[2:]
    assert storage.events.last_id() == events[2].event_id


def test_deliveries_wait_back_off_and_end_when_held(storage: Storage) -> None:
    accepted = [storage.ingest.accept(part10(instance=str(n)), "result:j") for n in range(3)]
    instances = [storage.index.instance(one.sop_instance_uid) for one in accepted]
    assert storage.deliveries.enqueue("pacs", instances, None) == 3
    assert storage.deliveries.enqueue("pacs", instances, None) == 0
    assert storage.deliveries.enqueue("other", instances[:1], None) == 1
    now = utcnow()
    claimed = storage.deliveries.claim_due("sender", 60, now, 10)
    assert {delivery.destination for delivery in claimed} == {"pacs"}
    assert len(claimed) == 3
    other = storage.deliveries.claim_due("sender", 60, now, 10)
    assert [delivery.destination for delivery in other] == ["other"]
    assert storage.deliveries.claim_due("another", 60, now, 10) == []
    ids = [delivery.delivery_id for delivery in claimed]
    storage.deliveries.retry_later(ids[:1], "sender", "It is down.", now + timedelta(seconds=30))
    storage.deliveries.sent(ids[1:], "sender", now, "It proves nothing.")
    storage.deliveries.confirmed(ids[2:], now)
    states = {d.delivery_id: d.state for d in storage.deliveries.of_study(STUDY)}
    assert [states[one] for one in ids] == ["PENDING", "SENT", "CONFIRMED"]
    assert storage.deliveries.due_count(now) == 0
    assert retry_now(storage.engine, DeliveryFilter(delivery_id=ids[0])) == 1
    assert retry_now(storage.engine, DeliveryFilter(delivery_id=ids[1])) == 0
    assert storage.deliveries.due_count(utcnow()) == 1


def test_a_dead_senders_deliveries_are_due_again(storage: Storage) -> None:
    accepted = storage.ingest.accept(part10(), "result:j")
    instance = storage.index.instance(accepted.sop_instance_uid)
    storage.deliveries.enqueue("pacs", [instance], None)
    now = utcnow()
    assert len(storage.deliveries.claim_due("dead", 10, now, 10)) == 1
    later = now + timedelta(seconds=11)
    (again,) = storage.deliveries.claim_due("alive", 10, later, 10)
    assert again.attempts == 2


def test_decisions_and_findings_are_kept_whole(storage: Storage) -> None:
    job, now = schedule(storage), utcnow()
    decision = Decision(STUDY, SERIES, "brain", "1", "f1", False, "4 slices.", None, now)
    storage.acceptance_decisions.record(decision)
    accepted = Decision(STUDY, SERIES, "brain", "1", "f2", True, "", job.job_id, now)
    storage.acceptance_decisions.record(accepted)
    assert storage.acceptance_decisions.of_study(STUDY) == [accepted]
    storage.acceptance_decisions.record(replace(accepted, reason="Kernel x" + " y" * 9_000))
    (shortened,) = storage.acceptance_decisions.of_study(STUDY)
    assert len(shortened.reason) == 2_000
    cm3 = Code("cm3", "UCUM", "cubic centimeter")
    brain = Code("12738006", "SCT", "Brain")
    finding = Finding(
        "id", job.job_id, STUDY, SERIES, "brain", "1", "Brain", brain, 1791.7, cm3, None,
        "Brain", derive_uid("t"), None, now,
    )  # fmt: skip
    storage.findings.replace_for_job(job.job_id, [finding])
    storage.findings.replace_for_job(job.job_id, [finding])
    assert storage.findings.of_study(STUDY) == [finding]
    assert storage.findings.counts([STUDY, "9.9"]) == {STUDY: 1, "9.9": 0}
    # Cancelled in the moment between its findings and its end, the job has no results.
    assert storage.jobs.cancel(job.job_id, "Not wanted.", utcnow())
    assert storage.findings.of_study(STUDY) == []
    assert storage.findings.counts([STUDY]) == {STUDY: 0}


def test_what_is_not_there_says_so(storage: Storage) -> None:
    for look_up in (
        lambda: storage.jobs.get("none"),
        lambda: storage.index.study("1.2.3"),
        lambda: storage.index.series("1.2", "1.2.3"),
        lambda: storage.uploads.get("none"),
        lambda: storage.deliveries.get("none"),
    ):
        with pytest.raises(NotFound) as refusal:
            look_up()
        assert refusal.value.remedy


def test_heartbeats(storage: Storage) -> None:
    assert storage.heartbeats.last("worker-jobs") is None
    now = utcnow()
    storage.heartbeats.beat("worker-jobs", now)
    storage.heartbeats.beat("worker-jobs", now)
    assert storage.heartbeats.last("worker-jobs") == now
