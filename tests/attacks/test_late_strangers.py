"""A made-up AE title takes no results out of use: it adds no slice to a series that has them."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE

from dicom_node.server.scp import Scp, start_scp
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.sources import of_result
from storage.peers.entities import KnownPeer
from tests.inference.orchestration import later, storage_in
from tests.inference.small import BrightRegion, mr_series, mr_slice, study_uid

NOT_AUTHORIZED = 0x0124
STUDY = study_uid("head")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[Storage, Scp]]:
    """As it is installed: who is not known may store, and nothing else."""
    with storage_in(tmp_path, dicom_port=0, complete_after_s=1.0) as storage:
        scp = start_scp(storage)
        try:
            yield storage, scp
        finally:
            scp.shutdown(grace_s=1.0)


def send(scp: Scp, calling: str, files: Sequence[bytes]) -> list[int]:
    ae = AE(calling)
    datasets = [pydicom.dcmread(BytesIO(one)) for one in files]
    for dataset in datasets:
        ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", scp.port)
    assert association.is_established
    try:
        return [association.send_c_store(dataset).Status for dataset in datasets]
    finally:
        association.release()


def know(storage: Storage, ae_title: str) -> None:
    peer = KnownPeer(ae_title.lower(), ae_title=ae_title, host="192.0.2.1", port=104)
    storage.peers.add(peer)


def analysed(storage: Storage) -> Job:
    (decision,) = complete_and_schedule(storage, later(10), [BrightRegion()])
    job = run_job(storage, decision.job_id or "", "worker", pipelines=[BrightRegion()])
    assert job is not None
    assert job.status == "COMPLETED", job.reason
    return job


def status_after(storage: Storage, job: Job) -> str:
    withdraw_outdated(storage, utcnow())
    return storage.jobs.get(job.job_id).status


def test_a_slice_of_a_stranger_takes_no_results_out_of_use(node: tuple[Storage, Scp]) -> None:
    storage, scp = node
    know(storage, "MR1")
    *slices, late = mr_series("head", 9)
    assert set(send(scp, "MR1", slices)) == {0}
    job = analysed(storage)
    assert send(scp, "STRANGER", [late, slices[0]]) == [NOT_AUTHORIZED, 0], "and sends it again"
    assert status_after(storage, job) == "COMPLETED"
    results = [
        one for one in storage.index.instances_of(STUDY) if one.source == of_result(job.job_id)
    ]
    assert results
    assert not any(one.source.startswith("rejection:") for one in storage.index.instances_of(STUDY))
    # Who made the series is known: what comes late from there revises the results, as ever.
    assert send(scp, "MR1", [late]) == [0]
    assert status_after(storage, job) == "SUPERSEDED"


def test_a_slice_that_is_streamed_to_disk_is_none_either(node: tuple[Storage, Scp]) -> None:
    storage, scp = node
    know(storage, "MR1")
    send(scp, "MR1", mr_series("head", 8))
    job = analysed(storage)
    late = mr_slice("head", 9, rows=2560, columns=2560)
    assert len(late) > 12 << 20
    assert send(scp, "STRANGER", [late]) == [NOT_AUTHORIZED]
    assert status_after(storage, job) == "COMPLETED"
    assert len([one for one in storage.index.instances_of(STUDY) if one.source == "dimse:MR1"]) == 8
    assert not any("STRANGER" in one.source for one in storage.index.instances_of(STUDY))


def test_a_second_sender_adds_slices_once_it_is_known(node: tuple[Storage, Scp]) -> None:
    storage, scp = node
    know(storage, "MR1")
    *slices, late = mr_series("head", 9)
    send(scp, "MR1", slices)
    job = analysed(storage)
    assert send(scp, "ROUTER", [late]) == [NOT_AUTHORIZED]
    know(storage, "ROUTER")
    assert send(scp, "ROUTER", [late]) == [0]
    assert status_after(storage, job) == "SUPERSEDED"


def test_strangers_add_to_what_has_no_results_and_to_what_strangers_sent(
    node: tuple[Storage, Scp],
) -> None:
    """A site that has entered no peers receives as before."""
    storage, scp = node
    first, *others, late = mr_series("head", 9)
    assert send(scp, "MR1", [first]) == [0]
    know(storage, "MR1")
    assert set(send(scp, "STRANGER", others)) == {0}, "there are no results yet"
    storage.peers.remove("mr1")
    job = analysed(storage)
    assert send(scp, "ANOTHER", [late]) == [0]
    assert status_after(storage, job) == "SUPERSEDED"


def test_a_stranger_that_sent_some_of_the_series_sends_the_rest(
    node: tuple[Storage, Scp],
) -> None:
    storage, scp = node
    know(storage, "MR1")
    *slices, late = mr_series("head", 9)
    send(scp, "MR1", slices[:4])
    send(scp, "STATION2", slices[4:])
    job = analysed(storage)
    assert send(scp, "STATION2", [late]) == [0]
    assert status_after(storage, job) == "SUPERSEDED"
