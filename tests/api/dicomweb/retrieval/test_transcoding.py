"""Instances in Explicit VR Little Endian, for a client that asks for it."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, read

LITTLE = "1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    "name",
    ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"],
)
def test_an_instance_is_transcoded_with_its_uid_and_pixels(
    empty_node: DicomwebNode, shared_data: Path, name: str
) -> None:
    path = shared_data / "odd" / name
    empty_node.keep([path])
    original = read(path)
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={LITTLE}'
    with empty_node.client(headers={"Accept": accept}) as client:
        (body,) = bodies_of(client.get(empty_node.path_of(original.SOPInstanceUID)))
    found = pydicom.dcmread(io.BytesIO(body))
    assert found.file_meta.TransferSyntaxUID == LITTLE
    assert found.SOPInstanceUID == original.SOPInstanceUID
    assert found.PatientName == original.PatientName
    np.testing.assert_array_equal(found.pixel_array, original.pixel_array)


@pytest.mark.parametrize("name", ["liver_rle.dcm", "liver_j2k.dcm"])
def test_pixels_of_one_bit_stay_packed(
    empty_node: DicomwebNode, shared_data: Path, name: str
) -> None:
    path = shared_data / "seg_sr" / name
    empty_node.keep([path])
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={LITTLE}'
    with empty_node.client(headers={"Accept": accept}) as client:
        (body,) = bodies_of(client.get(empty_node.path_of(read(path).SOPInstanceUID)))
    found = pydicom.dcmread(io.BytesIO(body))
    native = pydicom.dcmread(shared_data / "seg_sr" / "liver.dcm")
    assert found.file_meta.TransferSyntaxUID == LITTLE
    assert (found.BitsAllocated, len(found.PixelData)) == (1, 3 * 512 * 512 // 8)
    np.testing.assert_array_equal(found.pixel_array, native.pixel_array)


def test_what_no_decoder_takes_is_not_acceptable(
    empty_node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "odd" / "JPEG-lossy.dcm"
    empty_node.keep([path])
    accept = f"application/dicom; transfer-syntax={LITTLE}"
    with empty_node.client(headers={"Accept": accept}) as client:
        response = client.get(empty_node.path_of(read(path).SOPInstanceUID))
    assert response.status_code == 406
    assert response.json()["remedy"]
