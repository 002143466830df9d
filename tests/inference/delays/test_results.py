"""Why results are not where people look for them: on their way, on hold, or in no group."""

from dataclasses import replace
from typing import Any

import pytest

from inference.access_groups.service import apply_rules
from inference.delays.entities import Delay
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.deliveries.cancellation import cancel_rejected
from storage.peers.repository import Peers
from tests.inference.delays.delayed import OWNER, Case, asked, assert_named, finished
from tests.inference.orchestration import later
from tests.inference.small import study_uid


def results(node: Storage, name: str, **values: Any) -> list[str]:
    """Results on their way to the PACS; the ids of the deliveries."""
    job = finished(node, name)
    instances = node.index.instances_of(study_uid(name))[:2]
    node.deliveries.enqueue("pacs", instances, job.job_id, **values)
    return [one.delivery_id for one in node.deliveries.of_study(study_uid(name))]


def being_sent(node: Storage, name: str) -> list[str]:
    """Results that a sender has taken; what others of these cases left is done away with."""
    wanted = set(results(node, name))
    while True:
        taken = [one.delivery_id for one in node.deliveries.claim_due(OWNER, 30, utcnow(), 10)]
        if wanted == set(taken):
            return taken
        node.deliveries.confirmed(taken, utcnow())


def nobody_wants_results(node: Storage) -> Delay:
    finished(node, "unwanted")
    nobody = node.settings.model_copy(update={"destinations": ()})
    return asked(replace(node, peers=Peers(node.engine, nobody)), "unwanted")


def the_pacs_is_away(node: Storage) -> Delay:
    results(node, "unreachable")
    node.circuit_breakers.failed("pacs", "Connection refused.", utcnow())
    node.circuit_breakers.open("pacs", later(60))
    try:
        return asked(node, "unreachable")
    finally:
        node.circuit_breakers.answered("pacs", utcnow())


def the_pacs_refuses_it(node: Storage) -> Delay:
    ids = being_sent(node, "refused")
    node.deliveries.retry_later(ids, OWNER, "Out of resources (0xA700).", later(60))
    return asked(node, "refused")


def nobody_has_released_it(node: Storage) -> Delay:
    results(node, "unreleased", state="AWAITING_RELEASE")
    return asked(node, "unreleased", after_s=7300)


def somebody_withheld_it(node: Storage) -> Delay:
    results(node, "withheld", state="WITHHELD")
    return asked(node, "withheld")


def the_pacs_proves_nothing(node: Storage) -> Delay:
    note = "pacs answered success and offers no C-FIND by which it could prove more."
    node.deliveries.sent(being_sent(node, "unproved"), OWNER, utcnow(), note)
    return asked(node, "unproved")


def it_is_being_sent(node: Storage) -> Delay:
    being_sent(node, "on-its-way")
    return asked(node, "on-its-way")


def other_deliveries_are_due(node: Storage) -> Delay:
    results(node, "delivery-queued")
    return asked(node, "delivery-queued")


def the_destination_was_removed(node: Storage) -> Delay:
    results(node, "homeless")
    others = node.settings.model_copy(update={"destinations": ()})
    return asked(replace(node, peers=Peers(node.engine, others)), "homeless")


def its_instances_were_rejected(node: Storage) -> Delay:
    results(node, "rejected")
    uids = [one.sop_instance_uid for one in node.deliveries.of_study(study_uid("rejected"))]
    with writing(node.engine) as connection:
        cancel_rejected(connection, uids, utcnow())
    return asked(node, "rejected")


def no_group_matches(node: Storage) -> Delay:
    node.deliveries.confirmed(being_sent(node, "groupless"), utcnow())
    node.access_groups.give_unmatched_to("administrators")
    while node.access_groups.progress().waiting:
        apply_rules(node, utcnow())
    node.access_groups.enforce(True)
    try:
        return asked(node, "groupless")
    finally:
        node.access_groups.enforce(False)


def a_note_takes_no_effect(node: Storage) -> Delay:
    uids = being_sent(node, "ignored")
    node.deliveries.confirmed(uids, utcnow())
    (note, *_) = node.index.instances_of(study_uid("ignored"))
    node.rejection_notes.ignore(note, "113001", utcnow())
    return asked(node, "ignored")


def everything_is_done(node: Storage) -> Delay:
    node.deliveries.confirmed(being_sent(node, "done"), utcnow())
    return asked(node, "done")


DELAYS: tuple[Case, ...] = (
    (nobody_wants_results, "no_destination", "no destination is configured"),
    (the_pacs_is_away, "destination_unreachable", "(Connection refused); the next call is at"),
    (the_pacs_refuses_it, "destination_refuses", "(Out of resources (0xA700)); the next is at"),
    (nobody_has_released_it, "awaiting_release", "2 hours for a person to release them to pacs"),
    (somebody_withheld_it, "withheld", "A person has withheld"),
    (the_pacs_proves_nothing, "proof_awaited", "(pacs answered success and offers no C-FIND"),
    (it_is_being_sent, "sending", "The results are being sent to pacs"),
    (other_deliveries_are_due, "delivery_queued", "to be sent to pacs"),
    (the_destination_was_removed, "destination_removed", "no longer a destination"),
    (its_instances_were_rejected, "not_sent", "2 deliveries to pacs ended (A rejection note took"),
    (no_group_matches, "in_no_group", "administrators alone see it"),
    (a_note_takes_no_effect, "rejection_ignored", "its sender (dimse:TEST) may not reject images"),
    (everything_is_done, "nothing", "the results are confirmed by pacs"),
)


@pytest.mark.parametrize("case", DELAYS, ids=[one[0].__name__ for one in DELAYS])
def test_a_delay_is_named_in_one_sentence(node: Storage, case: Case) -> None:
    assert_named(node, case)
