"""Tables of a sender's that state bytes of others: behind an instance lies somebody else's."""

import struct
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.pixels import get_encoder
from pydicom.uid import RLELossless, generate_uid

from api.dicomweb.formats.pieces import Stored
from storage.core.errors import InvalidInstance
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of
from tests.builders import t1_head

ANY = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
SECRET = b"NEXT^PATIENT"


def written(dataset: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def two_frames() -> tuple[Dataset, list[bytes]]:
    (dataset,) = t1_head((1, 64, 64))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    noise = np.random.default_rng(4).integers(0, 255, (2, 64, 64), np.uint8)
    dataset.NumberOfFrames, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 2, 8, 8, 7
    dataset.PixelRepresentation = 0
    frames = [get_encoder(RLELossless).encode(one, encoding_plugin="pydicom", **options(dataset))
              for one in noise]  # fmt: skip
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.PixelData = encapsulate(frames, has_bot=False)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    return dataset, frames


def options(dataset: Dataset) -> dict[str, Any]:
    return {
        "rows": dataset.Rows,
        "columns": dataset.Columns,
        "samples_per_pixel": 1,
        "bits_allocated": 8,
        "bits_stored": 8,
        "pixel_representation": 0,
        "number_of_frames": 1,
        "photometric_interpretation": "MONOCHROME2",
    }


def tables(dataset: Dataset, offsets: Sequence[int], lengths: Sequence[int]) -> None:
    dataset.ExtendedOffsetTable = struct.pack(f"<{len(offsets)}Q", *offsets)
    dataset.ExtendedOffsetTableLengths = struct.pack(f"<{len(lengths)}Q", *lengths)


Lie = Callable[[list[int], list[int]], tuple[Sequence[int], Sequence[int]]]


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda at, size: (at, [200_000, 200_000]), id="longer"),
        pytest.param(lambda at, size: ([at[0], 300_000], size), id="behind"),
        pytest.param(lambda at, size: ([2**64 - 8, 2**64 - 8], size), id="before"),
        pytest.param(lambda at, size: ([at[0], at[1] - 4], size), id="between"),
        pytest.param(lambda at, size: ([at[0], at[0]], [size[0], 2**63]), id="endless"),
    ],
)
def test_frames_are_never_somebody_elses_bytes(empty_node: DicomwebNode, lie: Lie) -> None:
    dataset, frames = two_frames()
    tables(dataset, *lie([0, 8 + len(frames[0])], [len(one) for one in frames]))
    stored = empty_node.storage.ingest.accept(written(dataset), "dimse:STRANGER")
    for _ in range(12):
        (other,) = t1_head((1, 128, 128))
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        other.PatientName = SECRET.decode()
        empty_node.storage.ingest.accept(written(other), "test")
    url = empty_node.path_of(stored.sop_instance_uid)
    with empty_node.client() as client:
        for frame in ("1", "2", "1,2"):
            answer = client.get(f"{url}/frames/{frame}", headers=ANY)
            assert answer.status_code == 200, answer.text
            assert SECRET not in answer.content
            wanted = [frames[int(number) - 1] for number in frame.split(",")]
            assert bodies_of(answer) == wanted
        assert SECRET not in client.get(f"{url}/pixeldata", headers=ANY).content


def test_a_true_table_is_followed(empty_node: DicomwebNode) -> None:
    """In any order: the frames may lie otherwise than they count."""
    dataset, frames = two_frames()
    tables(dataset, [8 + len(frames[0]), 0], [len(frames[1]), len(frames[0])])
    stored = empty_node.storage.ingest.accept(written(dataset), "test")
    with empty_node.client() as client:
        answer = client.get(
            f"{empty_node.path_of(stored.sop_instance_uid)}/frames/1,2", headers=ANY
        )
    assert bodies_of(answer) == [frames[1], frames[0]]


@pytest.mark.parametrize(("start", "length"), [(-8, 100), (0, 10**6), (10**6, 1), (8, -1)])
def test_no_answer_is_made_of_bytes_outside_of_an_instance(
    empty_node: DicomwebNode, start: int, length: int
) -> None:
    dataset, _ = two_frames()
    stored = empty_node.storage.ingest.accept(written(dataset), "test")
    instance = empty_node.storage.index.instance(stored.sop_instance_uid)
    assert Stored(instance, 0, instance.size_bytes).length == instance.size_bytes
    with pytest.raises(InvalidInstance, match="not its own"):
        Stored(instance, start, length)


@pytest.mark.parametrize("stated", [3, 2**31 - 1])
def test_frames_that_a_header_makes_up_are_refused_before_the_answer_begins(
    empty_node: DicomwebNode, stated: int
) -> None:
    """The first one is there, and is not sent with the answer breaking off behind it."""
    (dataset,) = t1_head((1, 64, 64))
    dataset.NumberOfFrames = stated
    stored = empty_node.storage.ingest.accept(written(dataset), "dimse:STRANGER")
    url = empty_node.path_of(stored.sop_instance_uid)
    with empty_node.client() as client:
        assert len(bodies_of(client.get(f"{url}/frames/1", headers=ANY))) == 1
        for frames in ("1,2", "1,2,3", "2"):
            answer = client.get(f"{url}/frames/{frames}", headers=ANY)
            assert answer.status_code == 404, answer.text
            assert "Frame 2 lies beyond" in answer.text
