"""Messages of one report reach a system in their order, and what was withdrawn is told once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from storage import tables as t
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.db.engine import reading, writing
from storage.outbox.leases import LEASE_S
from storage.reports.entities import Report, ReportSection, ReportSentence
from storage.reports.hl7_entities import Hl7Message

READER = of_account("dr-a")
SECTIONS = (ReportSection("Findings", (ReportSentence("One.", ("f1",)),)),)


def signed(storage: Storage) -> Report:
    report = storage.reports.offer(
        "2.25.7", language="en", title="", sections=SECTIONS, basis_digest="1"
    )
    return storage.reports.move(report.report_id, 1, "final", READER)


def mark(storage: Storage, report: Report, back: timedelta = timedelta()) -> None:
    with writing(storage.engine) as connection:
        marked = update(t.report).where(t.report.c.report_id == report.report_id)
        connection.execute(marked.values(superseded_at=utcnow() - back))


def claim(storage: Storage, owner: str = "w", to: str = "ris") -> Hl7Message | None:
    return storage.hl7_sending.claim_due(owner, LEASE_S, utcnow(), to)


def set_state(storage: Storage, message: Hl7Message, state: str) -> None:
    row = t.hl7_message.c.message_id == message.message_id
    with writing(storage.engine) as connection:
        values = {"state": state, "lease_owner": "", "next_attempt_at": utcnow()}
        connection.execute(update(t.hl7_message).where(row).values(**values))


def end_lease(storage: Storage) -> None:
    """As after half a minute in which the sender did not renew it."""
    with writing(storage.engine) as connection:
        ended = utcnow() - timedelta(seconds=1)
        connection.execute(update(t.hl7_message).values(next_attempt_at=ended))


def send(storage: Storage, to: str = "ris") -> Hl7Message:
    message = claim(storage, to=to)
    assert message is not None
    assert storage.hl7_sending.accepted(message.message_id, "w")
    return message


def test_an_older_version_is_not_sent_after_a_newer_one(storage: Storage) -> None:
    report = signed(storage)
    messages = storage.hl7_outbox
    messages.enqueue("ris", report, 1)
    late = claim(storage)
    assert late is not None
    messages.enqueue("ris", report, 2)
    assert claim(storage) is None, "not beside the one that is being sent"
    storage.hl7_sending.retry_later(late.message_id, "w", "The system had an error.", utcnow())
    again = claim(storage)
    assert again is not None
    assert again.message_id == late.message_id, "the older one first"
    storage.hl7_sending.dead(late.message_id, "w", "Given up.")
    assert send(storage).report_version == 2
    with pytest.raises(StateConflict, match="newer message"):
        messages.retry(late.message_id)
    # As an older node may have left it.
    set_state(storage, late, "PENDING")
    assert claim(storage) is None
    assert [one.report_version for one in messages.list()[0]] == [2]
    # To other systems it is a message like any other.
    messages.enqueue("his", report, 1)
    assert send(storage, "his").destination == "his"


def test_a_system_is_told_of_a_withdrawal_once_it_has_the_version(storage: Storage) -> None:
    report = signed(storage)
    messages = storage.hl7_outbox
    messages.enqueue("ris", report, 2)
    assert messages.enqueue_withdrawals(["ris"], 10) == 0, "nothing was withdrawn"
    mark(storage, report)
    assert messages.enqueue_withdrawals(["ris"], 10) == 0, "it has no report yet"
    first = send(storage)
    assert not storage.hl7_sending.was_withdrawn(first)
    assert messages.enqueue_withdrawals([], 10) == 0
    assert messages.enqueue_withdrawals(["his"], 10) == 0
    assert messages.enqueue_withdrawals(["ris", "his"], 10) == 1
    assert messages.enqueue_withdrawals(["ris", "his"], 10) == 0
    told = send(storage)
    assert (told.report_version, told.control_id != first.control_id) == (2, True)
    assert told.superseded_at == storage.reports.get(report.report_id).superseded_at
    assert messages.enqueue_withdrawals(["ris"], 10) == 0
    # More of its results are withdrawn later.
    mark(storage, report)
    assert messages.enqueue_withdrawals(["ris"], 10) == 1
    assert send(storage).superseded_at != told.superseded_at
    # A newer version that rests on them still is told of again.
    messages.enqueue("ris", report, 3)
    with writing(storage.engine) as connection:
        connection.execute(update(t.report).values(publish_version=3))
    newer = send(storage)
    assert storage.hl7_sending.was_withdrawn(newer)
    assert messages.enqueue_withdrawals(["ris"], 10) == 1
    # One that waits until the next version has arrived is not sent any more.
    messages.enqueue("ris", report, 4)
    waiting, newest = sorted(messages.list("PENDING")[0], key=lambda one: one.report_version)
    set_state(storage, newest, "ACCEPTED")
    assert claim(storage) is None
    assert waiting.message_id not in {one.message_id for one in messages.list()[0]}


def test_no_order_depends_on_the_clock(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    report = signed(storage)
    messages = storage.hl7_outbox
    for version in (2, 3, 4):
        now = utcnow() - timedelta(hours=version)
        monkeypatch.setattr("storage.reports.hl7_outbox.utcnow", lambda now=now: now)
        messages.enqueue("ris", report, version)
    assert [send(storage).report_version for _ in range(2)] == [2, 3]
    # It has version 3, and 4 fails.
    failed = claim(storage)
    assert failed is not None
    storage.hl7_sending.dead(failed.message_id, "w", "Refused.")
    with writing(storage.engine) as connection:
        connection.execute(update(t.report).values(publish_version=4, published_version=4))
    for back in (timedelta(), timedelta(hours=9)):
        mark(storage, report, back)
        there = storage.reports.get(report.report_id)
        assert [one.report_id for one in storage.report_publishing.to_publish(9)] == [
            report.report_id
        ]
        storage.report_publishing.withdrawal_notified(there)
        assert messages.enqueue_withdrawals(["ris"], 10) == 1
        notice = send(storage)
        assert (notice.report_version, notice.superseded_at) == (3, there.superseded_at)
        assert messages.enqueue_withdrawals(["ris"], 10) == 0
    # The failed version may still be sent, and takes the notices away.
    assert messages.retry(failed.message_id).state == "PENDING"
    assert storage.hl7_sending.was_withdrawn(send(storage))


def test_a_sender_that_was_stopped_takes_nothing_back(storage: Storage) -> None:
    sending, messages = storage.hl7_sending, storage.hl7_outbox
    messages.enqueue("ris", signed(storage), 1)
    stopped = claim(storage, "stopped")
    assert stopped is not None
    end_lease(storage)
    taken = claim(storage, "other")
    assert taken is not None
    assert taken.message_id == stopped.message_id
    # While another sends it the message is that one's.
    assert not sending.retry_later(stopped.message_id, "stopped", "No answer came.", utcnow())
    assert not sending.dead(stopped.message_id, "stopped", "Rejected.")
    assert not sending.accepted(stopped.message_id, "stopped")
    assert claim(storage) is None
    assert sending.accepted(stopped.message_id, "other")
    assert not sending.retry_later(stopped.message_id, "stopped", "No answer came.", utcnow())
    assert not sending.dead(stopped.message_id, "stopped", "Rejected.")
    assert claim(storage) is None
    ((message,), _) = messages.list()
    assert (message.state, message.last_error) == ("ACCEPTED", "")
    with reading(storage.engine) as connection:
        events = connection.execute(select(t.event.c.payload).where(t.event.c.topic == "delivery"))
        assert "FAILED" not in {payload["state"] for payload in events.scalars()}
