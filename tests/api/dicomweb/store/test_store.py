"""STOW-RS as integrators use it: good, partly good, broken, hostile, large."""

import io
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from tests.api.dicomweb.node import DicomwebNode, dicomweb_node
from tests.api.dicomweb.reading import bodies_of, read
from tests.dicom_node.builders import ct_instance, encoded
from tests.storage.dicom.test_offending_element import with_broken_private_element

BOUNDARY = "example-boundary"
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
FAILED, STORED, OTHER, REASON = "00081198", "00081199", "0008119A", "00081197"


def message(*bodies: bytes, content_type: str = "application/dicom") -> bytes:
    parts = (
        f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n".encode() + body + b"\r\n"
        for body in bodies
    )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def store(
    node: DicomwebNode, body: Any, url: str = "/studies", content_type: str = TYPE
) -> httpx.Response:
    with node.client(headers={"Accept": "application/dicom+json"}) as client:
        return client.post(url, content=body, headers={"Content-Type": content_type})


def reasons(response: httpx.Response, sequence: str = FAILED) -> list[int]:
    return [item[REASON]["Value"][0] for item in response.json()[sequence]["Value"]]


def changed(path: Path, **values: Any) -> bytes:
    dataset = read(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_what_is_stored_is_retrieved_byte_for_byte(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    paths = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[:4]
    paths += [shared_data / "odd" / n for n in ("MR_small_RLE.dcm", "ExplVR_BigEnd.dcm")]
    files = [path.read_bytes() for path in paths]
    response = store(empty_node, message(*files))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    items = response.json()[STORED]["Value"]
    assert FAILED not in response.json()
    with empty_node.client(headers={"Accept": "application/dicom"}) as client:
        for item, file in zip(items, files, strict=True):
            url = item["00081190"]["Value"][0]
            assert url.startswith(empty_node.url)
            answer = client.get(url)
            assert answer.content == file
            assert answer.headers["content-type"].startswith("application/dicom;")
    study = read(paths[0]).StudyInstanceUID
    accept = 'multipart/related; type="application/dicom"'
    with empty_node.client(headers={"Accept": accept}) as client:
        assert bodies_of(client.get(f"/studies/{study}")) == files[:4]
        series = read(paths[0]).SeriesInstanceUID
        assert bodies_of(client.get(f"/studies/{study}/series/{series}")) == files[:4]


def test_the_study_of_all_that_was_stored_is_named(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    study = read(path).StudyInstanceUID
    response = store(empty_node, message(path.read_bytes()), f"/studies/{study}")
    assert response.status_code == 200
    assert response.json()["00081190"]["Value"] == [f"{empty_node.url}/studies/{study}"]


def test_an_instance_sent_again_is_a_success_and_stored_once(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    body = message((shared_data / "odd" / "CT_small.dcm").read_bytes())
    assert [store(empty_node, body).status_code for _ in range(2)] == [200, 200]
    with empty_node.client() as client:
        assert len(client.get("/instances").json()) == 1


def test_other_content_under_a_known_uid_is_a_duplicate(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    store(empty_node, message(path.read_bytes()))
    response = store(empty_node, message(changed(path, PatientName="Other^Name")))
    assert response.status_code == 409
    assert reasons(response) == [0x0111]
    with empty_node.client() as client:
        (row,) = client.get("/studies").json()
    assert row["00100010"]["Value"][0]["Alphabetic"] == str(read(path).PatientName)


def test_instances_of_another_study_are_refused(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    ct, mr = shared_data / "odd" / "CT_small.dcm", shared_data / "odd" / "MR_small.dcm"
    study = read(ct).StudyInstanceUID
    response = store(empty_node, message(ct.read_bytes(), mr.read_bytes()), f"/studies/{study}")
    assert response.status_code == 202
    assert reasons(response) == [0xA900]
    failed = response.json()[FAILED]["Value"][0]
    assert failed["00081155"]["Value"] == [read(mr).SOPInstanceUID]
    assert len(response.json()[STORED]["Value"]) == 1
    with empty_node.client() as client:
        assert len(client.get("/studies").json()) == 1


def test_broken_instances_fail_by_themselves(empty_node: DicomwebNode, shared_data: Path) -> None:
    good = (shared_data / "odd" / "MR_small.dcm").read_bytes()
    cut = (shared_data / "odd" / "CT_small.dcm").read_bytes()[:20_000]
    response = store(empty_node, message(b"not DICOM", good, cut, b""))
    assert response.status_code == 202
    assert reasons(response) == [0xC000]
    sop = read(shared_data / "odd" / "CT_small.dcm").SOPInstanceUID
    assert response.json()[FAILED]["Value"][0]["00081155"]["Value"] == [sop]
    assert reasons(response, OTHER) == [0xC000, 0xC000]
    assert len(response.json()[STORED]["Value"]) == 1


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("in_item", [False, True])
def test_an_element_that_cannot_be_read_is_named_and_harms_no_other(
    empty_node: DicomwebNode, shared_data: Path, big: bool, in_item: bool
) -> None:
    good = (shared_data / "odd" / "MR_small.dcm").read_bytes()
    bad = with_broken_private_element("1.2.3", big=big, in_item=in_item)
    response = store(empty_node, message(bad, good))
    assert response.status_code == 202
    (failed,) = response.json()[FAILED]["Value"]
    assert failed["00081155"]["Value"] == ["1.2.3"]
    (attribute,) = failed["00741048"]["Value"]
    assert attribute["00720026"]["Value"] == ["00091001"]
    assert len(response.json()[STORED]["Value"]) == 1


def test_nothing_stored_is_a_conflict(empty_node: DicomwebNode) -> None:
    response = store(empty_node, message(b"not DICOM"))
    assert response.status_code == 409
    assert reasons(response, OTHER) == [0xC000]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ('multipart/related; type="text/plain"; boundary=x', 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=other', 400),
        ("multipart/related; boundary=example-boundary", 200),
        (f'multipart/related;boundary="{BOUNDARY}";type=application/dicom', 200),
    ],
)
def test_the_content_type_decides(
    empty_node: DicomwebNode, shared_data: Path, content_type: str, status: int
) -> None:
    body = message((shared_data / "odd" / "CT_small.dcm").read_bytes())
    assert store(empty_node, body, content_type=content_type).status_code == status


def test_a_lone_instance_is_taken_too(empty_node: DicomwebNode, shared_data: Path) -> None:
    body = (shared_data / "odd" / "CT_small.dcm").read_bytes()
    assert store(empty_node, body, content_type="application/dicom").status_code == 200
    assert store(empty_node, b"", content_type="application/dicom").status_code == 400
    for sent, named in ((b"", "The body is empty"), (body, f"--{BOUNDARY}")):
        answer = store(empty_node, sent)
        assert answer.status_code == 400
        assert named in answer.json()["detail"]
    assert store(empty_node, b"", "/studies/not-a-uid").status_code == 400


def test_a_body_that_ends_in_mid_part_keeps_the_whole_ones(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    files = [(shared_data / "odd" / n).read_bytes() for n in ("CT_small.dcm", "MR_small.dcm")]
    response = store(empty_node, message(*files)[:-3000])
    assert response.status_code == 202
    assert len(response.json()[STORED]["Value"]) == 1
    assert reasons(response, OTHER) == [0xC000]


def test_a_client_that_hangs_up_leaves_nothing_behind(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    body = message((shared_data / "odd" / "CT_small.dcm").read_bytes())
    host, _, port = empty_node.url.removeprefix("http://").partition("/")[0].partition(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:20_000])
    with empty_node.client() as client:
        assert client.get("/instances").json() == []


def test_a_part_beyond_the_limit_is_refused(tmp_path: Path, shared_data: Path) -> None:
    with dicomweb_node(tmp_path, max_instance_bytes=10_000) as node:
        response = store(node, message((shared_data / "odd" / "CT_small.dcm").read_bytes()))
        assert response.status_code == 413
        assert response.json()["code"] == "limit_exceeded"


def test_a_full_disk_is_said_as_such(tmp_path: Path, shared_data: Path) -> None:
    with dicomweb_node(tmp_path, free_disk_mark_bytes=1 << 60) as node:
        response = store(node, message((shared_data / "odd" / "CT_small.dcm").read_bytes()))
    assert response.status_code == 503
    assert reasons(response) == [0xA700]


def large_instance(frames: int) -> Iterator[bytes]:
    """A multi-frame instance of a megabyte a frame, made while it is sent."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = "1.2.3.1", "1.2.3.2"
    dataset.SeriesInstanceUID, dataset.Modality = "1.2.3.3", "OT"
    dataset.Rows = dataset.Columns = 1024
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.NumberOfFrames = 7, 0, frames
    dataset.PixelData = b""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    head = buffer.getvalue()
    yield head[:-4] + (frames << 20).to_bytes(4, "little")
    for frame in range(frames):
        yield np.full(1 << 20, frame % 251, np.uint8).tobytes()


@pytest.mark.slow
def test_a_large_instance_passes_in_constant_memory(empty_node: DicomwebNode) -> None:
    frames = 400

    def body() -> Iterator[bytes]:
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield from large_instance(frames)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    response = store(empty_node, body())
    assert response.status_code == 200, response.text
    url = response.json()[STORED]["Value"][0]["00081190"]["Value"][0]
    with empty_node.client(headers={"Accept": "application/dicom"}) as client:
        accept = {"Accept": 'multipart/related; type="application/octet-stream"'}
        (frame,) = bodies_of(client.get(f"{url}/frames/{frames}", headers=accept))
        assert frame == bytes([(frames - 1) % 251]) * (1 << 20)
        received = 0
        with client.stream("GET", url) as answer:
            for piece in answer.iter_raw():
                received += len(piece)
        assert received == int(answer.headers["content-length"]) > frames << 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024, f"{grown >> 10} MiB"
    assert not (empty_node.storage.settings.data_dir / "spool").exists()


def test_a_refusal_names_the_attribute_and_the_reason(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    path = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0]
    good = path.read_bytes()
    no_study = changed(path, StudyInstanceUID="", SOPInstanceUID="1.2.3.4")
    uid = str(read(path).SOPInstanceUID).encode()
    no_instance = good.replace(uid, b"x" * len(uid))
    response = store(empty_node, message(good, no_study, no_instance))
    assert response.status_code == 202
    answer = response.json()
    study = read(path).StudyInstanceUID
    assert answer["00081190"]["Value"] == [f"{empty_node.url}/studies/{study}"]
    (failed,) = answer[FAILED]["Value"]
    assert failed["00081155"]["Value"] == ["1.2.3.4"]
    (attribute,) = failed["00741048"]["Value"]
    assert attribute["00820019"]["Value"] == ["StudyInstanceUID"]
    assert attribute["00720026"]["Value"] == ["0020000D"]
    (other,) = answer[OTHER]["Value"]
    assert other["00741048"]["Value"][0]["00720026"]["Value"] == ["00080018"]
    warning = response.headers["warning"]
    assert warning.startswith(f"299 {empty_node.url} ")
    assert "StudyInstanceUID is missing or empty. Instances: 1." in warning
    assert "SOPInstanceUID is not a UID" in warning


def test_an_answer_always_has_the_retrieve_url_though_it_be_empty(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    """Type 2 (PS3.18 Table I.1-1)."""
    response = store(empty_node, message(b"no instance"))
    assert response.status_code == 409
    assert response.json()["00081190"] == {"vr": "UR"}
    assert "warning" in response.headers
    path = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0]
    wrong = store(empty_node, message(path.read_bytes()), "/studies/1.2.3")
    assert wrong.json()["00081190"] == {"vr": "UR"}
    (failed,) = wrong.json()[FAILED]["Value"]
    assert failed["00741048"]["Value"][0]["00820019"]["Value"] == ["StudyInstanceUID"]


def test_an_instance_with_an_endless_accession_number_fails_by_itself(
    empty_node: DicomwebNode,
) -> None:
    made = ct_instance()
    made.add_new("AccessionNumber", "SH", "")
    # As a sender would write it that checks no lengths.
    made["AccessionNumber"]._value = "Q7" * 2000
    response = store(empty_node, message(encoded(made), encoded(ct_instance())))
    assert response.status_code == 202
    assert reasons(response) == [0xC000]
    assert len(response.json()[STORED]["Value"]) == 1
    assert "AccessionNumber" in response.text
    assert "Q7Q7" not in response.text
