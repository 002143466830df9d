"""Workitems that are gone: when they go, what holds them, and what is answered then."""

from datetime import timedelta

import pytest

from storage.access_groups.decisions import Decision
from storage.core.callers.visibility import EVERYONE
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.ups.expiry import forget_ended
from storage.ups.job_mapping import uid_of_job
from tests.api.client import ApiNode, is_problem
from tests.api.ups.worklist_client import (
    FILTERED,
    PREFIX,
    STATE,
    WORKLIST,
    Worklist,
    el,
    new_item,
    performed,
)
from tests.storage.instances import part10

LATER = timedelta(seconds=1)


def ended(worklist: Worklist, uid: str, study: str = "2.25.77") -> str:
    worklist.created(new_item(study), uid)
    assert worklist.change(uid, "IN PROGRESS", "2.25.5").status_code == 200
    assert worklist.update(uid, performed(), "2.25.5").status_code == 200
    assert worklist.change(uid, "COMPLETED", "2.25.5").status_code == 200
    return uid


def forget(api: ApiNode) -> int:
    return forget_ended(api.storage.engine, utcnow() + LATER)


def check_gone(worklist: Worklist, uid: str) -> None:
    for answer in (
        worklist.http.get(f"{PREFIX}/workitems/{uid}"),
        worklist.update(uid, {"00741204": el("LO", "Again")}),
        worklist.change(uid, "IN PROGRESS", "2.25.6"),
        worklist.cancel(uid),
        worklist.http.post(f"{PREFIX}/workitems/{uid}/subscribers/WATCHER"),
    ):
        is_problem(answer, 410, "gone")
    assert uid not in worklist.uids()


def test_what_ended_long_ago_goes_and_is_known_to_have_been(
    api: ApiNode, worklist: Worklist
) -> None:
    old, open_one = ended(worklist, "2.25.801"), worklist.created(new_item(), "2.25.802")
    assert forget_ended(api.storage.engine, utcnow() - timedelta(days=1)) == 0
    assert worklist.state(old) == "COMPLETED"
    assert forget(api) == 1
    check_gone(worklist, old)
    assert worklist.state(open_one) == "SCHEDULED"
    is_problem(worklist.http.get(f"{PREFIX}/workitems/2.25.803"), 404, "not_found")


def test_with_the_last_item_of_a_study_that_never_came_go_its_access_groups(
    api: ApiNode, worklist: Worklist
) -> None:
    storage, study = api.storage, "2.25.8041"
    ended(worklist, "2.25.804", study)
    storage.access_decisions.decide_on_order(study, Decision(1, (EVERYONE,)))
    assert storage.access_groups.of_study(study) == {"everyone": "rule"}
    assert forget(api) == 1
    assert storage.access_groups.of_study(study) == {}


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("2.25.811", "deletionlock=true"),
        (WORKLIST, "deletionlock=true"),
        (FILTERED, "deletionlock=true&filter=WorklistLabel=Work"),
    ],
)
def test_a_deletion_lock_holds_an_item_until_it_is_given_up(
    api: ApiNode, worklist: Worklist, target: str, query: str
) -> None:
    uid = ended(worklist, "2.25.811")
    worklist.subscribe(target, "KEEPER", query)
    worklist.subscribe(uid, "WATCHER")
    assert forget(api) == 0
    assert worklist.state(uid) == "COMPLETED"
    address = f"{PREFIX}/workitems/{target}/subscribers/KEEPER"
    assert worklist.http.delete(address).status_code == 200
    assert forget(api) == 1
    check_gone(worklist, uid)


def test_with_a_study_go_its_jobs_and_its_ended_items(stored_api: ApiNode) -> None:
    worklist = Worklist(stored_api.client, stored_api.url)
    storage = stored_api.storage
    uid, series = derive_uid("test", "study"), derive_uid("test", "study", "series")
    storage.ingest.accept(part10(), "test")
    job, _ = storage.jobs.schedule("brain-volume", "1.1.0", uid, series, "fingerprint")
    jobs = [uid_of_job(job.job_id)]
    assert worklist.state(jobs[0]) == "SCHEDULED"
    item, waiting = ended(worklist, "2.25.821", uid), worklist.created(new_item(uid), "2.25.822")
    other = ended(worklist, "2.25.823")
    worklist.subscribe(item, "KEEPER", "deletionlock=true")
    assert stored_api.client.delete(f"{PREFIX}/studies/{uid}").status_code < 300
    for gone in (item, *jobs):
        check_gone(worklist, gone)
    assert worklist.get(waiting)[STATE]["Value"] == ["SCHEDULED"]
    assert worklist.state(other) == "COMPLETED"
