"""Extended negotiation, long answers, slow readers, and what Orthanc matches alike."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
)

from benchmarks.support.find_client import FindClient
from benchmarks.support.million import LARGE_STUDY, fill
from dicom_node.association.requestor import end, open_association
from dicom_node.peers import Peer
from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.index.matching.dicom_query import Query, find
from tests.dicom_node.builders import ct_instance, encoded, identifier, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.services import orthanc

STUDY = StudyRootQueryRetrieveInformationModelFind
PATIENT = PatientRootQueryRetrieveInformationModelFind


def ask(
    host: str, port: int, keys: dict[str, str], flags: bytes = b"", model: str = STUDY
) -> tuple[list[Dataset], bytes | None]:
    """Matches, and what the peer answered to the flags of an extended negotiation."""
    extended = []
    if flags:
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = model
        item.service_class_application_information = flags
        extended.append(item)
    ae = AE("ASKER")
    ae.add_requested_context(model, ExplicitVRLittleEndian)
    association = ae.associate(host, port, ext_neg=extended)
    assert association.is_established
    accepted = association.acceptor.sop_class_extended.get(model)
    answers = list(association.send_c_find(identifier(keys), model))
    association.release()
    assert answers[-1][0].Status == 0x0000
    return [match for _, match in answers if match is not None], accepted


def fill_small(peer: Peer) -> None:
    studies = (
        ("1.2.9.1", "P1", "Müller^Jürgen", "20240131", "093000", "A-1", "CT"),
        ("1.2.9.2", "P1", "Müller^Jürgen", "20240201", "180000", "A-2", "MR"),
        ("1.2.9.3", "P2", "Smith^John^Q", "20240202", "070000", "B_1", "CT"),
        ("1.2.9.4", "X%1", "Mueller^Anna", "20231231", "120000", "", "US"),
    )
    instances = []
    for uid, patient, name, date, at, accession, modality in studies:
        ds = ct_instance(patient_id=patient, patient_name=name, study_instance_uid=uid)
        ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.Modality = date, at, accession, modality
        instances.append(item_of(encoded(ds)))
    assert all(result.ok for result in send(instances, peer=peer, calling_ae_title="FILL"))


def studies(found: list[Dataset]) -> set[str]:
    return {str(ds.StudyInstanceUID)[-1] for ds in found}


def test_fuzzy_names_are_negotiated(node: Node) -> None:
    fill_small(node.peer)
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientName": "jur mul"}
    found, accepted = ask("127.0.0.1", node.port, keys, b"\x01\x01\x01")
    assert (studies(found), accepted) == ({"1", "2"}, b"\x01\x01\x01")
    found, accepted = ask("127.0.0.1", node.port, keys)
    assert (studies(found), accepted) == (set(), None)
    found, accepted = ask("127.0.0.1", node.port, keys, b"\x01\x00\x00")
    assert (studies(found), accepted) == (set(), b"\x01\x00\x00")


def test_what_is_not_done_is_not_promised(node: Node) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}
    assert ask("127.0.0.1", node.port, keys, b"\x01\x01\x01\x01\x01")[1] == b"\x01\x01\x01\x00\x00"


def test_extended_negotiation_of_retrieval_is_answered_too(node: Node) -> None:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = StudyRootQueryRetrieveInformationModelMove
    item.service_class_application_information = b"\x01\x01"
    ae = AE()
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
    association = ae.associate("127.0.0.1", node.port, ext_neg=[item])
    accepted = association.acceptor.sop_class_extended
    association.release()
    assert accepted == {StudyRootQueryRetrieveInformationModelMove: b"\x01\x00"}


def test_date_and_time_ranges_mean_one_period_when_negotiated(node: Node) -> None:
    fill_small(node.peer)
    keys = {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": "",
        "StudyDate": "20240131-20240202",
        "StudyTime": "0900-0800",
    }
    assert studies(ask("127.0.0.1", node.port, keys, b"\x00\x01\x00")[0]) == {"1", "2", "3"}
    assert studies(ask("127.0.0.1", node.port, keys)[0]) == set()


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"PatientID": "P1"},
        {"PatientID": "P?"},
        {"PatientID": "*1"},
        {"PatientID": "X%1"},
        {"AccessionNumber": "A-1"},
        {"AccessionNumber": "A-*"},
        {"AccessionNumber": "B_1"},
        {"StudyDate": "20240131"},
        {"StudyDate": "20240131-20240201"},
        {"StudyDate": "20240201-"},
        {"StudyDate": "-20240101"},
        {"StudyInstanceUID": "1.2.9.1\\1.2.9.3"},
        {"StudyInstanceUID": "1.2.9.99"},
        {"PatientName": "SMITH^*"},
        {"PatientName": "smith^john^q"},
        {"ModalitiesInStudy": "CT"},
        {"PatientID": "P1", "ModalitiesInStudy": "MR"},
    ],
)
def test_keys_match_as_orthanc_matches_them(both: tuple[Node, Peer], keys: dict[str, str]) -> None:
    node, pacs = both
    query = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", **keys}
    ours = studies(ask("127.0.0.1", node.port, query)[0])
    assert ours == studies(ask(pacs.host, pacs.port, query)[0])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Peer]]:
    """The same studies in a node and in Orthanc."""
    folder = tmp_path_factory.mktemp("both")
    settings = node_settings(folder)
    upgrade(settings)
    with orthanc(folder) as server, open_storage(settings) as storage:
        scp = start_scp(storage)
        pacs = Peer("ORTHANC", server.host, server.port)
        node = Node(storage, scp)
        fill_small(node.peer)
        fill_small(pacs)
        server.wait_for_instances(4)
        try:
            yield node, pacs
        finally:
            scp.shutdown()


@pytest.fixture
def large(node: Node) -> Node:
    """30,000 instances in 400 studies, one series of 5,000."""
    fill(node.storage.engine, studies=400, instances=30_000)
    return node


def test_a_long_answer_ends_in_the_middle_when_it_is_cancelled(large: Node) -> None:
    query = identifier({"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": ""})
    ae = AE()
    ae.add_requested_context(STUDY)
    association = ae.associate("127.0.0.1", large.port)
    count, last = 0, 0
    for status, _ in association.send_c_find(query, STUDY, msg_id=9):
        last = status.Status
        count += 1
        if count == 10:
            association.send_c_cancel(9, query_model=STUDY)
    again = [s.Status for s, _ in association.send_c_find(_one_study(), STUDY, msg_id=11)]
    association.release()
    assert last == 0xFE00
    assert count < 20_000
    assert again[-1] == 0x0000


def _one_study() -> Dataset:
    return identifier({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": LARGE_STUDY})


def test_all_instances_come_once_and_in_order(large: Node) -> None:
    rows = list(find(large.storage.engine, Query("IMAGE", {"Modality": "*"})))
    assert len({row["SOPInstanceUID"] for row in rows}) == len(rows) == 30_000
    numbers = [int(row["InstanceNumber"]) for row in rows[:5000]]
    assert numbers == sorted(numbers)
    chance = random.Random(1)
    for _ in range(5):
        limit, offset = chance.randint(1, 900), chance.randint(0, 29_000)
        part = list(find(large.storage.engine, Query("IMAGE", {}), limit, offset))
        assert part == rows[offset : offset + limit]


def test_our_counting_client_counts(large: Node) -> None:
    association = open_association(
        large.peer, "BENCH", [build_context(STUDY, [ExplicitVRLittleEndian])]
    )
    client = FindClient(association)
    assert client.find("STUDY", {"StudyInstanceUID": LARGE_STUDY}, ["PatientID"]) == 1
    assert client.find("IMAGE", {"StudyInstanceUID": LARGE_STUDY}, ["SOPInstanceUID"]) == 5000
    end(association)


@pytest.mark.slow
def test_a_peer_that_hardly_reads_is_cut_off(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, association_idle_timeout_s=1.0)
    upgrade(settings)
    with open_storage(settings) as storage:
        fill(storage.engine, studies=400, instances=30_000)
        scp = start_scp(storage)
        try:
            peer = Peer("MEDIVIEW", "127.0.0.1", scp.port)
            association = open_association(
                peer, "SLOW", [build_context(STUDY, [ExplicitVRLittleEndian])]
            )
            sock = association.connection.socket
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client = FindClient(association)
            client._count = lambda: 0  # type: ignore[method-assign]
            client.find("IMAGE", {}, ["SOPInstanceUID", "PatientName", "StudyDescription"])
            reader = threading.Thread(target=_sip, args=(sock, 30.0), daemon=True)
            started = time.monotonic()
            reader.start()
            while scp.association_count and time.monotonic() - started < 30:
                time.sleep(0.05)
            assert scp.association_count == 0
            reader.join()
            sock.close()
        finally:
            scp.shutdown()


def _sip(sock: socket.socket, seconds: float) -> None:
    """Read a few bytes now and then."""
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends and sock.recv(20):
            time.sleep(0.1)
    except OSError:
        return
