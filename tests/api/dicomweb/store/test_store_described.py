"""STOW-RS of metadata and bulk data: what pydicom and DCMTK write becomes the instance again."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import generate_uid

from api.dicomweb.store import metadata as metadata_store
from api.dicomweb.store.spool import Spool
from storage.core.errors import LimitExceeded
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import read
from tests.api.dicomweb.store.test_store import (
    BOUNDARY,
    FAILED,
    OTHER,
    STORED,
    changed,
    message,
    reasons,
    store,
)
from tests.builders import t1_head
from tests.services import tool

JSON, XML = "application/dicom+json", "application/dicom+xml"
OCTETS = "application/octet-stream"
Part = tuple[str, str, bytes]
"""Content type, Content-Location, body."""


def send(
    node: DicomwebNode, parts: Sequence[Part], of_type: str = JSON, url: str = "/studies"
) -> httpx.Response:
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n".encode()
        + (f"Content-Location: {place}\r\n" if place else "").encode()
        + b"\r\n"
        + data
        + b"\r\n"
        for kind, place, data in parts
    )
    content_type = f'multipart/related; type="{of_type}"; boundary={BOUNDARY}'
    with node.client(headers={"Content-Type": content_type}) as client:
        return client.post(url, content=body + f"--{BOUNDARY}--\r\n".encode())


def described(dataset: pydicom.Dataset, **changed: Any) -> tuple[dict[str, Any], list[Part]]:
    """Metadata and bulk data as pydicom splits them."""
    parts: list[Part] = []

    def handler(element: pydicom.DataElement) -> str:
        place = f"bulk/{len(parts)}"
        parts.append((OCTETS, place, bytes(element.value)))
        return f"http://elsewhere.example/{place}"

    metadata = dataset.to_json_dict(512, handler, suppress_invalid_tags=True)
    return {**metadata, **changed}, parts


def stored(node: DicomwebNode, uid: str) -> pydicom.FileDataset:
    return node.storage.instances.dataset(node.storage.index.instance(uid))


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "emri_small.dcm"])
def test_json_and_bulk_data_become_the_instance(
    empty_node: DicomwebNode, shared_data: Path, name: str, tmp_path: Path
) -> None:
    original = read(shared_data / "odd" / name)
    metadata, parts = described(original)
    assert parts
    answer = send(empty_node, [(JSON, "", json.dumps([metadata]).encode()), *parts])
    assert answer.status_code == 200, answer.text
    found = stored(empty_node, original.SOPInstanceUID)
    np.testing.assert_array_equal(found.pixel_array, original.pixel_array)
    for element in original:
        if element.keyword not in ("SpecificCharacterSet", "PixelData") and element.VM:
            assert found[element.tag].value == element.value, element.keyword
    file = tmp_path / "stored.dcm"
    file.write_bytes(
        empty_node.storage.instances.read(
            empty_node.storage.index.instance(original.SOPInstanceUID)
        )
    )
    subprocess.run([tool("dcmdump", "dcmtk"), "-q", file], check=True, capture_output=True)


def test_dcmtks_xml_becomes_the_instance(empty_node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "MR_small.dcm"
    document = subprocess.run(
        [tool("dcm2xml", "dcmtk"), "-nat", "+Eb", path], capture_output=True, check=True
    ).stdout
    answer = send(empty_node, [(XML, "", document)], XML)
    assert answer.status_code == 200, answer.text
    original = read(path)
    found = stored(empty_node, original.SOPInstanceUID)
    # DCMTK writes words big endian into InlineBinary; PS3.19 A.1 has them little endian.
    np.testing.assert_array_equal(found.pixel_array.byteswap(), original.pixel_array)
    assert found.PatientName == original.PatientName
    assert found.PixelSpacing == original.PixelSpacing


def test_compressed_frames_are_parts_in_their_order(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    original = read(shared_data / "odd" / "examples_ybr_color.dcm")
    syntax = original.file_meta.TransferSyntaxUID
    frames = list(generate_frames(original.PixelData, number_of_frames=original.NumberOfFrames))
    pixels = {"7FE00010": {"vr": "OB", "BulkDataURI": "instance/pixels"}}
    metadata, _ = described(original)
    kind = f"image/jpeg; transfer-syntax={syntax}"
    parts = [(kind, "/instance/pixels", frame) for frame in frames]
    answer = send(empty_node, [(JSON, "", json.dumps([{**metadata, **pixels}]).encode()), *parts])
    assert answer.status_code == 200, answer.text
    found = stored(empty_node, original.SOPInstanceUID)
    assert found.file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(found.pixel_array, original.pixel_array)


def test_several_instances_share_a_request_and_fail_by_themselves(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    ct = read(shared_data / "odd" / "CT_small.dcm")
    mr = read(shared_data / "odd" / "MR_small.dcm")
    first, parts = described(ct)
    second, _ = described(mr)
    nameless, _ = described(mr)
    nameless.pop("00080018")
    body = json.dumps([first, second, nameless]).encode()
    # The parts of the second are numbered like those of the first, and so are taken for its own;
    # what is asked for and not there fails.
    second["7FE00010"]["BulkDataURI"] = "http://127.0.0.1:1/steal"
    body = json.dumps([first, second, nameless]).encode()
    answer = send(empty_node, [(JSON, "", body), *parts])
    assert answer.status_code == 202
    assert reasons(answer) == [0xC000]
    assert reasons(answer, OTHER) == [0xC000]
    assert len(answer.json()[STORED]["Value"]) == 1
    assert answer.json()[FAILED]["Value"][0]["00081155"]["Value"] == [mr.SOPInstanceUID]


def test_the_study_in_the_address_counts_here_too(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    metadata, parts = described(read(shared_data / "odd" / "CT_small.dcm"))
    sent = [(JSON, "", json.dumps(metadata).encode()), *parts]
    answer = send(empty_node, sent, url="/studies/1.2.3")
    assert (answer.status_code, reasons(answer)) == (409, [0xA900])
    study = metadata["0020000D"]["Value"][0]
    assert send(empty_node, sent, url=f"/studies/{study}").status_code == 200


@pytest.mark.parametrize(
    ("of_type", "body"),
    [
        (JSON, b"{"),
        (JSON, b"[1, null]"),
        (JSON, b"\xff"),
        (JSON, b"[" * 100_000),
        (JSON, b'[{"00080016": 5}]'),
        (JSON, b'[{"00080016": {"vr": "UI", "Value": ["1.2"]}, "00080018": {"vr": "UI"}}]'),
        (
            JSON,
            b'[{"00080016": {"vr": "UI", "Value": ["1.2"]},'
            b' "00080018": {"vr": "UI", "Value": ["1.2.3"]}, "zz": {"vr": "QQ"}}]',
        ),
        (XML, b"<x/>"),
        (XML, b"<NativeDicomModel><a"),
        (XML, b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>'),
        (XML, b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><NativeDicomModel/>'),
        (XML, b'<NativeDicomModel><DicomAttribute tag="x" vr="LO"/></NativeDicomModel>'),
    ],
)
def test_what_is_no_metadata_is_refused_as_such(
    empty_node: DicomwebNode, of_type: str, body: bytes
) -> None:
    answer = send(empty_node, [(of_type, "", body)], of_type)
    assert answer.status_code == 409, answer.text
    assert {*reasons(answer, FAILED if FAILED in answer.json() else OTHER)} == {0xC000}
    with empty_node.client() as client:
        assert client.get("/instances").json() == []


def test_a_body_without_metadata_holds_no_instance(empty_node: DicomwebNode) -> None:
    assert send(empty_node, [(OCTETS, "bulk/0", b"123")]).status_code == 400
    assert send(empty_node, []).status_code == 400


def test_a_limit_holds_for_each_part(tmp_path: Path, shared_data: Path) -> None:
    from tests.api.dicomweb.node import dicomweb_node

    metadata, parts = described(read(shared_data / "odd" / "CT_small.dcm"))
    with dicomweb_node(tmp_path, max_instance_bytes=20_000) as node:
        answer = send(node, [(JSON, "", json.dumps(metadata).encode()), *parts])
        assert answer.status_code == 413
        assert list((tmp_path / "data" / "spool").iterdir()) == []


def test_the_answer_is_xml_for_one_who_wants_it(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    from xml.etree.ElementTree import fromstring

    body = (shared_data / "odd" / "CT_small.dcm").read_bytes()
    headers = {"Accept": XML, "Content-Type": "application/dicom"}
    with empty_node.client(headers=headers) as client:
        answer = client.post("/studies", content=body)
    assert answer.headers["content-type"] == XML
    keywords = [node.get("keyword") for node in fromstring(answer.content)]
    assert keywords == ["RetrieveURL", "ReferencedSOPSequence"]


def test_a_dicomdir_is_a_class_that_is_not_stored(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    path = next(shared_data.joinpath("dicomdir").rglob("DICOMDIR"))
    with empty_node.client(headers={"Content-Type": "application/dicom"}) as client:
        answer = client.post("/studies", content=path.read_bytes())
    assert answer.status_code == 409
    assert (reasons(answer, FAILED) if FAILED in answer.json() else reasons(answer, OTHER)) == [
        0x0122
    ]


def test_a_class_that_is_no_storage_class_is_refused_and_a_private_one_stored(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    refused = (
        "1.2.840.10008.1.1",  # Verification
        "1.2.840.10008.1.3.10",  # Media Storage Directory
        "1.2.840.10008.5.1.4.31",  # Modality Worklist FIND
        "1.2.840.10008.5.1.4.1.2.2.1",  # Study Root FIND
        "1.2.840.10008.3.1.2.3.3",  # MPPS
        "1.2.840.10008.1.2.1",  # a transfer syntax
    )
    stored = ("1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.99999")
    bodies = [
        changed(path, SOPClassUID=uid, SOPInstanceUID=f"2.25.{number}")
        for number, uid in enumerate((*refused, *stored))
    ]
    answer = store(empty_node, message(*bodies))
    assert answer.status_code == 202
    assert reasons(answer, FAILED) == [0x0122] * len(refused)
    assert len(answer.json()["00081199"]["Value"]) == len(stored)
    assert "1.2.840.10008.1.1 is not a storage SOP class" in answer.headers["warning"]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"00081140":{"vr":"SQ","Value":[%s]}}]' % b",".join([b"{}"] * 510),
        b'[{"00720078":{"vr":"UL","Value":[%s]}}]' % b",".join([b"1"] * 510),
        b'{"00081140":{"vr":"SQ","Value":[' * 66 + b"{}" + b"]}}" * 66,
    ],
)
def test_json_has_as_many_elements_as_xml_and_sequences_as_deep(
    body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_store, "MAX_ELEMENTS", 500)
    spool = Spool(tmp_path, 1 << 20)
    part = spool.open_part({"content-type": JSON})
    part.write(memoryview(body))
    with pytest.raises(LimitExceeded, match=r"more than (1000|500|64) "):
        metadata_store._metadata_of(part)
    spool.close()


def test_of_large_metadata_one_is_read_at_a_time(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six of 8 MB let every other request wait for three seconds."""
    read_xml, reading, most = metadata_store.xml_to_dataset, Counter[str](), Counter[str]()

    def counted(document: bytes) -> Any:
        size = "large" if len(document) > 100_000 else "small"
        reading[size] += 1
        most[size] = max(most[size], reading[size])
        try:
            time.sleep(0.2)
            return read_xml(document)
        finally:
            reading[size] -= 1

    monkeypatch.setattr(metadata_store, "xml_to_dataset", counted)
    attribute = (
        b'<DicomAttribute tag="00100020" vr="LO"><Value number="1">x</Value></DicomAttribute>'
    )
    large, small = (
        b"<NativeDicomModel>" + attribute * count + b"</NativeDicomModel>" for count in (5_000, 10)
    )
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda body: send(empty_node, [(XML, "", body)], XML), [large] * 4 + [small] * 4
        )
        assert {one.status_code for one in answers} == {409}
    assert most["large"] == 1
    assert most["small"] > 1


