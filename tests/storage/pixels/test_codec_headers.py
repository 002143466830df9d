"""The size in a codestream's own header, against what the encoders were given."""

import copy
import struct

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import compress
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from storage.core.errors import LimitExceeded
from storage.pixels.budget import MAX_SCANS, PixelBudget, looks
from storage.pixels.codec_headers import CodedSize, coded_size, scan_count
from storage.pixels.decoding import decode_frame_of, decompress
from tests.attacks.support.poison import jpeg_of_many_scans, jpeg_that_lies, ordinary
from tests.shared import shared_folder


def wide(syntax: str) -> Dataset:
    dataset = ordinary(64)
    dataset.Rows, dataset.Columns = 32, 128
    compress(dataset, UID(syntax), generate_instance_uid=False)
    return dataset


def frame_of(dataset: Dataset) -> bytes:
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_rows_and_columns_are_not_confused(syntax: str) -> None:
    assert coded_size(frame_of(wide(syntax))) == CodedSize(columns=128, rows=32, components=1)


def test_rle_states_no_size() -> None:
    assert coded_size(frame_of(wide(RLELossless))) is None


def test_jpeg_ls_may_state_its_size_in_a_parameter_segment() -> None:
    """Oversize image dimensions, for sides above 65,535 (T.87 C.2.4.1.4)."""
    frame = frame_of(wide(JPEGLSLossless))
    body = struct.pack(">BBII", 4, 4, 70_000, 80_000)
    segment = b"\xff\xf8" + struct.pack(">H", 2 + len(body)) + body
    assert coded_size(frame[:2] + segment + frame[2:]) == CodedSize(80_000, 70_000, 1)


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_a_header_that_is_cut_off_is_no_error(length: int) -> None:
    for syntax in (JPEGLSLossless, JPEG2000Lossless):
        coded_size(frame_of(wide(syntax))[:length])
    coded_size(frame_of(jpeg_that_lies())[:length])


@pytest.mark.parametrize(
    ("size", "allowed"),
    [((10, 10, 1), True), ((10, 10, 3), True), ((10, 10, 4), False), ((10, 11, 1), False)],
)
def test_the_budget_counts_pixels_and_more_than_three_values_each(
    size: tuple[int, int, int], allowed: bool
) -> None:
    budget = PixelBudget(100)
    if allowed:
        budget.check_size(*size)
        return
    with pytest.raises(LimitExceeded, match="100 pixels are the most") as refusal:
        budget.check_size(*size)
    assert "MEDIVIEW_MAX_FRAME_PIXELS" in refusal.value.remedy


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_decoding_elsewhere_gives_what_pydicom_gives_here(syntax: str) -> None:
    dataset = wide(syntax)
    expected = dataset.pixel_array
    assert np.array_equal(decode_frame_of(dataset, 0), expected)
    decompress(dataset, 1 << 20)
    assert dataset.PixelData == expected.tobytes()


@pytest.mark.parametrize(
    "name",
    [
        "D_CLUNIE_CT1_RLE_FRAGS.dcm",
        "HTJ2KLossless_08_RGB.dcm",
        "JPEG2000.dcm",
        "MR_small_RLE.dcm",
        "OBXXXX1A_rle_2frame.dcm",
        "SC_jpeg_no_color_transform.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle_32bit_2frame.dcm",
        "emri_small_jpeg_ls_lossless.dcm",
        "examples_ybr_color.dcm",
        "rtdose_rle.dcm",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_decompressing_leaves_the_data_set_that_pydicom_leaves(name: str) -> None:
    dataset = pydicom.dcmread(shared_folder("data") / "odd" / name)
    expected = copy.deepcopy(dataset)
    expected.decompress(generate_instance_uid=False)
    decompress(dataset, 1 << 28)
    assert dataset.file_meta.TransferSyntaxUID == expected.file_meta.TransferSyntaxUID
    assert [element for element in dataset if element != expected.get(element.tag)] == []
    assert set(dataset.keys()) == set(expected.keys())


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_what_has_one_scan_or_none_takes_one_look(syntax: str) -> None:
    frame = frame_of(wide(syntax))
    assert (scan_count(frame), looks(frame)) == (1, 1)


@pytest.mark.parametrize("further", [0, 9, 90, 20_000])
def test_scans_are_counted_and_too_many_are_refused(further: int) -> None:
    ordinary_scans = scan_count(jpeg_of_many_scans(0))
    frame = jpeg_of_many_scans(further)
    assert 1 < ordinary_scans < 12
    assert scan_count(frame) == ordinary_scans + further
    assert looks(frame) == -(-scan_count(frame) // 4)
    if scan_count(frame) <= MAX_SCANS:
        PixelBudget().check_frame(frame, 64, 64)
    else:
        with pytest.raises(LimitExceeded, match="scans"):
            PixelBudget().check_frame(frame, 64, 64)
