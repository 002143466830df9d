"""WADO-URI with anonymize=yes: what was planted in an instance does not leave with it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER
from storage.audit import Code
from storage.core.uids import derive_uid
from tests.api.access.closed import audited
from tests.api.dicomweb.node import DicomwebNode, dicomweb_node
from tests.inference.deidentification.planting import Planter, image, presentation, report
from tests.inference.deidentification.test_planted_identifiers import part10

# Planted values are longer than their VR allows, as senders write them.
pytestmark = pytest.mark.filterwarnings("ignore:The value length")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[DicomwebNode]:
    with dicomweb_node(tmp_path) as node:
        yield node


def ask(node: DicomwebNode, ds: Dataset, **more: Any) -> httpx.Response:
    query = {
        "requestType": "WADO",
        "studyUID": ds.StudyInstanceUID,
        "seriesUID": ds.SeriesInstanceUID,
        "objectUID": ds.SOPInstanceUID,
        "contentType": "application/dicom",
        "anonymize": "yes",
        **more,
    }
    with node.client() as client:
        return client.get("/wado", params=query)


def received(node: DicomwebNode, *datasets: Dataset) -> None:
    for ds in datasets:
        assert node.storage.ingest.accept(part10(ds), "test").outcome == "stored"


def test_nothing_that_was_planted_leaves(
    own: DicomwebNode, capfd: pytest.CaptureFixture[str]
) -> None:
    for seed, make in enumerate((image, report, presentation), 70):
        planter = Planter(seed)
        ds = make(planter)
        received(own, ds)
        answer = ask(own, ds)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/dicom"
        everything = answer.content + str(answer.headers).encode()
        assert len(planter.planted) > 50
        left = [one for one in planter.planted if one.encode() in everything]
        assert left == []
        found = pydicom.dcmread(io.BytesIO(answer.content))
        assert found.PatientIdentityRemoved == "YES"
        assert found.SOPInstanceUID != ds.SOPInstanceUID
        assert found.PatientID.startswith("A-")
        assert not any(one in "".join(capfd.readouterr()) for one in planter.planted[:20])
    looks = [
        one["detail"].get("via") for one in audited(own.storage, 3, code=Code.INSTANCES_ACCESSED)
    ]
    assert looks.count("WADO-URI, de-identified") == 3


def test_instances_of_a_series_still_belong_together(own: DicomwebNode) -> None:
    planter = Planter(90)
    one, other = image(planter), image(planter)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = planter.uid()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName"):
        setattr(other, keyword, getattr(one, keyword))
    received(own, one, other)
    first, second = (pydicom.dcmread(io.BytesIO(ask(own, ds).content)) for ds in (one, other))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
        assert first[keyword].value == second[keyword].value
    assert first.SOPInstanceUID != second.SOPInstanceUID
    answer = ask(own, one)
    assert pydicom.dcmread(io.BytesIO(answer.content)).SOPInstanceUID == first.SOPInstanceUID
    with own.client(headers={"If-None-Match": answer.headers["etag"]}) as client:
        assert client.get(answer.request.url).status_code == 304


def test_what_the_other_instances_of_the_study_say_counts(own: DicomwebNode) -> None:
    planter = Planter(91)
    ds, other = image(planter), image(planter)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = planter.uid()
    other.StudyInstanceUID, other.SeriesInstanceUID = ds.StudyInstanceUID, ds.SeriesInstanceUID
    ds.ManufacturerModelName = "Model"
    received(own, ds)
    assert ask(own, ds).status_code == 200
    other.PatientName = "Quernhammer^Notburga"
    received(own, other)
    found = pydicom.dcmread(io.BytesIO(ask(own, ds).content))
    assert "Quernhammer" not in str(found)


def test_what_cannot_be_deidentified_is_refused_by_name(own: DicomwebNode) -> None:
    planter = Planter(92)
    ds = image(planter, BurnedInAnnotation="YES")
    received(own, ds)
    answer = ask(own, ds)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "cannot_deidentify"
    assert "text" in problem["detail"]
    assert not any(one in answer.text for one in planter.planted)
    assert ask(own, ds, contentType="image/jpeg").status_code == 400
    assert ask(own, ds, transferSyntax="1.2.840.10008.1.2.4.80").status_code == 406


def test_what_the_node_made_of_a_study_does_not_keep_its_images(own: DicomwebNode) -> None:
    ds = image(Planter(73))
    result = image(Planter(73))
    result.SOPInstanceUID = derive_uid("result", ds.SOPInstanceUID)
    result.DeviceSerialNumber = DEVICE_SERIAL_NUMBER
    result.ManufacturerModelName = MANUFACTURER
    received(own, ds, result)
    answer = ask(own, ds)
    assert answer.status_code == 200, answer.text
