"""What a study is still needed for keeps it, and is named."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert

from inference.retention.assessment import Retention
from inference.retention.service import RetentionRounds
from inference.rules.file import read_rules
from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.db.engine import writing
from storage.retention.legal_holds import LegalHold
from tests.inference.retention.studies import (
    in_days,
    is_here,
    round_in,
    study,
    uid_of,
    why,
    with_rules,
)
from tests.storage.instances import part10

THIRTY_DAYS = "  - {name: all, keep_days: 30}\n"


def delivery(storage: Storage, study_instance_uid: str, destination: str, state: str) -> None:
    instances = storage.index.instances_of(study_instance_uid)
    storage.deliveries.enqueue(destination, instances, None)
    ids = [one.delivery_id for one in storage.deliveries.of_study(study_instance_uid)]
    with writing(storage.engine) as connection:
        connection.execute(
            t.delivery.update().where(t.delivery.c.delivery_id.in_(ids)).values(state=state)
        )


def alert(storage: Storage, study_instance_uid: str) -> None:
    with writing(storage.engine) as connection:
        connection.execute(
            insert(t.alert).values(
                alert_id=str(uuid.uuid4()), study_instance_uid=study_instance_uid,
                finding_id="f", rule="large", state="OPEN", next_repeat_at=utcnow(),
                created_at=utcnow(),
            )
        )  # fmt: skip


def report(storage: Storage, study_instance_uid: str, changed_by: str = "") -> None:
    now = utcnow()
    with writing(storage.engine) as connection:
        connection.execute(
            insert(t.report).values(
                report_id=str(uuid.uuid4()), study_instance_uid=study_instance_uid, state="draft",
                language="en", sections=[], changed_by=changed_by, created_at=now, updated_at=now,
            )
        )  # fmt: skip


def schedule(storage: Storage, study_instance_uid: str) -> None:
    storage.jobs.schedule("brain", "1", study_instance_uid, "2.25.1", study_instance_uid)


def conflict(storage: Storage, study_instance_uid: str) -> None:
    assert study_instance_uid == uid_of("conflict")
    storage.ingest.accept(part10(study="conflict", PatientID="P2"), "stow")


def hold(storage: Storage, study_instance_uid: str) -> None:
    storage.legal_holds.place(LegalHold(study_instance_uid, "Request", "ada", "", utcnow()))


ALWAYS: dict[str, tuple[Callable[[Storage, str], None], str]] = {
    "owed": (lambda s, u: delivery(s, u, "pacs", "PENDING"), "An instance is owed to pacs."),
    "job": (schedule, "A job is not finished."),
    "alert": (alert, "A critical finding is not acknowledged."),
    "edited": (
        lambda s, u: report(s, u, "ada"),
        "Its report is being written, or was not sent yet.",
    ),
    "conflict": (conflict, "A conflict waits for a decision."),
    "on hold": (hold, "It is on legal hold."),
}
WITHOUT_PROOF: dict[str, tuple[Callable[[Storage, str], None], str]] = {
    "sent": (
        lambda s, u: delivery(s, u, "pacs", "SENT"),
        "An instance was sent to pacs, which never proved that it has it.",
    ),
    "draft": (report, "Its report is not signed."),
}


def test_what_is_owed_or_open_keeps_a_study_and_is_named(storage: Storage) -> None:
    cases = ALWAYS | WITHOUT_PROOF
    for name, (owe, _) in cases.items():
        owe(storage, study(storage, name))
    with_rules(storage, THIRTY_DAYS)
    assert round_in(storage, 31).removed == 0
    found = {name: why(storage, uid_of(name)) for name in cases}
    assert found == {name: [reason] for name, (_, reason) in cases.items()}

    with_rules(storage, "  - {name: less, keep_days: 30, results_confirmed: false}\n")
    assert round_in(storage, 31).removed == len(WITHOUT_PROOF)
    assert [is_here(storage, uid_of(name)) for name in WITHOUT_PROOF] == [False, False]
    assert all(is_here(storage, uid_of(name)) for name in ALWAYS)


def test_what_is_owed_to_a_destination_that_was_given_up_keeps_nothing(storage: Storage) -> None:
    owed = study(storage, "owed")
    delivery(storage, owed, "old-pacs", "PENDING")
    with_rules(storage, "  - {name: all, keep_days: 30, given_up: [old-pacs]}\n")
    assert round_in(storage, 31).removed == 1


def test_something_that_comes_up_in_the_last_moment_keeps_the_study(storage: Storage) -> None:
    first = study(storage, "first")
    with_rules(storage, THIRTY_DAYS)
    rules = read_rules(storage.settings.resolved_rules_file).retention
    retention = Retention(storage, rules, in_days(31))
    (assessment,) = retention.assess([first])
    assert assessment.leaves
    still = storage.obligations.check(
        first, assessment.study.updated_at, retention.counts(assessment)
    )
    schedule(storage, first)
    with pytest.raises(StateConflict, match="has changed since"):
        storage.deletions.study(first, still)
    assert is_here(storage, first)


def test_a_study_that_had_to_stay_is_looked_at_again_after_an_hour(storage: Storage) -> None:
    owed = study(storage, "owed")
    delivery(storage, owed, "pacs", "PENDING")
    with_rules(storage, THIRTY_DAYS)
    rounds = RetentionRounds(storage)
    assert rounds.round(in_days(31)).removed == 0
    ids = [one.delivery_id for one in storage.deliveries.of_study(owed)]
    storage.deliveries.confirmed(ids, utcnow())
    assert rounds.round(in_days(31) + timedelta(minutes=30)).removed == 0
    assert rounds.round(in_days(31) + timedelta(minutes=61)).removed == 1
