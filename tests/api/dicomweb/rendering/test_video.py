"""Videos that are stored in MP4 files leave as they are, whole and in ranges."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG4HP41, UID, VideoEndoscopicImageStorage, generate_uid

from tests.api.client import part10
from tests.api.dicomweb.node import DicomwebNode
from tests.builders import t1_head

FRAMES = 12


def film() -> bytes:
    """H.264 in an MP4 file; each frame is a little brighter than the one before."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(12))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(FRAMES):
            picture = np.full((48, 64, 3), 40 + 10 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()


def endoscopy(stream: bytes, pieces: int = 1) -> Dataset:
    """A video of an endoscope, its stream in so many fragments."""
    dataset = t1_head((3, 48, 64))[1]
    for keyword in ("RescaleSlope", "RescaleIntercept", "SmallestImagePixelValue"):
        dataset.pop(keyword, None)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = VideoEndoscopicImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.file_meta.TransferSyntaxUID = UID(MPEG4HP41)
    dataset.Modality, dataset.PatientID = "ES", "READS-VIDEO"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "YBR_PARTIAL_420"
    dataset.PlanarConfiguration, dataset.PixelRepresentation = 0, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.NumberOfFrames = 7, FRAMES
    dataset.FrameTime = "83.333"
    size = -(-len(stream) // pieces)
    size += size % 2
    parts = [stream[at : at + size] for at in range(0, len(stream), size)]
    dataset.PixelData = encapsulate(parts, has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def keep(node: DicomwebNode, dataset: Dataset) -> str:
    accepted = node.storage.ingest.accept(part10(dataset), "test")
    return f"{node.path_of(accepted.sop_instance_uid)}/rendered"


def test_a_video_has_metadata_and_no_frames_of_its_own(node: DicomwebNode) -> None:
    url = keep(node, endoscopy(film())).removesuffix("/rendered")
    with node.client() as client:
        (metadata,) = client.get(f"{url}/metadata").raise_for_status().json()
        frame = client.get(f"{url}/frames/1")
    assert metadata["00280008"]["Value"] == [FRAMES]
    assert frame.status_code == 422
    assert "one stream" in frame.json()["detail"]


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_video_leaves_as_it_was_stored_and_by_ranges(node: DicomwebNode, pieces: int) -> None:
    stream = film()
    url = keep(node, endoscopy(stream, pieces))
    with node.client(headers={"Accept": "*/*"}) as client:
        whole = client.get(url)
        again = client.get(url, headers={"If-None-Match": whole.headers["etag"]})
        begin = client.get(url, headers={"Range": "bytes=0-"})
        third = len(stream) // 3
        middle = client.get(url, headers={"Range": f"bytes={third - 5}-{2 * third + 5}"})
        end = client.get(url, headers={"Range": "bytes=-7"})
        beyond = client.get(url, headers={"Range": f"bytes={len(stream) + 2}-"})
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    # A fragment of odd length has a byte of padding.
    sent = whole.content
    assert sent[: len(stream)] == stream
    assert len(sent) - len(stream) <= 1
    with av.open(io.BytesIO(sent)) as read:
        (track,) = read.streams.video
        levels = [frame.to_ndarray(format="gray").mean() for frame in read.decode(track)]
    assert len(levels) == FRAMES
    assert levels == sorted(levels)
    assert again.status_code == 304
    assert (begin.status_code, begin.content) == (206, sent)
    assert middle.content == stream[third - 5 : 2 * third + 6]
    assert middle.headers["content-range"] == f"bytes {third - 5}-{2 * third + 5}/{len(sent)}"
    assert end.content == sent[-7:]
    assert beyond.status_code == 416


def test_what_no_browser_plays_is_refused_in_words(node: DicomwebNode) -> None:
    transport = keep(node, endoscopy(b"\x47" + bytes(187) * 4))
    mp4 = keep(node, endoscopy(film()))
    with node.client() as client:
        refused = client.get(transport, headers={"Accept": "video/mp4"})
        picture = client.get(mp4, headers={"Accept": "image/jpeg"})
    assert refused.status_code == 406
    assert "transport stream" in refused.json()["detail"]
    assert picture.status_code == 406
