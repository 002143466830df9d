"""Commitments, procedure steps, expectations and worklist items on record, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import NoResultFound

from storage.commitment.entities import Reference
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, UidConflict
from storage.db.engine import writing
from storage.mpps.repository import StepChanged, StepEnded
from storage.mpps.senders import Sender
from storage.settings import Settings
from storage.worklist.performed_steps import follow_step
from tests.storage.instances import part10

REFERENCES = [Reference("1.2.3", "1.2.3.1"), Reference("1.2.3", "1.2.3.2")]


def test_a_report_is_sent_by_one_process_and_until_it_is_taken(storage: Storage) -> None:
    reports, now = storage.commitment_reports, utcnow()
    reports.owe("1.9", "PEER", REFERENCES, "association", 60)
    assert reports.claim_due("other", 60, now, "PEER") is None, "the association is about to report"
    later = now + timedelta(seconds=61)
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda n: reports.claim_due(f"p{n}", 60, later, "PEER"), range(4)))
    (claimed,) = [claim for claim in claims if claim is not None]
    assert claimed.references == tuple(REFERENCES)
    reports.retry_later(claimed, "The peer is down.", later)
    again = reports.claim_due("other", 60, later + timedelta(seconds=1), "PEER")
    assert again is not None
    assert (again.attempts, again.last_error) == (1, "The peer is down.")
    reports.reported(again)
    assert reports.due_peers(later + timedelta(days=1)) == []
    # Asked once more under the same UID: that is owed again.
    reports.owe("1.9", "PEER", REFERENCES[:1], "association", 0)
    assert reports.due_peers(utcnow()) == ["PEER"]
    reports.reported(again)
    assert reports.get("1.9", "PEER").state == "DUE", "an older report settles nothing"


def delivered(storage: Storage, *destinations: str) -> list[str]:
    """Two instances on their way; their UIDs."""
    content = [part10(instance=name) for name in ("one", "two")]
    ids = [storage.ingest.accept(one, source="test").sop_instance_uid for one in content]
    instances = [storage.index.instance(uid) for uid in ids]
    for destination in destinations:
        storage.deliveries.enqueue(destination, instances, None)
        storage.deliveries.claim_due("sender", 60, utcnow(), 10)
    return ids


def states(storage: Storage, destination: str) -> dict[str, str]:
    study = storage.index.studies(10, 0)[0][0].study_instance_uid
    return {
        one.sop_instance_uid: one.state
        for one in storage.deliveries.of_study(study)
        if one.destination == destination
    }


def test_an_answer_settles_the_deliveries_that_were_asked_about(storage: Storage) -> None:
    first, second = delivered(storage, "pacs", "other")
    references = [Reference("1.2", first), Reference("1.2", second), Reference("1.2", "1.7")]
    requests = storage.commitment_requests
    requests.ask("1.9", "pacs", references)
    assert not requests.answered("1.8", [first], {}), "nobody asked that"
    assert requests.answered("1.9", [first, "9.9"], {second: 0x0112})
    assert states(storage, "pacs") == {first: "CONFIRMED", second: "PENDING"}
    assert states(storage, "other") == {first: "SENDING", second: "SENDING"}
    answer = requests.get("1.9")
    assert answer is not None
    # What the answer passes over is not committed to.
    assert answer.failed == {second: 0x0112, "1.7": 0x0110}
    assert requests.answered("1.9", [second], {})
    assert states(storage, "pacs")[second] == "PENDING", "the first word counts"


def test_a_commitment_outlives_the_word_of_the_sender_that_gave_up(storage: Storage) -> None:
    first, second = delivered(storage, "pacs")
    study = storage.index.studies(10, 0)[0][0].study_instance_uid
    ids = [one.delivery_id for one in storage.deliveries.of_study(study)]
    storage.deliveries.arrived(ids, "sender", utcnow())
    storage.commitment_requests.ask("1.9", "pacs", [Reference("1.2", first)])
    storage.commitment_requests.answered("1.9", [first], {})
    storage.deliveries.ask_later(ids, "sender", "Silence.", utcnow(), asked=True)
    assert states(storage, "pacs") == {first: "CONFIRMED", second: "PENDING"}
    by_uid = {one.sop_instance_uid: one for one in storage.deliveries.of_study(study)}
    assert by_uid[second].questions == 1
    assert by_uid[second].sent_at is not None


def test_a_request_that_was_refused_leaves_nothing(storage: Storage) -> None:
    storage.commitment_requests.ask("1.9", "pacs", REFERENCES)
    storage.commitment_requests.forget("1.9")
    assert storage.commitment_requests.get("1.9") is None


@pytest.mark.parametrize(("retention_s", "is_kept"), [(3600.0, True), (1e-6, False)])
def test_what_no_peer_takes_or_answers_is_kept_as_long_as_the_settings_say(
    storage_settings: Settings, retention_s: float, is_kept: bool
) -> None:
    settings = storage_settings.model_copy(update={"commitment_retention_s": retention_s})
    with open_storage(settings) as storage:
        for transaction_uid in ("1.9", "1.10"):
            storage.commitment_reports.owe(transaction_uid, "PEER", REFERENCES, "association", 60)
            storage.commitment_requests.ask(transaction_uid, "pacs", REFERENCES)
        assert (storage.commitment_requests.get("1.9") is not None) is is_kept
        with nullcontext() if is_kept else pytest.raises(NoResultFound):
            storage.commitment_reports.get("1.9", "PEER")


def test_procedure_steps_begin_once_and_end_once(storage: Storage) -> None:
    steps = storage.procedure_steps
    attributes = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "山田"}]}}
    ct = Sender("", "CT1")
    begun = steps.create("1.5", ct, attributes, {"1.2"}, {"1.6": {"1.7"}})
    assert begun.attributes == attributes
    with pytest.raises(UidConflict):
        steps.create("1.5", ct, {}, set(), {})
    with pytest.raises(NotFound):
        steps.change("1.4", ct, "COMPLETED", {}, set(), {})
    gone_on = steps.change("1.5", ct, "IN PROGRESS", attributes, set(), {}, known=begun)
    assert steps.get("1.5") == gone_on
    with pytest.raises(StepChanged):
        steps.change("1.5", ct, "COMPLETED", {}, set(), {}, known=begun)
    ended = steps.change("1.5", ct, "COMPLETED", {}, set(), {}, known=gone_on)
    assert ended.state == "COMPLETED"
    with pytest.raises(StepEnded):
        steps.change("1.5", ct, "DISCONTINUED", {}, set(), {})


def test_several_announcements_of_a_series_are_one_expectation(storage: Storage) -> None:
    uid = storage.ingest.accept(part10(), source="test").sop_instance_uid
    series = storage.index.instance(uid).series_instance_uid
    expectations = storage.expectations
    expectations.announce("mpps:1", {series: [uid]}, is_final=True)
    expectations.announce("ian:2", {series: [uid, "1.2"], "1.9": ["1.9.1"]}, is_final=True)
    (one,) = expectations.of_receiving()
    assert one.missing == frozenset({"1.2"})
    expectations.announce("ian:2", {series: [uid]}, is_final=True)
    (one,) = expectations.of_receiving()
    assert one.is_whole
    expectations.announce("mpps:1", {}, is_final=False)
    expectations.announce("ian:2", {}, is_final=False)
    assert expectations.of_receiving() == []


def item(number: int, **step: Any) -> dict[str, Any]:
    start = {
        "ScheduledProcedureStepStartDate": f"2026{1 + number // 28:02}{1 + number % 28:02}",
        "ScheduledProcedureStepStartTime": "0800",
    }
    return {
        "StudyInstanceUID": f"1.2.{number}",
        "AccessionNumber": f"A{number}",
        "ScheduledProcedureStepSequence": [start | step],
    }


def test_the_worklist_is_read_in_order_whatever_its_length(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.worklist.stations._PAGE_ROWS", 7)
    for number in reversed(range(30)):
        storage.worklist.add(item(number))
    found = [one.accession_number for one in storage.worklist.open_items()]
    assert found == [f"A{number}" for number in range(30)]
    with writing(storage.engine) as connection:
        assert follow_step(connection, {"1.2.3", "1.2.4"}, "COMPLETED") == 2
    assert len(list(storage.worklist.open_items())) == 28
    page, total = storage.worklist.list("COMPLETED")
    assert (total, [one.accession_number for one in page]) == (2, ["A3", "A4"])
