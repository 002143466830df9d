"""Frames: each file of the shared data against pydicom's own reading of it."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import ExplicitVRLittleEndian

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import (
    CORNERSTONE,
    UNCOMPRESSED,
    bodies_of,
    frames_of,
    parts_of,
    read,
)


def images_of(
    nodes: list[DicomwebNode], accept: str
) -> Iterator[tuple[str, pydicom.FileDataset, Callable[[str], httpx.Response]]]:
    """File name, data set and a way to get its frames, for each image with a sane frame count."""
    for node in nodes:
        with node.client(headers={"Accept": accept}) as client:
            for uid, path in node.files.items():
                dataset = read(path)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    count = str(dataset.get("NumberOfFrames") or "1")
                if "PixelData" in dataset and count.isdigit():
                    url = f"{node.path_of(uid)}/frames"
                    yield path.name, dataset, lambda n, u=url, c=client: c.get(f"{u}/{n}")


def test_every_compressed_frame_leaves_as_it_is_stored(nodes: list[DicomwebNode]) -> None:
    checked = 0
    for name, dataset, get in images_of(nodes, CORNERSTONE):
        syntax = dataset.file_meta.TransferSyntaxUID
        if not syntax.is_encapsulated:
            continue
        count = int(dataset.get("NumberOfFrames") or 1)
        expected = list(generate_frames(dataset.PixelData, number_of_frames=count))
        response = get(",".join(str(number) for number in range(1, count + 1)))
        assert bodies_of(response) == expected, name
        wanted = f"application/octet-stream; transfer-syntax={syntax}"
        assert {part["Content-Type"] for part in parts_of(response)} == {wanted}
        checked += 1
    assert checked > 15


def test_every_native_frame_leaves_in_little_endian(nodes: list[DicomwebNode]) -> None:
    checked = 0
    for name, dataset, get in images_of(nodes, CORNERSTONE):
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated or dataset.PhotometricInterpretation == "YBR_FULL_422":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array, _ = get_decoder(syntax).as_array(dataset, raw=True)
        frames = array if int(dataset.get("NumberOfFrames") or 1) > 1 else array[np.newaxis]
        for number in sorted({1, len(frames) // 2 + 1, len(frames)}):
            response = get(str(number))
            (body,) = bodies_of(response)
            frame = frames[number - 1]
            if dataset.BitsAllocated == 1:
                bits = np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")
                np.testing.assert_array_equal(bits[: frame.size], frame.reshape(-1), name)
            elif dataset.BitsAllocated == 16:
                # pydicom extends the sign into the bits above BitsStored; the file need not.
                mask = np.uint16(2**dataset.BitsStored - 1)
                sent, expected = (
                    np.frombuffer(data, "<u2") & mask
                    for data in (body, stored_order(frame, dataset))
                )
                np.testing.assert_array_equal(sent, expected, name)
            else:
                assert body == stored_order(frame, dataset), name
        (part,) = parts_of(response)
        assert part["Content-Type"].endswith("transfer-syntax=1.2.840.10008.1.2.1")
        checked += 1
    assert checked > 40


def stored_order(frame: np.ndarray, dataset: pydicom.Dataset) -> bytes:
    """A frame's bytes in little endian, by plane where the header says so."""
    if frame.ndim == 3 and dataset.PlanarConfiguration == 1:
        frame = np.moveaxis(frame, -1, 0)
    return frame.astype(frame.dtype.newbyteorder("<")).tobytes()


