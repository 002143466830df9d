"""dicomweb-client's less common requests; and that none of its verbs is left out."""

import inspect
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import read
from tests.api.dicomweb.test_client import uids

LITTLE, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


@pytest.fixture
def client(node: DicomwebNode) -> DICOMwebClient:
    return DICOMwebClient(node.url)


def test_every_verb_is_driven() -> None:
    verbs = [
        name
        for name, _ in inspect.getmembers(DICOMwebClient, inspect.isfunction)
        if re.match("search|retrieve|store|iter|delete", name)
    ]
    text = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    assert len(verbs) > 20
    assert [verb for verb in verbs if f".{verb}(" not in text] == []


@pytest.mark.parametrize("syntax", [LITTLE, RLE, "*"])
def test_instances_come_in_a_syntax_of_choice(
    client: DICOMwebClient, shared_data: Path, syntax: str
) -> None:
    original = read(shared_data / "odd" / "CT_small.dcm")
    study, series, instance = uids(original)
    media_types = (("application/dicom", syntax),)
    found = client.retrieve_instance(study, series, instance, media_types)
    assert found.file_meta.TransferSyntaxUID == (
        original.file_meta.TransferSyntaxUID if syntax == "*" else syntax
    )
    np.testing.assert_array_equal(found.pixel_array, original.pixel_array)
    streamed = {
        one.SOPInstanceUID: one.file_meta.TransferSyntaxUID
        for one in client.iter_series(study, series, media_types)
    }
    assert streamed[instance] == found.file_meta.TransferSyntaxUID
    assert len(client.retrieve_study(study, media_types)) >= 1


def test_films_come_by_their_media_types(client: DICOMwebClient, shared_data: Path) -> None:
    path = shared_data / "odd" / "MOVEKNEE.dcm"
    gif = client.retrieve_instance_rendered(
        *uids(read(path)), ("image/gif",), {"viewport": "64,64"}
    )
    assert Image.open(io.BytesIO(gif)).n_frames == 19  # type: ignore[attr-defined]
    film = client.retrieve_instance_rendered(*uids(read(path)), ("video/mp4",))
    assert film[4:8] == b"ftyp"
    frame = client.retrieve_instance_frames_rendered(
        *uids(read(path)), [3], ("image/jpeg",), {"annotation": "patient,technique"}
    )
    assert Image.open(io.BytesIO(frame)).size == (256, 256)


def test_a_report_comes_as_text(client: DICOMwebClient, shared_data: Path) -> None:
    path = shared_data / "seg_sr" / "sr_document.dcm"
    text = client.retrieve_instance_rendered(*uids(read(path)), ("text/plain",))
    assert len(text.splitlines()) > 2


def test_searches_go_on_page_by_page(client: DICOMwebClient) -> None:
    everything = client.search_for_instances(limit=30, get_remaining=True)
    numbers = [one["00080018"]["Value"][0] for one in everything]
    assert len(numbers) == len(set(numbers)) == len(client.search_for_instances())
    assert len(numbers) > 60
    rows = client.search_for_series(
        search_filters={"Modality": "MR"}, fields=["RequestAttributesSequence", "00180087"]
    )
    assert {one["00080060"]["Value"][0] for one in rows} == {"MR"}
    assert any("00180087" in one for one in rows)


def test_the_metadata_of_a_report_hold_all_of_its_content(
    client: DICOMwebClient, node: DicomwebNode, shared_data: Path
) -> None:
    reports = [
        path
        for path in node.files.values()
        if path.parent.name == "seg_sr" and "ContentSequence" in read(path)
    ]
    assert reports
    for path in reports:
        original = read(path)
        elements = client.retrieve_instance_metadata(*uids(original))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pydicom.Dataset.from_json(elements)
        assert found.ContentSequence == original.ContentSequence
        assert len(str(found.ContentSequence)) > 500


def test_one_of_a_store_is_refused_and_the_others_are_in(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    datasets = [read(shared_data / "odd" / name) for name in ("CT_small.dcm", "MR_small.dcm")]
    client = DICOMwebClient(empty_node.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = client.store_instances(datasets, study_instance_uid=datasets[0].StudyInstanceUID)
    assert [one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence] == [
        datasets[0].SOPInstanceUID
    ]
    (failed,) = answer.FailedSOPSequence
    assert failed.ReferencedSOPInstanceUID == datasets[1].SOPInstanceUID
    assert failed.FailureReason == 0xA900
