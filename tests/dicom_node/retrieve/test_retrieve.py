"""C-MOVE and C-GET from DCMTK and pynetdicom, into storescp, Orthanc and getscu itself."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, JPEGLSLossless, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, dcmtk, encoded, identifier, item_of
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.services import free_port, orthanc, storescp


def fill(node: Node, count: int = 5, **changes: str) -> tuple[str, str, list[Dataset]]:
    study, series = generate_uid(), generate_uid()
    sent = [
        ct_instance(
            study_instance_uid=study,
            series_instance_uid=series,
            instance_number=n,
            seed=n,
            **changes,
        )
        for n in range(1, count + 1)
    ]
    results = send([item_of(encoded(ds)) for ds in sent], peer=node.peer, calling_ae_title="FILL")
    assert all(result.ok for result in results)
    return study, series, sent


def pixels(files: list[Path]) -> dict[str, bytes]:
    return {str(ds.SOPInstanceUID): ds.PixelData for ds in map(dcmread, files)}


@pytest.mark.parametrize("level", ["STUDY", "SERIES", "IMAGE", "PATIENT"])
def test_getscu_fetches_at_every_level(node: Node, tmp_path: Path, level: str) -> None:
    study, series, sent = fill(node, patient_id="GETME")
    fill(node, patient_id="OTHER")
    keys = {
        "PATIENT": ["PatientID=GETME"],
        "STUDY": [f"StudyInstanceUID={study}"],
        "SERIES": [f"StudyInstanceUID={study}", f"SeriesInstanceUID={series}"],
        "IMAGE": [
            f"StudyInstanceUID={study}",
            f"SeriesInstanceUID={series}",
            f"SOPInstanceUID={sent[0].SOPInstanceUID}\\{sent[2].SOPInstanceUID}",
        ],
    }[level]
    wanted = [sent[0], sent[2]] if level == "IMAGE" else sent
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    answer = dcmtk(
        "getscu", "-v", "-P" if level == "PATIENT" else "-S", "-od", fetched,
        "-k", f"QueryRetrieveLevel={level}", *(part for key in keys for part in ("-k", key)),
        "127.0.0.1", str(node.port),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert pixels(list(fetched.iterdir())) == {
        str(ds.SOPInstanceUID): ds.PixelData for ds in wanted
    }


@pytest.fixture
def moving(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A node that may move to a storescp, and the storescp."""
    with storescp(tmp_path, ae_title="DEST") as destination:
        settings = node_settings(
            tmp_path,
            destinations=(
                Destination("dest", "DEST", destination.host, destination.port),
                Destination("gone", "GONE", "127.0.0.1", free_port()),
            ),
        )
        upgrade(settings)
        with open_storage(settings) as storage:
            scp = start_scp(storage)
            try:
                yield Node(storage, scp), destination
            finally:
                scp.shutdown()


def move(
    node: Node, destination: str, keys: Mapping[str, str | list[str] | None]
) -> tuple[list[Dataset], Dataset]:
    """All responses' status data sets, and the last identifier, by pynetdicom."""
    query = identifier(keys)
    ae = AE("MOVER")
    model = StudyRootQueryRetrieveInformationModelMove
    ae.add_requested_context(model)
    association = ae.associate("127.0.0.1", node.port)
    statuses, last = [], Dataset()
    for status, failed in association.send_c_move(query, destination, model):
        statuses.append(status)
        last = failed if failed is not None else last
    association.release()
    return statuses, last


def test_movescu_sends_a_study_to_a_configured_destination(moving) -> None:  # type: ignore[no-untyped-def]
    node, destination = moving
    study, _, sent = fill(node)
    answer = dcmtk(
        "movescu", "-v", "-S", "-aem", "DEST", "-k", "QueryRetrieveLevel=STUDY",
        "-k", f"StudyInstanceUID={study}", "127.0.0.1", str(node.port),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert pixels(destination.files()) == {str(ds.SOPInstanceUID): ds.PixelData for ds in sent}


def test_move_counts_its_sub_operations(moving) -> None:  # type: ignore[no-untyped-def]
    node, destination = moving
    study, _, sent = fill(node, count=45)
    statuses, _ = move(node, "DEST", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study})
    assert [status.Status for status in statuses] == [0xFF00, 0xFF00, 0x0000]
    assert [status.get("NumberOfCompletedSuboperations") for status in statuses] == [20, 40, 45]
    assert [status.get("NumberOfRemainingSuboperations") for status in statuses[:2]] == [25, 5]
    assert len(destination.files()) == len(sent)


def test_an_unknown_destination_is_a801(moving) -> None:  # type: ignore[no-untyped-def]
    node, _ = moving
    study, _, _ = fill(node, count=1)
    statuses, _ = move(node, "NOWHERE", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study})
    assert [status.Status for status in statuses] == [0xA801]


