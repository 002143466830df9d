"""What is refused again and again, or changes nothing, takes a bounded number of rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from storage.audit import MINOR_FAILURE, Actor, AuditEvent, AuditRecord, Code, Type
from storage.audit.query import AuditFilter, all_events
from storage.audit.refusals import (
    MOST_OF_ONE,
    MOST_OF_STRANGERS,
    MOST_SUMMARIES_OF_STRANGERS,
)
from storage.container import Storage
from storage.core.clock import utcnow

# Of a minute that nobody else counts in; the clock of the machine may turn to the next one.
MINUTE = utcnow().replace(second=7, microsecond=0)


def refusal(actor: Actor, at: datetime = MINUTE, **detail: object) -> AuditEvent:
    return AuditEvent(
        Code.SECURITY_ALERT,
        "E",
        actor,
        outcome=MINOR_FAILURE,
        type=Type.USE_OF_RESTRICTED_FUNCTION,
        study_instance_uids=("1.2.840.99.7",),
        detail=detail,
        at=at,
    )


def stranger(number: int, address: str = "192.0.2.7") -> Actor:
    return Actor("peer", f"SCANNER{number}", address)


def rows(storage: Storage) -> Sequence[AuditRecord]:
    storage.audit.flush()
    return list(all_events(storage.engine, AuditFilter()))


def test_a_stranger_under_five_thousand_titles_fills_no_trail(storage: Storage) -> None:
    for number in range(5000):
        storage.audit.without_effect(refusal(stranger(number), reason="C-FIND is not allowed"))
    found = rows(storage)
    assert len(found) == MOST_OF_ONE + 1
    assert sum(one.occurrences for one in found) == 5000, "each is counted"
    (summary,) = (one for one in found if one.occurrences > 1)
    assert (summary.actor_name, summary.actor_address) == ("", "192.0.2.7")
    assert summary.detail["reason"] == "C-FIND is not allowed"
    assert "further" in summary.detail["summary"]
    assert summary.study_instance_uids == ()
    assert {one.actor_name for one in found} > {f"SCANNER{n}" for n in range(MOST_OF_ONE)}


def test_strangers_of_many_networks_share_what_is_left(storage: Storage) -> None:
    for number in range(3000):
        address = f"2001:db8:{number:x}::{number:x}"
        storage.audit.without_effect(refusal(stranger(0, address), reason="TLS: no certificate"))
    found = rows(storage)
    assert len(found) <= MOST_OF_STRANGERS + MOST_SUMMARIES_OF_STRANGERS + 1
    assert sum(one.occurrences for one in found) == 3000


def test_a_network_of_ipv6_is_one_stranger(storage: Storage) -> None:
    for number in range(300):
        storage.audit.without_effect(refusal(stranger(0, f"2001:db8::{number:x}")))
    found = rows(storage)
    assert len(found) == MOST_OF_ONE + 1
    assert max(found, key=lambda one: one.occurrences).actor_address == "2001:db8::/64"


def test_a_flood_of_strangers_takes_no_row_from_a_person(storage: Storage) -> None:
    ann = Actor("account", "ann", "192.0.2.7", "account:3f2a")
    for number in range(2000):
        storage.audit.without_effect(refusal(stranger(number)))
    for number in range(MOST_OF_ONE):
        storage.audit.without_effect(refusal(ann, study=f"1.2.{number}"))
    assert len([one for one in rows(storage) if one.actor_name == "ann"]) == MOST_OF_ONE


def test_a_person_stays_named_with_the_route_however_often_it_is_refused(
    storage: Storage,
) -> None:
    ann = Actor("account", "ann", "192.0.2.7", "account:3f2a")
    for number in range(900):
        storage.audit.without_effect(
            refusal(
                ann, route="GET /studies/{}", status=404, study=f"1.2.{number}", reason="\u202e"
            )
        )
    found = rows(storage)
    assert len(found) == MOST_OF_ONE + 1
    summary = max(found, key=lambda one: one.occurrences)
    assert (summary.actor_name, summary.actor_id) == ("ann", "account:3f2a")
    assert summary.detail["route"] == "GET /studies/{}"
    assert (summary.detail["status"], summary.occurrences) == (404, 900 - MOST_OF_ONE)
    assert "reason" not in summary.detail, "its words could be other ones each time"


def test_the_next_minute_has_rows_of_its_own(storage: Storage) -> None:
    for later in (timedelta(), timedelta(minutes=1)):
        for number in range(200):
            storage.audit.without_effect(refusal(stranger(number), at=MINUTE + later))
    assert len(rows(storage)) == 2 * (MOST_OF_ONE + 1)


def test_patients_of_whom_nothing_new_was_stated_are_each_found(storage: Storage) -> None:
    for patient_id in ("P-1", "P-2"):
        storage.audit.without_effect(
            AuditEvent(
                Code.PATIENT_RECORD,
                "U",
                Actor("peer", "RIS", "192.0.2.9"),
                patient_ids=(patient_id,),
                detail={"outcome": "nothing new"},
                at=MINUTE,
            )
        )
    assert {one.patient_ids for one in rows(storage)} == {("P-1",), ("P-2",)}
