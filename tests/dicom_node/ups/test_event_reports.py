"""Subscribers get N-EVENT-REPORTs of workitems (PS3.4 CC.2.3, CC.2.4), by pynetdicom as SCU."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from dicom_node.server.scp import start_scp
from dicom_node.ups.reporter import WorkitemReporter
from storage import tables as t
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.db.engine import reading
from storage.peers.entities import KnownPeer
from tests.api.ups.worklist_client import new_item
from tests.dicom_node.conftest import Node, node_settings
from tests.dicom_node.ups.workitems import (
    CANCEL,
    FILTERED,
    QUERY,
    SUSPEND,
    UNSUBSCRIBE,
    WATCH,
    WORKLIST,
    client,
    listener,
    named,
    step,
)
from tests.patience import PATIENCE_S
from tests.postgres import PostgresServer

STATE, CANCEL_REQUESTED, PROGRESS, STATUS, ASSIGNED = 1, 2, 3, 4, 5
MINE = "2.25.5"


def test_a_subscriber_follows_one_step_to_its_end(node: Node) -> None:
    with client(node) as ris, listener(node, "WATCHER") as watcher:
        _, uid = ris.create(step())
        _, other = ris.create(step())
        assert ris.subscribe(uid, "WATCHER") == 0x0000
        assert watcher.next_state() == (uid, STATE, "SCHEDULED")
        ris.change(other, "IN PROGRESS", MINE)
        ris.change(uid, "IN PROGRESS", MINE)
        assert watcher.next_state() == (uid, STATE, "IN PROGRESS")
        progress = named(ProcedureStepProgress="40")
        ris.set(
            uid, named(TransactionUID=MINE, ProcedureStepProgressInformationSequence=[progress])
        )
        _, event_type, report = watcher.next()
        assert event_type == PROGRESS
        assert report.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress == 40
        # Somebody listens, and so the performer may hear of it.
        assert ris.act(CANCEL, uid, named(ReasonForCancellation="Late."), WATCH) == 0x0000
        _, event_type, report = watcher.next()
        assert event_type == CANCEL_REQUESTED
        assert (report.RequestingAE, report.ReasonForCancellation) == ("RIS", "Late.")
        assert ris.act(UNSUBSCRIBE, uid, named(ReceivingAE="WATCHER"), WATCH) == 0x0000
        # It listens to nothing any more, which is no failure.
        assert ris.act(UNSUBSCRIBE, uid, named(ReceivingAE="WATCHER"), WATCH) == 0x0000
        ris.set(uid, named(TransactionUID=MINE, InputReadinessState="UNAVAILABLE"))
        assert ris.subscribe(other, "WATCHER") == 0x0000
        assert watcher.next_state() == (other, STATE, "IN PROGRESS"), "and nothing in between"


def test_a_global_subscription_is_of_all_and_of_those_of_a_filter(node: Node) -> None:
    with client(node) as ris, listener(node, "GLOBAL") as watcher:
        _, old = ris.create(step())
        assert ris.subscribe(FILTERED, "GLOBAL") == 0x0120, "without a key"
        assert ris.subscribe(FILTERED, "GLOBAL", PatientID="G-1") == 0x0000
        ris.create(step(PatientID="G-2"))
        _, mine = ris.create(step(PatientID="G-1"))
        assert watcher.next_state() == (mine, STATE, "SCHEDULED")
        assert ris.subscribe(WORKLIST, "GLOBAL", lock="TRUE") == 0x0000
        present = {watcher.next_state() for _ in range(len(ris.find(QUERY, SOPInstanceUID="")))}
        assert (old, STATE, "SCHEDULED") in present
        assert ris.act(SUSPEND, WORKLIST, named(ReceivingAE="GLOBAL"), WATCH) == 0x0000
        assert ris.act(SUSPEND, FILTERED, named(ReceivingAE="GLOBAL"), WATCH) == 0x0000
        ris.create(step(PatientID="G-1"))
        ris.change(old, "IN PROGRESS", MINE)
        assert watcher.next_state() == (old, STATE, "IN PROGRESS"), "nothing of new ones"


def test_what_a_subscription_cannot_be(node: Node) -> None:
    node.storage.peers.add(KnownPeer("mute", ae_title="MUTE"))
    with client(node) as ris:
        _, uid = ris.create(step())
        assert ris.subscribe(uid, "NOBODY") == 0xC308
        assert ris.subscribe(uid, "MUTE") == 0xC308, "it has no address"
        assert ris.subscribe("1.2.3", "NOBODY") == 0xC307
        assert ris.act(SUSPEND, uid, named(ReceivingAE="NOBODY"), WATCH) == 0xC314
        assert ris.subscribe(uid, "") == 0x0120
        with listener(node, "STRICT"):
            assert ris.subscribe(uid, "STRICT", lock="MAYBE") == 0x0106
            assert ris.subscribe(uid, "STRICT", lock="") == 0x0120


def test_who_was_out_of_reach_hears_of_it_later_and_in_order(node: Node) -> None:
    with client(node) as ris:
        with listener(node, "AWAY", forget=False) as watcher:
            _, uid = ris.create(step())
            ris.subscribe(uid, "AWAY")
            watcher.next()
            port = watcher.port
        # Nobody listens there now.
        ris.change(uid, "IN PROGRESS", MINE)
        wait_for_failure(node)
        ris.set(uid, named(TransactionUID=MINE, InputReadinessState="INCOMPLETE"))
        with listener(node, "AWAY", port=port) as watcher:
            # As if the pause were over.
            WorkitemReporter(node.storage).tell_due(utcnow() + timedelta(hours=2))
            assert watcher.next_state() == (uid, STATE, "IN PROGRESS")
            _, _, report = watcher.next()
            assert report.InputReadinessState == "INCOMPLETE"
            # One that refuses has answered, and nothing is said again.
            watcher.status = 0x0110
            ris.set(uid, named(TransactionUID=MINE, InputReadinessState="READY"))
            assert watcher.next_state() == (uid, STATE, "IN PROGRESS")
            watcher.status = 0x0000
            ris.set(uid, named(TransactionUID=MINE, InputReadinessState="UNAVAILABLE"))
            _, _, report = watcher.next()
            assert report.InputReadinessState == "UNAVAILABLE"


def wait_for_failure(node: Node) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with reading(node.storage.engine) as connection:
            errors = select(t.subscriber.c.last_error).where(t.subscriber.c.ae_title == "AWAY")
            if connection.execute(errors).scalar():
                return
        time.sleep(0.05)
    raise AssertionError("nothing was tried")


def test_subscribers_hear_that_the_node_ends_and_begins(node: Node) -> None:
    with (
        client(node) as ris,
        listener(node, "KEEN") as keen,
        listener(node, "PICKY") as picky,
        listener(node, "DEAF") as deaf,
    ):
        _, uid = ris.create(step())
        assert ris.subscribe(uid, "KEEN") == 0x0000
        keen.next()
        assert ris.subscribe(FILTERED, "PICKY", PatientID="nobody") == 0x0000
        for status in ("GOING DOWN", "RESTARTED"):
            begun = time.monotonic()
            node.scp.announce(status)  # type: ignore[arg-type]
            assert time.monotonic() - begun < 10
            for subscriber in (keen, picky):
                about, event_type, report = subscriber.next()
                assert (about, event_type, report.SCPStatus) == (WORKLIST, STATUS, status)
                assert report.SubscriptionListStatus == "WARM START"
                assert report.UnifiedProcedureStepListStatus == "WARM START"
        assert deaf.reports.empty()


def test_a_filter_has_an_end(node: Node) -> None:
    with client(node) as ris, listener(node, "LONG"):
        assert ris.subscribe(FILTERED, "LONG", ReasonForCancellation="x" * 7000) == 0x0000
        assert ris.subscribe(FILTERED, "LONG", ReasonForCancellation="x" * 9000) == 0x0106
        (subscription,) = node.storage.subscriptions.of("LONG")
        assert len("".join(subscription.filter.values())) == 7000


@pytest.mark.slow
def test_reports_go_out_from_postgresql(postgres_server: PostgresServer, tmp_path: Path) -> None:
    settings = node_settings(tmp_path, database_url=postgres_server.migrated_database())
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            other = Node(storage, scp)
            test_a_subscriber_follows_one_step_to_its_end(other)
            test_a_global_subscription_is_of_all_and_of_those_of_a_filter(other)
            test_who_was_out_of_reach_hears_of_it_later_and_in_order(other)
            test_subscribers_hear_that_the_node_ends_and_begins(other)
            test_a_filter_has_an_end(other)
        finally:
            scp.shutdown(grace_s=1.0)


def test_items_of_ups_rs_are_reported_alike(node: Node) -> None:
    with client(node) as ris, listener(node, "EVERY") as watcher:
        assert ris.subscribe(WORKLIST, "EVERY") == 0x0000
        uid = node.storage.workitems.create("", new_item())[0].sop_instance_uid
        assert watcher.next_state() == (uid, STATE, "SCHEDULED")
