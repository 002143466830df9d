"""Values of two bytes, by the hundred thousand: what is made of each takes a hundred times that."""

import tracemalloc
from io import BytesIO
from xml.etree import ElementTree

import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from api.dicomweb.formats import value_room
from api.dicomweb.instances import large_headers
from api.dicomweb.instances.metadata import make_metadata
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.retrieval.test_bulkdata import JSON
from tests.builders import t1_head

MIB = 1 << 20
XML = {"Accept": 'multipart/related; type="application/dicom+xml"'}


def with_values(vr: str, value: str, elements: int, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Private elements of 60,000 bytes each."""
    (dataset,) = t1_head((1, 8, 8))
    block = dataset.private_block(0x0011, "MAKER", create=True)
    text = "\\".join([value] * (60_000 // (len(value) + 1)))
    for number in range(elements):
        block.add_new(number, vr, text)
    dataset.file_meta.TransferSyntaxUID = syntax
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def in_item(of: Dataset, count: int) -> None:
    point = Dataset()
    point.ContourData = ["-123.5", "0.25", "7"] * count
    contour = Dataset()
    contour.ContourSequence = [point]
    of.ROIContourSequence = [contour]


@pytest.mark.parametrize(("vr", "value"), [("PN", "A"), ("DS", "1"), ("LO", "x"), ("UI", "1")])
def test_an_instance_of_very_many_values_is_left_out(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch, vr: str, value: str
) -> None:
    monkeypatch.setattr(value_room, "MOST_VALUES_BYTES", MIB)
    storage = empty_node.storage
    body = with_values(vr, value, 12, DeflatedExplicitVRLittleEndian)
    assert len(body) < 32 * 1024
    poison = storage.ingest.accept(body, "dimse:STRANGER")
    (other,) = t1_head((1, 8, 8))
    other.StudyInstanceUID = poison.study_instance_uid
    other.SeriesInstanceUID = poison.series_instance_uid
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file = BytesIO()
    dcmwrite(file, other, enforce_file_format=True)
    good = storage.ingest.accept(file.getvalue(), "test")
    instances = storage.index.instances_of(poison.study_instance_uid)
    tracemalloc.start()
    try:
        make_metadata(storage, instances, "http://x", gzipped=False)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * MIB
    with empty_node.client() as client:
        study = f"/studies/{poison.study_instance_uid}"
        for headers in (JSON, XML):
            answer = client.get(f"{study}/metadata", headers=headers)
            assert answer.status_code == 200
            assert "left out" in answer.headers["Warning"]
            assert good.sop_instance_uid in answer.text
            assert poison.sop_instance_uid not in answer.text
        found = client.get(f"{study}/instances", params={"includefield": "all"})
        assert len(found.json()) == 2


def test_contours_of_many_points_stay_inline(empty_node: DicomwebNode) -> None:
    (dataset,) = t1_head((1, 8, 8))
    in_item(dataset, 60_000)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    stored = empty_node.storage.ingest.accept(file.getvalue(), "test")
    with empty_node.client() as client:
        answer = client.get(f"{empty_node.path_of(stored.sop_instance_uid)}/metadata", headers=JSON)
    assert "Warning" not in answer.headers
    (elements,) = answer.json()
    (contour,) = elements["30060039"]["Value"]
    values = contour["30060040"]["Value"][0]["30060050"]["Value"]
    assert (len(values), values[:3]) == (180_000, [-123.5, 0.25, 7])


def test_one_of_many_values_waits_for_another(
    empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_headers, "_TURN_S", 0.05)
    monkeypatch.setattr(large_headers, "_MANY_VALUES_BYTES", MIB)
    stored = empty_node.storage.ingest.accept(with_values("PN", "A", 2), "test")
    url = f"{empty_node.path_of(stored.sop_instance_uid)}/metadata"
    with empty_node.client() as client:
        with large_headers._large:
            assert client.get(url, headers=JSON).status_code == 429
        (elements,) = client.get(url, headers=JSON).json()
        assert len(elements["00111000"]["Value"]) == 30_000
        # It was given back.
        assert large_headers._large.acquire(timeout=1)
        large_headers._large.release()


def test_xml_of_many_names_is_written_as_it_goes(empty_node: DicomwebNode) -> None:
    stored = empty_node.storage.ingest.accept(with_values("PN", "A", 1), "test")
    url = f"{empty_node.path_of(stored.sop_instance_uid)}/metadata"
    with empty_node.client() as client:
        client.get(url, headers=JSON)
        tracemalloc.start()
        try:
            answer = client.get(url, headers=XML)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    document = answer.text[answer.text.index("<?xml") : answer.text.rindex(">") + 1]
    names = ElementTree.fromstring(document).findall(".//{*}PersonName/{*}Alphabetic/{*}FamilyName")
    assert len([one for one in names if one.text == "A"]) == 30_000
    assert peak_bytes < 24 * MIB