def naming_one_part(count: int) -> dict[str, Any]:
    """The metadata of an instance whose private elements all have the same bulk data."""
    (dataset,) = t1_head((1, 8, 8))
    dataset.SOPInstanceUID = generate_uid()
    metadata = dataset.to_json_dict(1024, None)
    metadata["00410010"] = {"vr": "LO", "Value": ["X"]}
    for number in range(count):
        metadata[f"004110{number:02X}"] = {"vr": "OB", "BulkDataURI": "b"}
    return metadata


def test_a_part_counts_as_often_as_elements_name_it(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_store, "_MAX_VALUES_BYTES", 4 << 20)
    bulk = (OCTETS, "b", bytes(1 << 20))
    for count, status in ((4, 200), (5, 413)):
        answer = send(empty_node, [(JSON, "", json.dumps([naming_one_part(count)]).encode()), bulk])
        assert answer.status_code == status, answer.text
    assert "beside the pixels have more than" in answer.text
    # Several instances of one request, each within its own limit.
    many = [naming_one_part(4) for _ in range(6)]
    answer = send(empty_node, [(JSON, "", json.dumps(many).encode()), bulk])
    assert answer.status_code == 202
    assert len(answer.json()[STORED]["Value"]) == 2
    assert len(answer.json()[FAILED]["Value"]) == 4
