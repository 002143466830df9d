"""Results reach every destination until it proves that it holds them, however long it is down."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.deliveries.service import deliver_due
from inference.scheduling.schedule import complete_and_schedule, schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Delivery
from storage.outbox.leases import LEASE_S, OWNER_ENDED
from storage.settings import Destination
from tests.inference.orchestration import complete_series, later, storage_in
from tests.inference.small import BrightRegion, study_uid
from tests.services import free_port, orthanc, storescp


@contextmanager
def node(folder: Path, *destinations: Destination, **overrides: Any) -> Iterator[Storage]:
    with storage_in(folder, destinations=destinations, **overrides) as storage:
        yield storage


def with_results(storage: Storage, name: str = "a") -> list[str]:
    """Run a job, so that its SEG and SR are due; their SOP Instance UIDs."""
    (decision,) = schedule_series(storage, complete_series(storage, name), (BrightRegion(),))
    job = run_job(storage, decision.job_id or "", "worker", pipelines=(BrightRegion(),))
    assert job is not None
    return [entry["sop_instance_uid"] for entry in job.result["instances"]]


def deliveries(storage: Storage, name: str = "a") -> list[Delivery]:
    return storage.deliveries.of_study(study_uid(name))


def make_due(storage: Storage) -> None:
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE delivery SET next_attempt_at = '2020-01-01 00:00:00'")
        connection.exec_driver_sql("UPDATE breaker SET open_until = '2020-01-01 00:00:00'")


def test_orthanc_gets_the_results_byte_for_byte_and_proves_it(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs:
        there = Destination("pacs", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, there) as storage:
            uids = with_results(storage)
            assert deliver_due(storage, utcnow(), "sender") == 2
            assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
            for uid in uids:
                ours = storage.instances.read(storage.index.instance(uid))
                theirs = pacs.instance_file(uid)
                # Orthanc writes a file meta of its own; the data set is what was sent.
                assert theirs is not None
                assert theirs[-2000:] == ours[-2000:]
            assert deliver_due(storage, utcnow(), "sender") == 0
            assert len(pacs.get("/instances")) == 2


def test_a_pacs_that_is_down_delays_the_delivery_and_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    there = Destination("pacs", "ORTHANC", "127.0.0.1", port)
    with node(tmp_path, there) as storage:
        with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 0
        waiting = deliveries(storage)
        assert [(one.state, one.attempts) for one in waiting] == [("PENDING", 1)] * 2
        assert all("cannot be reached" in one.last_error for one in waiting)
        assert all(one.next_attempt_at > utcnow() for one in waiting)
        assert storage.deliveries.due_count(utcnow()) == 0
        with orthanc(tmp_path, port=port) as pacs:
            make_due(storage)
            assert deliver_due(storage, utcnow(), "sender") == 2
            assert [(one.state, one.last_error) for one in deliveries(storage)] == [
                ("CONFIRMED", "")
            ] * 2
            assert len(pacs.get("/instances")) == 2


def test_a_peer_without_c_find_leaves_it_at_sent_and_that_is_said(tmp_path: Path) -> None:
    with storescp(tmp_path) as peer:
        there = Destination("archive", peer.ae_title, peer.host, peer.port)
        with node(tmp_path, there) as storage:
            with_results(storage)
            assert deliver_due(storage, utcnow(), "sender") == 2
            assert len(peer.files()) == 2
            for one in deliveries(storage):
                assert one.state == "SENT"
                assert "offers no C-FIND" in one.last_error


def test_one_destination_out_of_reach_holds_up_no_other(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs:
        down = Destination("down", "NOBODY", "127.0.0.1", free_port())
        up = Destination("up", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, down, up) as storage:
            with_results(storage, "a")
            with_results(storage, "b")
            deliver_due(storage, utcnow(), "sender")
            states = {
                (one.destination, one.state)
                for name in ("a", "b")
                for one in deliveries(storage, name)
            }
            assert states == {("down", "PENDING"), ("up", "CONFIRMED")}
            assert len(pacs.get("/instances")) == 4


def test_a_sender_that_died_is_followed_by_another(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs:
        there = Destination("pacs", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, there) as storage:
            with_results(storage)
            storage.deliveries.claim_due("dead", LEASE_S, utcnow(), 10)
            assert deliver_due(storage, utcnow(), "sender") == 0  # still the dead one's
            taken = storage.deliveries.claim_due("third", LEASE_S, later(LEASE_S + 1), 10)
            assert {one.last_error for one in taken} == {OWNER_ENDED}
            assert deliver_due(storage, later(2 * LEASE_S + 2), "sender") == 2
            assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}


def test_a_destination_that_is_not_configured_any_more_is_named(tmp_path: Path) -> None:
    gone = Destination("gone", "GONE", "127.0.0.1", free_port())
    with node(tmp_path, gone) as storage:
        with_results(storage)
    with node(tmp_path) as storage:
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert {one.last_error for one in deliveries(storage)} == {
            "No destination is named gone. Add it by `mediview peers add`,"
            " or name it in MEDIVIEW_DESTINATIONS, and the delivery goes on."
        }


def test_a_result_that_comes_back_is_neither_analysed_nor_sent_again(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs:
        there = Destination("pacs", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, there) as storage:
            uids = with_results(storage)
            deliver_due(storage, utcnow(), "sender")
            for uid in uids:
                back = pacs.instance_file(uid)
                assert back is not None
                assert storage.ingest.accept(back, source="dimse:ORTHANC").outcome == "duplicate"
            complete_and_schedule(storage, later(10), (BrightRegion(),))
            assert storage.jobs.list()[1] == 1
            assert storage.deliveries.due_count(later(3600)) == 0
            assert len(deliveries(storage)) == 2


def test_what_the_node_has_lost_waits_until_it_is_here_again(tmp_path: Path) -> None:
    with orthanc(tmp_path) as pacs:
        there = Destination("pacs", pacs.ae_title, pacs.host, pacs.port)
        with node(tmp_path, there) as storage:
            uids = with_results(storage)
            lost = storage.index.instance(uids[0])
            with storage.engine.begin() as connection:
                connection.exec_driver_sql(
                    "UPDATE instance SET sop_instance_uid = '2.25.1'"
                    f" WHERE sop_instance_uid = '{lost.sop_instance_uid}'"
                )
            deliver_due(storage, utcnow(), "sender")
            states = {one.sop_instance_uid: one.state for one in deliveries(storage)}
            assert states == {uids[0]: "PENDING", uids[1]: "CONFIRMED"}
            with storage.engine.begin() as connection:
                connection.exec_driver_sql(
                    f"UPDATE instance SET sop_instance_uid ="
                    f" '{lost.sop_instance_uid}' WHERE sop_instance_uid = '2.25.1'"
                )
            make_due(storage)
            assert deliver_due(storage, utcnow(), "sender") == 1
            assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
