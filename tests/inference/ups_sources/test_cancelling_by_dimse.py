"""A worklist that is served by DIMSE asks for the cancellation of what this node claimed there."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import AE, evt
from pynetdicom.sop_class import UnifiedProcedureStepPull

from dicom_node.server.scp import start_scp
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.workitems import WorkitemPerformer
from inference.ups_sources import dimse
from inference.ups_sources.listening import source_of
from inference.ups_sources.performing import claim_new, report
from inference.ups_sources.source import WorkitemSource
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import ENDED_STATES
from storage.peers.entities import KnownPeer
from storage.ups.dicom_json import items_of, text_of
from storage.ups.refusals import WorkitemRefused
from storage.ups.requests import request_cancel
from storage.ups.subscriptions import WORKLIST_UID
from tests.inference.orchestration import complete_series, later, storage_in
from tests.inference.small import study_uid
from tests.inference.ups_sources.dimse_manager import AE_TITLE, DimseManager, dimse_manager
from tests.inference.ups_sources.test_performing import PIPELINES, UID, item

STATE_REPORT, CANCEL_REQUESTED, PROGRESS = 1, 2, 3
STAGES = ["loading", "assembling", "running", "encoding", "storing"]


@dataclass(frozen=True)
class Performer:
    storage: Storage
    source: WorkitemSource
    port: int
    """Of its SCP."""

    def round(self) -> None:
        WorkitemPerformer(self.storage, PIPELINES).round(utcnow())

    def results(self) -> set[str]:
        return {
            one.sop_instance_uid
            for one in self.storage.index.instances_of(study_uid("a"))
            if one.source.startswith("result:")
        }


@contextmanager
def performer(folder: Path, manager: DimseManager) -> Iterator[Performer]:
    with storage_in(folder, ups_sources="ris=peer:ris", dicom_port=0) as storage:
        storage.peers.add(
            KnownPeer("ris", ae_title=AE_TITLE, host="127.0.0.1", port=manager.port, may=())
        )
        storage.peers.add(KnownPeer("ward", ae_title="WARD", host="127.0.0.1", port=1))
        complete_series(storage, "a")
        complete_and_schedule(storage, later(60), PIPELINES)
        scp = start_scp(storage)
        try:
            yield Performer(storage, source_of(storage, *storage.settings.ups_sources[0]), scp.port)
        finally:
            scp.shutdown(grace_s=1.0)


@pytest.fixture
def manager() -> Iterator[DimseManager]:
    with dimse_manager() as running:
        running.items = {UID: item()}
        yield running


@pytest.fixture
def node(tmp_path: Path, manager: DimseManager) -> Iterator[Performer]:
    with performer(tmp_path, manager) as running:
        yield running


def test_a_claimed_item_is_cancelled_on_request_with_the_reason_and_stores_nothing(
    node: Performer, manager: DimseManager
) -> None:
    assert node.source.subscribe("MEDIVIEW")
    assert manager.subscribers == [(WORKLIST_UID, "MEDIVIEW")]
    claim_new(node.storage, node.source, PIPELINES)
    node.round()
    asked = manager.report(
        node.port,
        UID,
        CANCEL_REQUESTED,
        RequestingAE="WARD",
        ReasonForCancellation="Falscher Patient: Müller",
        ContactDisplayName="Dr. Jäger",
    )
    assert asked == 0x0000
    for job in node.storage.jobs.due(utcnow(), 10):
        run_job(node.storage, job.job_id, "tests", pipelines=PIPELINES)
    report(node.storage, node.source)
    assert manager.state(UID) == "CANCELED"
    (progress,) = items_of(manager.items[UID], "ProcedureStepProgressInformationSequence")
    assert text_of(progress, "ReasonForCancellation") == "Falscher Patient: Müller"
    (contact,) = items_of(progress, "ProcedureStepCommunicationsURISequence")
    assert text_of(contact, "ContactDisplayName") == "Dr. Jäger"
    assert node.results() == set()
    assert {one.state for one in node.storage.jobs.list(study_uid("a"))[0]} == {"CANCELED"}
    assert manager.report(node.port, UID, CANCEL_REQUESTED) == 0x0000, "a second request"
    assert node.storage.workitems.get(UID).state == "CANCELED"


def test_work_that_is_done_goes_on_to_its_end_and_a_request_says_so(
    node: Performer, manager: DimseManager
) -> None:
    claim_new(node.storage, node.source, PIPELINES)
    node.round()
    for job in node.storage.jobs.due(utcnow(), 10):
        run_job(node.storage, job.job_id, "tests", pipelines=PIPELINES)
    assert node.storage.workitems.get(UID).state == "IN PROGRESS", "nobody has looked at it yet"
    with pytest.raises(WorkitemRefused, match="becomes COMPLETED") as refused:
        request_cancel(node.storage, UID, "WARD", {})
    assert refused.value.complaint == "Performer chooses not to cancel."
    assert manager.report(node.port, UID, CANCEL_REQUESTED) == 0x0000
    node.round()
    report(node.storage, node.source)
    assert manager.state(UID) == "COMPLETED"
    assert node.results() != set()


def test_nobody_but_the_worklist_itself_has_an_item_cancelled(
    node: Performer, manager: DimseManager
) -> None:
    claim_new(node.storage, node.source, PIPELINES)
    node.round()
    assert manager.report(node.port, UID, CANCEL_REQUESTED, ae_title="WARD") == 0x0124
    assert manager.report(node.port, "1.2.3", CANCEL_REQUESTED) == 0x0000, "it is another one's"
    assert manager.report(node.port, UID, STATE_REPORT, ProcedureStepState="CANCELED") == 0x0000
    assert manager.report(node.port, UID, 9) == 0x0113
    assert node.storage.workitems.get(UID).state == "IN PROGRESS"


def test_a_worklist_without_events_is_polled_alone(node: Performer, manager: DimseManager) -> None:
    manager.subscription_status = 0xC308
    assert not node.source.subscribe("MEDIVIEW")
    assert claim_new(node.storage, node.source, PIPELINES) == 1
    ae = AE(AE_TITLE)
    ae.add_supported_context(UnifiedProcedureStepPull)
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, manager.find)]
    )
    assert server is not None
    try:
        node.storage.peers.remove("ris")
        port = server.socket.getsockname()[1]
        node.storage.peers.add(KnownPeer("ris", ae_title=AE_TITLE, host="127.0.0.1", port=port))
        assert not node.source.subscribe("MEDIVIEW"), "it has no UPS Watch"
    finally:
        server.shutdown()


def test_a_subscription_is_renewed_in_time(
    node: Performer, manager: DimseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.source.subscribe("MEDIVIEW")
    node.source.search("SCHEDULED")
    assert len(manager.subscribers) == 1
    monkeypatch.setattr(dimse, "_SUBSCRIBED_S", 0.0)
    node.source.search("SCHEDULED")
    assert len(manager.subscribers) == 2


OPERATIONS = st.lists(
    st.sampled_from(["claim", "round", "run", "cancel", "report", *STAGES]), min_size=3, max_size=9
)


@settings(max_examples=8)
@given(OPERATIONS)
def test_whatever_comes_first_a_final_state_stays_and_a_cancelled_item_has_no_result(
    operations: list[str],
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        dimse_manager() as manager,
        performer(Path(folder), manager) as node,
    ):
        manager.items = {UID: item()}
        ended: dict[str, str] = {}
        for operation in ["claim", "round", *operations, "round", "run", "round", "report"]:
            act(node, manager, operation)
            copy = node.storage.workitems.find(UID)
            states = {"there": manager.state(UID), "here": copy.state if copy else ""}
            assert ended.items() <= states.items(), f"after {operation}"
            ended |= {where: state for where, state in states.items() if state in ENDED_STATES}
        assert set(ended) == {"there", "here"}
        assert len(set(ended.values())) == 1
        assert bool(node.results()) == (ended["here"] == "COMPLETED")


def act(node: Performer, manager: DimseManager, operation: str) -> None:
    if operation == "claim":
        claim_new(node.storage, node.source, PIPELINES)
    elif operation == "round":
        node.round()
    elif operation == "report":
        report(node.storage, node.source)
    elif operation == "cancel":
        assert manager.report(node.port, UID, CANCEL_REQUESTED) == 0x0000
    for job in node.storage.jobs.due(utcnow(), 10) if operation in ("run", *STAGES) else ():
        asked: list[str] = []

        def cancel_at_stage(job_id: str = job.job_id, asked: list[str] = asked) -> bool:
            if node.storage.jobs.get(job_id).stage == operation and not asked:
                asked.append(operation)
                assert manager.report(node.port, UID, CANCEL_REQUESTED) == 0x0000
            return False

        run_job(node.storage, job.job_id, "tests", pipelines=PIPELINES, stopping=cancel_at_stage)
