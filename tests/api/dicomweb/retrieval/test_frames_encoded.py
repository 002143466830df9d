"""Frames in a compressed media type that they are not stored in, and where each part says
that it comes from."""

import io
import re

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import compress
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, parts_of
from tests.attacks.support.poison import image, ordinary, part10

TYPES = {
    "image/dicom-rle": RLELossless,
    "image/x-dicom-rle": RLELossless,
    "image/jls": JPEGLSLossless,
    "image/x-jls": JPEGLSLossless,
    "image/jp2": JPEG2000Lossless,
}
NATIVE = "1.2.840.10008.1.2.1"


def grey(bits: int = 12, *, signed: bool = False, frames: int = 3) -> Dataset:
    dataset = ordinary(64)
    values = np.random.default_rng(bits).integers(0, 1 << (bits - 1), (frames, 48, 64))
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 48, 64, frames
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = (values - (1 << (bits - 2)) * signed).astype("<i2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def colour() -> Dataset:
    dataset = ordinary(64)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 1
    dataset.PhotometricInterpretation = "RGB"
    values = np.random.default_rng(8).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    dataset.PixelData = values.tobytes()
    return dataset


def stored(node: DicomwebNode, dataset: Dataset) -> str:
    node.storage.ingest.accept(part10(dataset), "test")
    return node.path_of(dataset.SOPInstanceUID)


def decoded(dataset: Dataset, syntax: str, frames: list[bytes]) -> np.ndarray:
    """By pydicom, as the data set that the metadata describe."""
    other = pydicom.dcmread(io.BytesIO(part10(dataset)))
    other.PlanarConfiguration = 0
    if other.SamplesPerPixel == 1:
        del other.PlanarConfiguration
    other.PixelData = encapsulate(frames)
    other["PixelData"].VR = "OB"
    other.file_meta.TransferSyntaxUID = UID(syntax)
    return other.pixel_array


def get(node: DicomwebNode, url: str, accept: str) -> httpx.Response:
    with node.client(headers={"Accept": accept}) as client:
        return client.get(url)


@pytest.mark.parametrize("media_type", sorted(TYPES))
@pytest.mark.parametrize(
    "dataset",
    [ordinary(40), grey(), grey(16), grey(13, signed=True), colour()],
    ids=["8 bits", "12 bits", "16 bits", "signed", "colour"],
)
def test_native_frames_leave_compressed_without_loss(
    empty_node: DicomwebNode, dataset: Dataset, media_type: str
) -> None:
    syntax = TYPES[media_type]
    url = stored(empty_node, dataset)
    count = int(dataset.get("NumberOfFrames") or 1)
    numbers = ",".join(map(str, range(1, count + 1)))
    response = get(empty_node, f"{url}/frames/{numbers}", f'multipart/related; type="{media_type}"')
    wanted = f"{media_type}; transfer-syntax={syntax}"
    assert {part["Content-Type"] for part in parts_of(response)} == {wanted}
    assert np.array_equal(decoded(dataset, syntax, bodies_of(response)), dataset.pixel_array)


@pytest.mark.parametrize("target", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("source", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_frames_leave_in_another_compression(
    empty_node: DicomwebNode, source: str, target: str
) -> None:
    dataset = grey(frames=1)
    expected = dataset.pixel_array
    compress(dataset, UID(source), generate_instance_uid=False)
    url = stored(empty_node, dataset)
    accept = f'multipart/related; type="application/octet-stream"; transfer-syntax={target}'
    bodies = bodies_of(get(empty_node, f"{url}/frames/1", accept))
    assert np.array_equal(decoded(dataset, target, bodies), expected)


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="image/jphc"',
        'multipart/related; type="image/jpeg"',
        f'multipart/related; type="image/jls"; transfer-syntax={JPEG2000Lossless}',
    ],
)
def test_what_cannot_be_encoded_is_refused_with_what_can(
    empty_node: DicomwebNode, accept: str
) -> None:
    answer = get(empty_node, f"{stored(empty_node, ordinary(16))}/frames/1", accept)
    assert answer.status_code == 406
    assert 'multipart/related; type="image/jls"' in answer.json()["acceptable"]


def test_nobody_gets_compressed_frames_unasked(empty_node: DicomwebNode) -> None:
    url = stored(empty_node, ordinary(16))
    for accept in ("*/*", "multipart/related; type=*/*", "multipart/related"):
        (part,) = parts_of(get(empty_node, f"{url}/frames/1", accept))
        assert part["Content-Type"] == f"application/octet-stream; transfer-syntax={NATIVE}"


def test_frames_compressed_with_loss_are_decoded_where_octets_are_asked_for(
    empty_node: DicomwebNode,
) -> None:
    """PS3.18 8.7.3.3 frees a server of lossy pixels from the default, and forbids it nothing."""
    from PIL import Image

    values = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", quality=90)
    dataset = image(buffer.getvalue(), JPEGBaseline8Bit, 64)
    dataset.LossyImageCompression = "01"
    url = stored(empty_node, dataset)
    octets = 'multipart/related; type="application/octet-stream"'
    for accept in (octets, f"{octets}; transfer-syntax={NATIVE}"):
        response = get(empty_node, f"{url}/frames/1", accept)
        (part,) = parts_of(response)
        assert part["Content-Type"] == f"application/octet-stream; transfer-syntax={NATIVE}"
        (body,) = bodies_of(response)
        assert np.abs(np.frombuffer(body, np.uint8).reshape(64, 64) - values.astype(int)).max() < 9
    (metadata,) = get(empty_node, f"{url}/metadata", "application/dicom+json").json()
    assert metadata["00282110"]["Value"] == ["01"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("transfer_syntax", ["*", NATIVE])
def test_each_part_says_where_it_comes_from(
    empty_node: DicomwebNode, syntax: str, transfer_syntax: str
) -> None:
    dataset = grey()
    dataset.EncapsulatedDocument = bytes(2_000)
    if syntax == RLELossless:
        compress(dataset, UID(syntax), generate_instance_uid=False)
    url = stored(empty_node, dataset)
    accept = (
        f'multipart/related; type="application/octet-stream"; transfer-syntax={transfer_syntax}'
    )
    (metadata,) = get(empty_node, f"{url}/metadata", "application/dicom+json").json()
    addresses = [one["BulkDataURI"] for one in metadata.values() if "BulkDataURI" in one]
    assert len(addresses) == 2
    for address in (f"{url}/frames/3", f"{url}/frames/1,3", f"{url}/frames/2,1", *addresses):
        response = get(empty_node, address, accept)
        parts = parts_of(response)
        locations = [part["Content-Location"] for part in parts]
        assert all(
            re.match(r"http://127\.0\.0\.1:\d+/dicom-web/studies/", one) for one in locations
        )
        for location, body in zip(locations, bodies_of(response), strict=True):
            assert bodies_of(get(empty_node, location, accept)) == [body]
