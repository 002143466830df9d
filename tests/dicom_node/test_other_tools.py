"""Programs of others against every service: pynetdicom's, Orthanc as client, DCMTK's options."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, generate_uid

from dicom_node.peers import Peer
from dicom_node.scu import echo, holds, send
from dicom_node.server import start_scp
from storage.opening import open_storage
from storage.settings import Destination
from tests.dicom_node.builders import ct_instance, dcmtk, encoded, item_of, storescu, write
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port, orthanc


def instances(count: int = 3) -> list[Dataset]:
    study, series = generate_uid(), generate_uid()
    return [
        ct_instance(study_instance_uid=study, series_instance_uid=series, instance_number=n, seed=n)
        for n in range(1, count + 1)
    ]


def fill(node: Node, count: int = 3) -> list[Dataset]:
    sent = instances(count)
    results = send([item_of(encoded(ds)) for ds in sent], peer=node.peer, calling_ae_title="FILL")
    assert all(result.ok for result in results)
    return sent


def pixels(folder: Path) -> dict[str, bytes]:
    found = (dcmread(path) for path in folder.iterdir() if path.is_file())
    return {str(ds.SOPInstanceUID): ds.PixelData for ds in found}


def wanted(sent: list[Dataset]) -> dict[str, bytes]:
    return {str(ds.SOPInstanceUID): ds.PixelData for ds in sent}


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


def test_pynetdicom_s_findscu_and_getscu(node: Node, tmp_path: Path) -> None:
    sent = fill(node)
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={sent[0].StudyInstanceUID}")
    at = ("127.0.0.1", str(node.port))
    said = pynetdicom("findscu", "-S", "-v", *keys, "-k", "NumberOfStudyRelatedInstances", *at)
    assert "(0020,1208) IS [3" in said
    pynetdicom("getscu", "-S", *keys, "-od", tmp_path, *at)
    assert pixels(tmp_path) == wanted(sent)


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


@contextmanager
def node_with(folder: Path, *destinations: Destination, port: int | None = None) -> Iterator[Node]:
    settings = node_settings(folder, destinations=destinations)
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage, port)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown()


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


# DCMTK's options, as devices of many makers behave


@pytest.mark.parametrize(
    "options",
    [
        ("--max-pdu", "4096"),
        ("--max-pdu", "131072"),
        ("--propose-pc", "128"),
        ("--propose-ts", "38"),
        ("--repeat", "20"),
        ("--abort",),
    ],
    ids=" ".join,
)
def test_echoscu_s_options(node: Node, options: tuple[str, ...]) -> None:
    ran = dcmtk("echoscu", "-v", *options, "127.0.0.1", str(node.port))
    assert ran.returncode == 0, ran.stderr
    assert echo(node.peer, "AFTER").ok


@pytest.mark.parametrize(
    "options",
    [
        ("-x=",), ("-xe",), ("-xb",), ("-xi",), ("-xd",), ("-R",), ("+C",), ("-R", "+C", "-xe"),
        ("--max-pdu", "4096"), ("--repeat", "3", "+II"), ("--abort",), ("-nh",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_storescu_s_options(node: Node, tmp_path: Path, options: tuple[str, ...]) -> None:
    sent = instances(2)
    files = [write(ds, tmp_path / f"{n}.dcm") for n, ds in enumerate(sent)]
    ran = storescu(node.port, files, *options)
    assert ran.returncode == 0, ran.stderr
    count = 6 if "+II" in options else 2
    assert node.instance_count == count


@pytest.mark.parametrize(
    "options",
    [("-x=",), ("-xe",), ("-xb",), ("-xd",), ("-xi",), ("--max-pdu", "4096"), ("--repeat", "3")],
    ids=" ".join,
)
def test_findscu_s_options(node: Node, tmp_path: Path, options: tuple[str, ...]) -> None:
    sent = fill(node)
    ran = dcmtk(
        "findscu", "-v", "-S", "-X", "-od", tmp_path, *options,
        *("-k", f"StudyInstanceUID={sent[0].StudyInstanceUID}"),
        *("-k", "QueryRetrieveLevel=IMAGE"), *("-k", "SOPInstanceUID"), "127.0.0.1", str(node.port),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = {str(dcmread(path).SOPInstanceUID) for path in tmp_path.glob("rsp*.dcm")}
    assert found == {str(ds.SOPInstanceUID) for ds in sent}


@pytest.mark.parametrize(
    "options",
    [("+x=",), ("+xe",), ("+xb",), ("+xi",), ("+xd",), ("+xt",), ("-xi",), ("+B",),
     ("--max-pdu", "4096")],
    ids=" ".join,
)  # fmt: skip
def test_getscu_s_options(node: Node, tmp_path: Path, options: tuple[str, ...]) -> None:
    sent = fill(node)
    received = tmp_path / "received"
    received.mkdir()
    ran = dcmtk(
        "getscu", "-v", "-S", "-od", received, *options, *("-k", "QueryRetrieveLevel=STUDY"),
        *("-k", f"StudyInstanceUID={sent[0].StudyInstanceUID}"), "127.0.0.1", str(node.port),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert _native(received, tmp_path) == wanted(sent)


@pytest.mark.parametrize(
    "options", [("+xe",), ("+xi",), ("+xd",), ("+xa",), ("--max-pdu", "4096")], ids=" ".join
)
def test_movescu_receives_over_its_own_port(tmp_path: Path, options: tuple[str, ...]) -> None:
    port = free_port()
    with node_with(tmp_path, Destination("movescu", "MOVESCU", "127.0.0.1", port)) as node:
        sent = fill(node)
        received = tmp_path / "received"
        received.mkdir()
        ran = dcmtk(
            "movescu", "-v", "-S", "-aem", "MOVESCU", "+P", str(port), "-od", received, *options,
            *("-k", "QueryRetrieveLevel=STUDY"),
            *("-k", f"StudyInstanceUID={sent[0].StudyInstanceUID}"), "127.0.0.1", str(node.port),
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert _native(received, tmp_path) == wanted(sent)


def test_big_endian_is_turned_for_a_peer_that_takes_none(node: Node, tmp_path: Path) -> None:
    (ds,) = instances(1)
    little = write(ds, tmp_path / "little.dcm")
    assert dcmtk("dcmconv", "+tb", little, tmp_path / "big.dcm").returncode == 0
    assert storescu(node.port, [tmp_path / "big.dcm"], "-xb", "-R").returncode == 0
    held = node.instance(ds.SOPInstanceUID)
    assert held is not None
    assert held.transfer_syntax_uid == ExplicitVRBigEndian
    received = tmp_path / "received"
    received.mkdir()
    ran = dcmtk(
        "getscu", "-S", "-od", received, "+xi", *("-k", "QueryRetrieveLevel=STUDY"),
        *("-k", f"StudyInstanceUID={ds.StudyInstanceUID}"), "127.0.0.1", str(node.port),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert pixels(received) == wanted([ds])


def _native(folder: Path, scratch: Path) -> dict[str, bytes]:
    """The pixels in little endian, converted by DCMTK where they came otherwise."""
    converted = scratch / "converted"
    converted.mkdir()
    for path in folder.iterdir():
        assert dcmtk("dcmconv", "+te", path, converted / path.name).returncode == 0
    return pixels(converted)