def test_a_destination_that_is_down_fails_every_sub_operation_by_name(moving) -> None:  # type: ignore[no-untyped-def]
    node, _ = moving
    study, _, sent = fill(node, count=3)
    statuses, failed = move(
        node, "GONE", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study}
    )
    assert statuses[-1].Status == 0xA702
    assert statuses[-1].NumberOfFailedSuboperations == 3
    assert sorted(failed.FailedSOPInstanceUIDList) == sorted(ds.SOPInstanceUID for ds in sent)


def test_nothing_found_is_success_with_nothing_moved(moving) -> None:  # type: ignore[no-untyped-def]
    node, destination = moving
    statuses, _ = move(node, "DEST", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.3"})
    assert [status.Status for status in statuses] == [0x0000]
    assert destination.files() == []


@pytest.mark.parametrize("uid", ["", "*", "1.2.*"])
def test_a_retrieval_without_a_definite_key_is_refused(moving, uid: str) -> None:  # type: ignore[no-untyped-def]
    node, _ = moving
    fill(node, count=1)
    statuses, _ = move(node, "DEST", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": uid})
    assert [status.Status for status in statuses] == [0xA900]


def test_what_a_list_names_again_is_moved_once(moving) -> None:  # type: ignore[no-untyped-def]
    node, destination = moving
    study, series, sent = fill(node, count=2)
    uid = str(sent[0].SOPInstanceUID)
    for keys, count in (
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": [study] * 50}, 2),
        ({"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": [series] * 3}, 2),
        ({"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": [uid] * 3}, 1),
    ):
        statuses, _ = move(node, "DEST", keys)
        assert statuses[-1].Status == 0x0000
        assert statuses[-1].NumberOfCompletedSuboperations == count
    assert len(destination.files()) == 2


def test_a_list_longer_than_a_query_may_have_is_refused(  # type: ignore[no-untyped-def]
    moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, _ = moving
    uids = [f"2.{number}" for number in range(40)]
    monkeypatch.setattr("dicom_node.retrieve.scp.MAX_UIDS", len(uids) - 1)
    statuses, _ = move(node, "DEST", {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": uids})
    assert [status.Status for status in statuses] == [0xA900]


def test_orthanc_retrieves_from_the_node_by_c_move(tmp_path: Path) -> None:
    """As a PACS does: it queries the node, and has the node push to it."""
    node_port, pacs_port = free_port(), free_port()
    with orthanc(
        tmp_path, modalities={"node": ("MEDIVIEW", "127.0.0.1", node_port)}, port=pacs_port
    ) as pacs:
        settings = node_settings(
            tmp_path, destinations=(Destination("pacs", "ORTHANC", "127.0.0.1", pacs_port),)
        )
        upgrade(settings)
        with open_storage(settings) as storage:
            scp = start_scp(storage, node_port)
            try:
                study, _, sent = fill(Node(storage, scp))
                query = pacs.post(
                    "/modalities/node/query",
                    {"Level": "Study", "Query": {"StudyInstanceUID": study}},
                )
                assert len(pacs.get(f"/queries/{query['ID']}/answers")) == 1
                pacs.post(f"/queries/{query['ID']}/answers/0/retrieve", b"ORTHANC")
                assert len(pacs.wait_for_instances(len(sent))) == len(sent)
            finally:
                scp.shutdown()


def test_get_reports_what_the_peer_s_contexts_cannot_take(node: Node, shared_data: Path) -> None:
    """A JPEG-LS instance, and a peer that takes its class in big endian only."""
    part10 = (shared_data / "odd" / "emri_small_jpeg_ls_lossless.dcm").read_bytes()
    item = item_of(part10)
    assert item.transfer_syntax_uid == JPEGLSLossless
    (stored,) = send([item], peer=node.peer, calling_ae_title="FILL")
    assert stored.ok
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = dcmread(BytesIO(part10), stop_before_pixels=True).StudyInstanceUID
    received: list[str] = []

    def keep(event) -> int:  # type: ignore[no-untyped-def]
        received.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    ae = AE("GETTER")
    model = PatientRootQueryRetrieveInformationModelGet
    ae.add_requested_context(model)
    ae.add_requested_context(item.sop_class_uid, ExplicitVRBigEndian)
    association = ae.associate(
        "127.0.0.1",
        node.port,
        ext_neg=[build_role(item.sop_class_uid, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    responses = list(association.send_c_get(query, model))
    association.release()
    status, failed = responses[-1]
    assert status.Status == 0xA702
    assert failed.FailedSOPInstanceUIDList == item.sop_instance_uid
    assert received == []


def test_get_of_100_instances_with_pynetdicom(node: Node) -> None:
    study, _, _ = fill(node, count=100)
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study
    received: list[str] = []

    def keep(event) -> int:  # type: ignore[no-untyped-def]
        received.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    ae = AE("GETTER")
    model = "1.2.840.10008.5.1.4.1.2.2.3"
    ae.add_requested_context(model)
    ae.add_requested_context(CTImageStorage)
    association = ae.associate(
        "127.0.0.1",
        node.port,
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    responses = list(association.send_c_get(query, model))
    association.release()
    assert responses[-1][0].Status == 0x0000
    assert responses[-1][0].NumberOfCompletedSuboperations == 100
    assert len(set(received)) == 100