def test_frames_of_a_segmentation_begin_at_a_byte_although_its_bits_do_not(
    node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "seg_sr" / "liver_nonbyte_aligned.dcm"
    uid = node.stored(path)
    expected = read(path).pixel_array
    assert expected[0].size % 8 != 0
    with node.client(headers={"Accept": CORNERSTONE}) as client:
        bodies = bodies_of(client.get(f"{node.path_of(uid)}/frames/3,2,1"))
    for body, frame in zip(bodies, expected[::-1], strict=True):
        assert len(body) == -(-frame.size // 8)
        bits = np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")[: frame.size]
        np.testing.assert_array_equal(bits.reshape(frame.shape), frame)


def test_compressed_frames_are_decoded_when_the_client_wants_them_plain(
    nodes: list[DicomwebNode],
) -> None:
    checked = 0
    for name, dataset, get in images_of(nodes, UNCOMPRESSED):
        if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            continue
        try:
            frames = frames_of(dataset)
        except (RuntimeError, AttributeError):
            continue  # pydicom has no decoder for it either
        response = get(str(len(frames)))
        (body,) = bodies_of(response)
        if dataset.BitsAllocated == 1:
            body = np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little").tobytes()
        assert body == stored_order(frames[-1], dataset), name
        (part,) = parts_of(response)
        assert part["Content-Type"].endswith(f"transfer-syntax={ExplicitVRLittleEndian}")
        checked += 1
    assert checked > 15


def test_a_segmentation_in_rle_decodes_to_the_same_mask(
    node: DicomwebNode, shared_data: Path
) -> None:
    uid = node.stored(shared_data / "seg_sr" / "liver_rle.dcm")
    expected = read(shared_data / "seg_sr" / "liver.dcm").pixel_array
    with node.client(headers={"Accept": UNCOMPRESSED}) as client:
        bodies = bodies_of(client.get(f"{node.path_of(uid)}/frames/1,2,3"))
    for body, frame in zip(bodies, expected, strict=True):
        bits = np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")
        np.testing.assert_array_equal(bits.reshape(frame.shape), frame)


def test_a_frame_comes_by_itself_when_one_body_is_asked_for(
    node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    with node.client(headers={"Accept": "application/octet-stream"}) as client:
        response = client.get(f"{node.path_of(node.stored(path))}/frames/1")
    assert response.content == read(path).PixelData
    assert response.headers["content-type"].startswith("application/octet-stream")


def test_the_jpeg_of_a_frame_comes_as_a_jpeg(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "SC_rgb_dcmtk_+eb+cy+np.dcm"
    accept = 'multipart/related; type="image/jpeg"'
    with node.client(headers={"Accept": accept}) as client:
        response = client.get(f"{node.path_of(node.stored(path))}/frames/1")
    (part,) = parts_of(response)
    assert part.get_content_type() == "image/jpeg"
    assert bodies_of(response)[0].startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("frames", "status"),
    [("2", 404), ("0", 400), ("1,x", 400), ("1,9", 404), ("-1", 400), ("1,1", 400)],
)
def test_a_frame_that_is_not_there_is_refused(
    node: DicomwebNode, shared_data: Path, frames: str, status: int
) -> None:
    uid = node.stored(shared_data / "odd" / "CT_small.dcm")
    with node.client() as client:
        response = client.get(f"{node.path_of(uid)}/frames/{frames}")
    assert response.status_code == status
    assert response.json()["remedy"]


def test_what_cannot_be_made_is_not_acceptable(node: DicomwebNode, shared_data: Path) -> None:
    uid = node.stored(shared_data / "odd" / "CT_small.dcm")
    with node.client(headers={"Accept": 'multipart/related; type="video/mp4"'}) as client:
        response = client.get(f"{node.path_of(uid)}/frames/1")
    assert response.status_code == 406
    assert response.json()["code"] == "not_acceptable"


def test_an_unchanged_frame_is_not_sent_twice(node: DicomwebNode, shared_data: Path) -> None:
    url = f"{node.path_of(node.stored(shared_data / 'odd' / 'CT_small.dcm'))}/frames/1"
    with node.client(headers={"Accept": CORNERSTONE}) as client:
        etag = client.get(url).headers["etag"]
        again = client.get(url, headers={"If-None-Match": f'"other", {etag}'})
        other = client.get(url, headers={"If-None-Match": etag, "Accept": "*/*;q=0.1, text/x"})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == etag
    assert other.headers["etag"] == etag


def test_an_instance_is_found_only_under_its_own_series(
    node: DicomwebNode, shared_data: Path
) -> None:
    path = node.path_of(node.stored(shared_data / "odd" / "CT_small.dcm"))
    study, _, rest = path.removeprefix("/studies/").partition("/")
    with node.client() as client:
        assert client.get(f"/studies/{study}1/{rest}/frames/1").status_code == 404
        assert client.get(f"/studies/{study}/{rest}9/metadata").status_code == 404
