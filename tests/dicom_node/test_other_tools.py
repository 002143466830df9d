"""Programs of others against every service: pynetdicom's, and Orthanc as client."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from dicom_node.peers import Peer
from dicom_node.scu import echo, holds, send
from storage.settings import Destination
from tests.dicom_node.builders import encoded, item_of, write
from tests.dicom_node.conftest import Node
from tests.dicom_node.exchanged import fill, instances, node_with, pixels, wanted
from tests.patience import PATIENCE_S
from tests.services import free_port, orthanc

# pynetdicom's own programs


def pynetdicom(program: str, *arguments: str | Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "pynetdicom", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_pynetdicom_s_echoscu_and_storescu(node: Node, tmp_path: Path) -> None:
    assert "0x0000" in pynetdicom("echoscu", "-d", "127.0.0.1", str(node.port))
    sent = instances()
    for ds in sent:
        write(ds, tmp_path / f"{ds.SOPInstanceUID}.dcm")
    pynetdicom("storescu", "-cx", "127.0.0.1", str(node.port), tmp_path)
    assert all(node.instance(ds.SOPInstanceUID) is not None for ds in sent)


@pytest.mark.slow
def test_pynetdicom_s_findscu_and_getscu(node: Node, tmp_path: Path) -> None:
    sent = fill(node)
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={sent[0].StudyInstanceUID}")
    at = ("127.0.0.1", str(node.port))
    output = pynetdicom("findscu", "-S", "-v", *keys, "-k", "NumberOfStudyRelatedInstances", *at)
    assert "(0020,1208) IS [3" in output
    pynetdicom("getscu", "-S", *keys, "-od", tmp_path, *at)
    assert pixels(tmp_path) == wanted(sent)


@pytest.mark.slow
def test_pynetdicom_s_movescu_receives_what_it_asked_for(tmp_path: Path) -> None:
    port = free_port()
    with node_with(tmp_path, Destination("mover", "STORESCP", "127.0.0.1", port)) as node:
        sent = fill(node)
        received = tmp_path / "received"
        received.mkdir()
        pynetdicom(
            "movescu", "-S", "-aem", "STORESCP", "--store", "--store-port", str(port),
            "-od", received, "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={sent[0].StudyInstanceUID}", "127.0.0.1", str(node.port),
        )  # fmt: skip
        assert pixels(received) == wanted(sent)


def test_pynetdicom_s_archive_takes_and_proves_our_results(tmp_path: Path) -> None:
    port = free_port()
    archive = subprocess.Popen(
        [
            sys.executable, "-m", "pynetdicom", "qrscp", "--port", str(port), "-ba", "127.0.0.1",
            "--database-location", str(tmp_path / "archive.sqlite"),
            "--instance-location", str(tmp_path / "archive"),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        peer = Peer("QRSCP", "127.0.0.1", port)
        deadline = time.monotonic() + PATIENCE_S
        while not echo(peer, "NODE").ok:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        sent = instances()
        results = send([item_of(encoded(ds)) for ds in sent], peer=peer, calling_ae_title="NODE")
        assert all(result.ok for result in results)
        uids = [str(ds.SOPInstanceUID) for ds in sent]
        study, series = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID
        assert holds(peer, "NODE", study, series, [*uids, "1.2.3"]) == set(uids)
    finally:
        archive.terminate()
        archive.wait(PATIENCE_S)


# Orthanc as client


def test_orthanc_uses_every_service(tmp_path: Path) -> None:
    """Echo, store, query at each level, move, get and worklist, by its REST API."""
    port, pacs_port = free_port(), free_port()
    with (
        orthanc(
            tmp_path, modalities={"node": ("MEDIVIEW", "127.0.0.1", port)}, port=pacs_port
        ) as pacs,
        node_with(
            tmp_path, Destination("pacs", "ORTHANC", "127.0.0.1", pacs_port), port=port
        ) as node,
    ):
        assert pacs.post("/modalities/node/echo", {}) == {}
        mine = instances()
        ids = [pacs.post("/instances", encoded(ds))["ID"] for ds in mine]
        stored = pacs.post("/modalities/node/store", {"Resources": ids, "Synchronous": True})
        assert (stored["InstancesCount"], stored["FailedInstancesCount"]) == (3, 0)
        assert all(node.instance(ds.SOPInstanceUID) is not None for ds in mine)

        theirs = fill(node, 4)
        study, series = theirs[0].StudyInstanceUID, theirs[0].SeriesInstanceUID
        for level, keys, count in (
            ("Patient", {"PatientID": theirs[0].PatientID}, 1),
            ("Study", {"StudyInstanceUID": study}, 1),
            ("Series", {"StudyInstanceUID": study}, 1),
            ("Instance", {"StudyInstanceUID": study, "SeriesInstanceUID": series}, 4),
        ):
            query = pacs.post("/modalities/node/query", {"Level": level, "Query": keys})
            assert len(pacs.get(f"/queries/{query['ID']}/answers")) == count, level
        for verb, ds in (("move", theirs[0]), ("get", theirs[1])):
            resource = {
                "StudyInstanceUID": study,
                "SeriesInstanceUID": series,
                "SOPInstanceUID": ds.SOPInstanceUID,
            }
            pacs.post(f"/modalities/node/{verb}", {"Level": "Instance", "Resources": [resource]})
        held = {
            dict(pacs.get(f"/instances/{one}/simplified-tags"))["SOPInstanceUID"]
            for one in pacs.wait_for_instances(5)
        }
        assert held == {str(ds.SOPInstanceUID) for ds in (*mine, *theirs[:2])}

        step = {"Modality": "MR", "ScheduledStationAETitle": "MR1"}
        node.storage.worklist.add(
            {
                "PatientName": "A^B",
                "PatientID": "W1",
                "StudyInstanceUID": generate_uid(),
                "ScheduledProcedureStepSequence": [step],
            }
        )
        listed = pacs.post(
            "/modalities/node/find-worklist",
            {"PatientID": "", "ScheduledProcedureStepSequence": [{"Modality": "MR"}]},
        )
        assert [one["PatientID"] for one in listed] == ["W1"]
