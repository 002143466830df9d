"""What a sender takes while its job is withdrawn is withdrawn at that destination, too."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from storage.container import Storage
from storage.core.clock import utcnow
from tests.storage.deletion.test_deleting import STUDY
from tests.storage.instances import part10


@pytest.mark.parametrize("storage_settings", ["postgresql+s3"], indirect=True)
def test_a_result_that_is_taken_meanwhile_is_withdrawn_where_it_goes(storage: Storage) -> None:
    storage.ingest.accept(part10(), "result:1", "generated")
    (one,) = storage.index.instances_of(STUDY)
    storage.deliveries.enqueue("pacs", [one], None)
    taken: list[Any] = []

    def between(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not taken and statement.startswith("DELETE FROM delivery"):
            taken.append(True)
            taken.extend(storage.deliveries.claim_due("sender", 30, utcnow(), 10))

    event.listen(storage.engine, "before_cursor_execute", between)
    try:
        destinations = storage.withdrawals.destinations_of([one.sop_instance_uid])
    finally:
        event.remove(storage.engine, "before_cursor_execute", between)
    assert len(taken) == 2
    assert destinations == {"pacs": "RESULT"}


def test_results_are_withdrawn_where_they_are_or_may_be(storage: Storage) -> None:
    for number in range(3):
        storage.ingest.accept(part10(instance=str(number)), "result:1", "generated")
    first, second, third = storage.index.instances_of(STUDY)
    storage.deliveries.enqueue("both", [first], None, cause="PERSON")
    storage.deliveries.enqueue("both", [second], None)
    storage.deliveries.enqueue("tried", [third], None, cause="PERSON")
    now = utcnow()
    while taken := storage.deliveries.claim_due("sender", 30, now, 10):
        ids = [one.delivery_id for one in taken]
        if taken[0].destination == "both":
            storage.deliveries.confirmed(ids, now)
        else:
            storage.deliveries.retry_later(ids, "sender", "no answer", now + timedelta(hours=1))
    storage.deliveries.enqueue("untried", [first], None)
    uids = [one.sop_instance_uid for one in (first, second, third)]
    wanted = {"both": "PERSON", "tried": "PERSON"}
    assert storage.withdrawals.destinations_of(uids) == wanted
    assert storage.deliveries.claim_due("sender", 30, now + timedelta(hours=2), 10) == []
