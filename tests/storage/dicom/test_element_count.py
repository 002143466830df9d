"""Elements that pydicom reads when they are asked for are counted before."""

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.core.errors import LimitExceeded
from storage.dicom import dataset_reader, element_limits
from storage.dicom.dataset_reader import check_element_count
from tests.storage.instances import part10

ITEMS = 5_000


def with_items(frames: int, syntax: str = "") -> bytes:
    """Empty items in a sequence of defined length, eight bytes each."""
    dataset = dcmread(BytesIO(part10()))
    if frames:
        dataset.NumberOfFrames = frames
    dataset.RequestAttributesSequence = [Dataset() for _ in range(ITEMS)]
    if syntax:
        dataset.file_meta.TransferSyntaxUID = syntax
    written = BytesIO()
    dataset.save_as(written)
    return written.getvalue()


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(element_limits, "_ELEMENTS_WITHOUT_FRAMES", ITEMS // 2)
    monkeypatch.setattr(dataset_reader, "_COUNTED_FROM_BYTES", 1_000)


@pytest.mark.parametrize("syntax", ["", ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_empty_items_of_an_image_of_one_frame_are_counted(syntax: str) -> None:
    with pytest.raises(LimitExceeded, match="more than 2500 elements"):
        check_element_count(with_items(0, syntax))


def test_an_image_of_many_frames_may_have_more() -> None:
    check_element_count(with_items(100))
