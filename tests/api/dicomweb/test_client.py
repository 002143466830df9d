"""dicomweb-client, every verb it has, against the node."""

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import read

Uids = tuple[str, str, str]


@pytest.fixture
def client(node: DicomwebNode) -> DICOMwebClient:
    return DICOMwebClient(node.url)


@pytest.fixture
def mr(shared_data: Path) -> list[pydicom.FileDataset]:
    return [read(path) for path in sorted((shared_data / "mr_t1_head").glob("*.dcm"))[:12]]


def uids(dataset: pydicom.Dataset) -> Uids:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def test_it_searches(client: DICOMwebClient, mr: list[pydicom.FileDataset]) -> None:
    study, series, instance = uids(mr[0])
    found = client.search_for_studies(search_filters={"PatientID": mr[0].PatientID})
    assert pydicom.Dataset.from_json(found[0]).StudyInstanceUID == study
    everything = client.search_for_studies(limit=9, get_remaining=True)
    assert len(everything) == len(client.search_for_studies()) > 20
    assert len(client.search_for_studies(limit=3, offset=2, fuzzymatching=True)) == 3
    (row,) = client.search_for_series(study, fields=["Modality", "0008103E"])
    assert row["0020000E"]["Value"] == [series]
    assert client.search_for_series(search_filters={"SeriesInstanceUID": series})
    rows = client.search_for_instances(study, series)
    assert len(rows) == 12
    assert len(client.search_for_instances(study)) == 12
    (row,) = client.search_for_instances(search_filters={"SOPInstanceUID": instance})
    assert row["00280010"]["Value"] == [mr[0].Rows]


def test_it_retrieves_instances(client: DICOMwebClient, mr: list[pydicom.FileDataset]) -> None:
    study, series, instance = uids(mr[0])
    one = client.retrieve_instance(study, series, instance)
    assert one == mr[0]
    assert [uids(d)[2] for d in client.retrieve_series(study, series)] == [uids(d)[2] for d in mr]
    assert sum(1 for _ in client.iter_series(study, series)) == 12
    assert len(client.retrieve_study(study)) == 12
    assert sum(1 for _ in client.iter_study(study)) == 12


def test_it_retrieves_metadata_and_bulk_data(
    client: DICOMwebClient, mr: list[pydicom.FileDataset]
) -> None:
    study, series, instance = uids(mr[0])
    one = client.retrieve_instance_metadata(study, series, instance)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the series states an age of "42"
        header = pydicom.Dataset.from_json(one, bulk_data_uri_handler=lambda *_: b"")
    assert header.ImagePositionPatient == mr[0].ImagePositionPatient
    assert len(client.retrieve_series_metadata(study, series)) == 12
    assert len(client.retrieve_study_metadata(study)) == 12
    address = one["7FE00010"]["BulkDataURI"]
    assert client.retrieve_bulkdata(address) == [mr[0].PixelData]
    assert list(client.iter_bulkdata(address)) == [mr[0].PixelData]


def test_it_retrieves_frames(client: DICOMwebClient, node: DicomwebNode, shared_data: Path) -> None:
    dataset = read(shared_data / "odd" / "MOVEKNEE.dcm")
    frames = client.retrieve_instance_frames(*uids(dataset), frame_numbers=[1, 3, 19])
    expected = dataset.pixel_array
    for frame, index in zip(frames, (0, 2, 18), strict=True):
        assert frame == expected[index].tobytes()
    streamed = client.iter_instance_frames(
        *uids(dataset), frame_numbers=[2], media_types=("application/octet-stream",)
    )
    assert list(streamed) == [expected[1].tobytes()]

    slide = read(shared_data / "wsi" / "sm_image_jpegls.dcm")
    (frame,) = client.retrieve_instance_frames(
        *uids(slide), frame_numbers=[1], media_types=(("image/jls", "1.2.840.10008.1.2.4.80"),)
    )
    assert frame.startswith(b"\xff\xd8")
    (frame,) = client.retrieve_instance_frames(
        *uids(slide), frame_numbers=[25], media_types=("application/octet-stream",)
    )
    assert frame == slide.pixel_array[24].tobytes()
    colour = read(shared_data / "odd" / "examples_ybr_color.dcm")
    (frame,) = client.retrieve_instance_frames(
        *uids(colour),
        frame_numbers=[30],
        media_types=(
            ("image/jpeg", "1.2.840.10008.1.2.4.50"),
            ("image/jp2", "1.2.840.10008.1.2.4.90"),
        ),
    )
    assert Image.open(io.BytesIO(frame)).size == (320, 240)


def test_it_retrieves_rendered_images(
    client: DICOMwebClient, mr: list[pydicom.FileDataset]
) -> None:
    study, series, instance = uids(mr[0])
    size = (mr[0].Columns, mr[0].Rows)
    for image in (
        client.retrieve_instance_rendered(study, series, instance),
        client.retrieve_instance_rendered(
            study, series, instance, ("image/jpeg",), {"quality": 95}
        ),
        client.retrieve_series_rendered(study, series, ("image/png",)),
        client.retrieve_instance_frames_rendered(study, series, instance, [1], ("image/png",)),
    ):
        assert Image.open(io.BytesIO(image)).size == size


def test_it_stores_and_gets_back_what_it_stored(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    datasets = [read(shared_data / "odd" / name) for name in ("MR_small.dcm", "emri_small.dcm")] + [
        read(shared_data / "seg_sr" / "sr_document.dcm")
    ]
    client = DICOMwebClient(empty_node.url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = client.store_instances(datasets)
    assert len(answer.ReferencedSOPSequence) == 3
    assert "FailedSOPSequence" not in answer
    for dataset in datasets:
        found = client.retrieve_instance(*uids(dataset))
        assert found.to_json() == dataset.to_json()
    knee = client.retrieve_instance(*uids(datasets[1]))
    np.testing.assert_array_equal(knee.pixel_array, datasets[1].pixel_array)
    study = datasets[0].StudyInstanceUID
    again = client.store_instances(datasets[:1], study_instance_uid=study)
    assert again.RetrieveURL == f"{empty_node.url}/studies/{study}"
