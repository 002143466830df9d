"""Why images that a rule or a person sends on are not there yet."""

from typing import Any

import pytest

from inference.delays.entities import Delay
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.core.clock import utcnow
from storage.deliveries.listing import DeliveryFilter, list_deliveries
from storage.peers.entities import KnownPeer
from tests.inference.delays.delayed import BRIGHT, OWNER, Case, asked, assert_named, finished
from tests.inference.orchestration import later, receive
from tests.inference.small import changed, mr_series, study_uid


@pytest.fixture(autouse=True, scope="module")
def _archive(node: Storage) -> None:
    node.peers.add(KnownPeer("archive", ae_title="ARCHIVE", host="127.0.0.1", port=9))


def sent_on(node: Storage, name: str, to: str = "archive", **more: Any) -> list[str]:
    """A study whose results the PACS has, and of whose images a rule wants two elsewhere."""
    done(node, name)
    return wanted(node, name, to, **more)


def done(node: Storage, name: str) -> None:
    """A study whose results the PACS has."""
    job = finished(node, name)
    node.deliveries.enqueue("pacs", node.index.instances_of(study_uid(name))[:1], job.job_id)
    results = [one.delivery_id for one in node.deliveries.of_study(study_uid(name))]
    node.deliveries.confirmed(results, utcnow())


def wanted(node: Storage, name: str, to: str = "archive", **more: Any) -> list[str]:
    instances = node.index.instances_of(study_uid(name))[:2]
    node.deliveries.enqueue(to, instances, None, cause="RULE", rule="all of it", **more)
    wanted = DeliveryFilter(study_instance_uid=study_uid(name), destination=to)
    return [one.delivery_id for one in list_deliveries(node.engine, wanted, 100, 0)[0]]


def no_peer_has_the_name(node: Storage) -> Delay:
    sent_on(node, "nowhere", "misspelt")
    return asked(node, "nowhere")


def the_archive_is_away(node: Storage) -> Delay:
    sent_on(node, "away")
    node.circuit_breakers.failed("archive", "Connection refused.", utcnow())
    node.circuit_breakers.open("archive", later(60))
    try:
        return asked(node, "away")
    finally:
        node.circuit_breakers.answered("archive", utcnow())


def the_archive_does_not_take_them(node: Storage) -> Delay:
    taken = taken_by_sender(node, "busy")
    node.deliveries.retry_later(taken, OWNER, "Out of resources (0xA700).", later(90))
    return asked(node, "busy")


def the_archive_refuses_them(node: Storage) -> Delay:
    taken = taken_by_sender(node, "refused")
    node.deliveries.refused(taken, OWNER, "SOP class not supported (0x0122).")
    return asked(node, "refused")


def the_night_is_waited_for(node: Storage) -> Delay:
    sent_on(node, "night", waits_until=later(3600))
    return asked(node, "night")


def they_wait_in_line(node: Storage) -> Delay:
    sent_on(node, "queued")
    return asked(node, "queued")


def taken_by_sender(node: Storage, name: str) -> list[str]:
    mine = set(sent_on(node, name))
    while True:
        taken = [one.delivery_id for one in node.deliveries.claim_due(OWNER, 30, utcnow(), 50)]
        if mine <= set(taken):
            return [one for one in taken if one in mine]
        node.deliveries.confirmed(taken, utcnow())


@pytest.mark.parametrize(
    "case",
    [
        (no_peer_has_the_name, "destination_removed", "2 received instances wait for misspelt"),
        (the_archive_is_away, "destination_unreachable", "(Connection refused); the next call"),
        (
            the_archive_does_not_take_them,
            "destination_refuses",
            "take 2 of them (Out of resources (0xA700)); the",
        ),
        (
            the_archive_refuses_them,
            "destination_refuses",
            "archive, which did not take 2 of them",
        ),
        (the_night_is_waited_for, "delivery_queued", "until the hours of the rule begin, at"),
        (they_wait_in_line, "delivery_queued", "wait to be sent to archive"),
    ],
)
def test_images_that_are_not_there_yet_are_explained(node: Storage, case: Case) -> None:
    assert_named(node, case)


def test_beside_results_that_never_come_and_not_while_results_are_awaited(node: Storage) -> None:
    receive(node, [changed(one, Modality="CT") for one in mr_series("both", 2)])
    complete_and_schedule(node, later(10), (BRIGHT,))
    wanted(node, "both", "misspelt")
    found = asked(node, "both")
    assert found.cause == "destination_removed", "monitors go by the cause"
    assert "wait for misspelt, and no peer has this name: add it. bright-region" in found.sentence
    assert "did not run: Modality is CT" in found.sentence
    finished(node, "results")
    instances = node.index.instances_of(study_uid("results"))[:1]
    node.deliveries.enqueue("pacs", instances, None)
    wanted(node, "results", "misspelt")
    assert asked(node, "results").cause == "delivery_queued", "results come first"


def test_hours_are_waited_for_though_the_archive_is_away(node: Storage) -> None:
    sent_on(node, "hours", waits_until=later(3600))
    node.circuit_breakers.failed("archive", "Connection refused.", utcnow())
    node.circuit_breakers.open("archive", later(60))
    try:
        before, within = asked(node, "hours"), asked(node, "hours", after_s=4000)
    finally:
        node.circuit_breakers.answered("archive", utcnow())
    assert before.cause == "delivery_queued"
    assert "until the hours of the rule begin, at" in before.sentence
    assert "it has been out of reach for" in before.sentence
    assert before.expected_at is not None
    assert before.expected_at > later(3000)
    assert within.cause == "destination_unreachable"


def test_a_rule_for_whole_studies_is_named_before_it_is_asked(node: Storage) -> None:
    done(node, "whole")
    (series,) = node.index.series_of(study_uid("whole"))
    file = node.settings.resolved_rules_file
    file.write_text("version: 1\nrouting:\n  - {name: all, to: archive, send: study}\n")
    try:
        node.routing.looked_at([series], later(60))
        before, due = asked(node, "whole"), asked(node, "whole", after_s=61)
        node.routing.study_looked_at(study_uid("whole"), later(60))
        after = asked(node, "whole")
    finally:
        file.unlink()
    sentence = "if nothing more comes, the rule 'all' (to archive), which sends whole studies, is"
    assert sentence in before.sentence
    assert before.expected_at is not None
    assert before.expected_at > later(50)
    assert due.sentence.startswith("Next, the rule 'all' (to archive)")
    assert after.sentence == "Nothing: the results are confirmed by pacs."


def test_what_was_sent_on_is_waited_for_no_more(node: Storage) -> None:
    taken = taken_by_sender(node, "there")
    node.deliveries.confirmed(taken, utcnow())
    assert asked(node, "there").sentence == "Nothing: the results are confirmed by pacs."
