"""DCMTK's options against every service, as devices of many makers behave."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian

from dicom_node.scu import echo
from storage.settings import Destination
from tests.dicom_node.builders import dcmtk, storescu, write
from tests.dicom_node.conftest import Node
from tests.dicom_node.exchanged import fill, instances, node_with, pixels, wanted
from tests.services import free_port


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
