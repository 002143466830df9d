"""Workitems of another system by DIMSE (UPS Pull), of an SCP of pynetdicom."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dicom_node.peers import PeerFailed, PeerLacksService
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.workitems import WorkitemPerformer
from inference.ups_sources.dimse import DimseUpsSource
from inference.ups_sources.listening import perform_for_others, source_of
from inference.ups_sources.performing import claim_new, report, resume, transaction_of
from inference.ups_sources.source import WorkitemSource
from storage.container import Storage
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from storage.settings import load_settings
from storage.ups.dicom_json import attributes_of, items_of, text_of
from tests.inference.orchestration import complete_series, later, storage_in, wait_for
from tests.inference.small import study_uid
from tests.inference.ups_sources.dimse_manager import AE_TITLE, DimseManager, dimse_manager
from tests.inference.ups_sources.test_performing import PIPELINES, UID, item, perform


@pytest.fixture
def manager() -> Iterator[DimseManager]:
    with dimse_manager() as running:
        running.items = {UID: item(ProcedureStepLabel="Prüfung der Größe")}
        yield running


@contextmanager
def performer(folder: Path, manager: DimseManager) -> Iterator[tuple[Storage, WorkitemSource]]:
    with storage_in(folder, ups_sources="ris=peer:ris", ups_poll_s=0.2) as storage:
        storage.peers.add(KnownPeer("ris", ae_title=AE_TITLE, host="127.0.0.1", port=manager.port))
        complete_series(storage, "a")
        complete_and_schedule(storage, later(60), PIPELINES)
        yield storage, source_of(storage, *storage.settings.ups_sources[0])


def test_an_item_is_claimed_performed_and_completed_with_its_outputs(
    tmp_path: Path, manager: DimseManager
) -> None:
    with performer(tmp_path, manager) as (storage, source):
        assert isinstance(source, DimseUpsSource)
        assert claim_new(storage, source, PIPELINES) == 1
        assert manager.state(UID) == "IN PROGRESS"
        copy = storage.workitems.get(UID)
        assert text_of(copy.attributes, "ProcedureStepLabel") == "Prüfung der Größe"
        assert claim_new(storage, source, PIPELINES) == 0
        assert report(storage, source) == 0, "nothing has changed yet"
        perform(storage)
        assert report(storage, source) == 1
        assert manager.state(UID) == "COMPLETED"
        (performed,) = items_of(
            manager.items[UID], "UnifiedProcedureStepPerformedProcedureSequence"
        )
        outputs = {
            text_of(reference, "ReferencedSOPInstanceUID")
            for output in items_of(performed, "OutputInformationSequence")
            for reference in items_of(output, "ReferencedSOPSequence")
        }
        results = {
            one.sop_instance_uid
            for one in storage.index.instances_of(study_uid("a"))
            if one.source.startswith("result:")
        }
        assert outputs == results != set()
        assert report(storage, source) == 0


def test_what_is_not_for_this_node_is_read_once_and_left_alone(
    tmp_path: Path, manager: DimseManager
) -> None:
    other = item("1.1", code="another-pipeline")
    changed = {"ScheduledProcedureStepModificationDateTime": "20240101120000"}
    manager.items = {"1.1": other | attributes_of(**changed), "1.2": item("1.2", code="other")}
    with performer(tmp_path, manager) as (storage, source):
        for _ in range(3):
            assert claim_new(storage, source, PIPELINES) == 0
        assert manager.read.count("1.1") == 1, "it has not changed since"
        assert manager.read.count("1.2") == 3, "nobody says whether it has"
        manager.items["1.1"] |= item("1.1") | attributes_of(
            ScheduledProcedureStepModificationDateTime="20240101130000"
        )
        assert claim_new(storage, source, PIPELINES) == 1
        assert set(manager.claims) == {"1.1"}


def test_of_a_long_worklist_a_part_is_read_at_a_time(tmp_path: Path, manager: DimseManager) -> None:
    manager.items = {f"1.{number}": item(f"1.{number}", code="other") for number in range(1, 80)}
    with performer(tmp_path, manager) as (_, source):
        assert len(source.search("SCHEDULED")) == 50
        assert len(manager.read) == 50


def test_what_somebody_else_claims_first_is_not_performed(
    tmp_path: Path, manager: DimseManager
) -> None:
    with performer(tmp_path, manager) as (storage, source):
        assert len(source.search("SCHEDULED")) == 1
        manager.claims[UID] = "9.9"
        manager.items[UID] |= attributes_of(ProcedureStepState="IN PROGRESS")
        assert not source.claim(UID, "1.2")
        assert source.is_refused(UID)
        assert resume(storage, source, PIPELINES) == 0, "the claim is another one's"
        assert storage.workitems.find(UID) is None


def test_the_claims_of_two_nodes_are_unlike_each_other(tmp_path: Path) -> None:
    nodes = [load_settings(data_dir=tmp_path / name) for name in ("one", "other")]
    claims = {transaction_of(settings, "ris", UID) for settings in (*nodes, *nodes)}
    assert len(claims) == 2


def test_a_claim_from_before_a_crash_is_taken_over(tmp_path: Path, manager: DimseManager) -> None:
    with performer(tmp_path, manager) as (storage, source):
        assert source.claim(UID, transaction_of(storage.settings, "ris", UID))
        assert resume(storage, source, PIPELINES) == 1
        perform(storage)
        report(storage, source)
        assert manager.state(UID) == "COMPLETED"


def test_a_source_that_took_it_back_ends_the_work(tmp_path: Path, manager: DimseManager) -> None:
    with performer(tmp_path, manager) as (storage, source):
        claim_new(storage, source, PIPELINES)
        WorkitemPerformer(storage, PIPELINES).round(utcnow())
        manager.claims[UID] = "9.9"
        assert report(storage, source) == 0
        assert storage.workitems.get(UID).state == "CANCELED"


def test_the_thread_of_a_worker_polls_it(tmp_path: Path, manager: DimseManager) -> None:
    manager.items = {}
    stopping = threading.Event()
    with performer(tmp_path, manager) as (storage, _):
        running = threading.Thread(
            target=perform_for_others, args=(storage, stopping.is_set, PIPELINES)
        )
        running.start()
        try:
            manager.items[UID] = item()
            wait_for(lambda: manager.state(UID) == "IN PROGRESS", "its claim")
            perform(storage)
            wait_for(lambda: manager.state(UID) == "COMPLETED", "its end")
        finally:
            stopping.set()
            running.join()


def test_a_source_that_does_not_answer_is_named(tmp_path: Path, manager: DimseManager) -> None:
    with performer(tmp_path, manager) as (storage, source):
        manager.status = 0xA700
        with pytest.raises(PeerLacksService, match="0xa700 to a search for workitems"):
            source.search("SCHEDULED")
        storage.peers.remove("ris")
        with pytest.raises(PeerFailed, match="No peer is named ris"):
            source.search("SCHEDULED")
