"""What cannot be stacked is refused in a sentence that names the slices and the remedy."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from inference.imaging.volume import VolumeRefused, assemble_volume
from tests import builders
from tests.inference import awkward_series as series
from tests.inference.awkward_series import Series, plain_series


@pytest.mark.parametrize(
    ("awkward", "sentence"),
    [
        (
            series.without_one,
            "Slices 3 and 5 are 5.0 mm apart; the rest are 2.5 mm. Ask for a resend.",
        ),
        (series.with_one_twice, "Two slices numbered 3 lie at the same position."),
        (
            series.with_two_echoes,
            "Two slices numbered 1 lie at the same position (and so at 5 more places);"
            " the series mixes 2 echo times.",
        ),
        (series.with_growing_steps, "mm apart; the rest are"),
        (
            series.with_one_turned,
            "The slices lie in 2 different orientations (slice 1 and slice 5 are",
        ),
        (series.with_one_beside, "Slice 4 lies 4.0 mm beside the line on which"),
        (series.with_tilt, "The slices are tilted by 11.3° against the direction"),
        (series.of_one_slice, "The series has 1 slice; a volume needs at least 2."),
        (series.of_nothing, "The series has no instances."),
        (
            series.of_two_series,
            "The instances belong to 2 series; a volume is made of one.",
        ),
        (
            series.as_localizer,
            "ImageType is ORIGINAL\\PRIMARY\\LOCALIZER: the series is a localizer",
        ),
        (series.without_spacing, "PixelSpacing is missing in slice 2."),
        (
            series.with_spacing_zero,
            "PixelSpacing of slice 2 is 0\\0 mm, which is not a distance.",
        ),
        (
            series.with_spacing_of_half_a_metre,
            "PixelSpacing of slice 1 is 500\\500 mm, which is not plausible for",
        ),
        (
            series.with_other_spacing,
            "PixelSpacing is 0.8\\0.6 mm in slice 1 and 0.8\\0.7 mm in slice 2.",
        ),
        (series.without_position, "ImagePositionPatient is missing in slice 2."),
        (series.without_orientation, "ImageOrientationPatient is missing in slice 6."),
        (
            series.with_skewed_orientation,
            "is not a pair of perpendicular directions of length 1.",
        ),
        (
            series.with_frames_of_reference,
            "The slices state 6 different frames of reference",
        ),
        (series.in_colour, "The images are colour or carry a palette (RGB)"),
        (
            series.with_one_inverted,
            "Some slices are stored inverted (MONOCHROME1) and some are not.",
        ),
        (series.with_one_cut_short, "Slice 3 ends after 20 of 40 bytes of pixels."),
        (series.without_pixels, "Slice 3 has no pixels."),
        (series.with_one_smaller, "The slices have different sizes (4 × 4, 5 × 4)."),
        (
            series.as_ct_without_rescale,
            "RescaleSlope and RescaleIntercept are missing in slice 1 of a CT",
        ),
        (
            series.with_slope_zero,
            "RescaleSlope of slice 3 is 0, which leaves no grey values.",
        ),
        (
            series.with_a_report,
            "The series holds an object without an image (modality MR).",
        ),
        (series.as_frames_without_positions, "has 6 frames but states the position of 0."),
        (
            series.of_two_parts_of_three,
            "(a concatenation): 2 of 3 parts are here. Parts are not joined.",
        ),
        (
            series.of_one_part_of_three,
            "(a concatenation): 1 of 3 parts are here. Parts are not joined.",
        ),
        (series.of_two_multiframes, "a volume is made of one multi-frame instance."),
        (
            series.of_multiframes_of_one_frame,
            "a volume is made of one multi-frame instance.",
        ),
    ],
)
def test_an_awkward_series_is_refused_in_a_sentence(
    awkward: Callable[[Series], Series], sentence: str
) -> None:
    with pytest.raises(VolumeRefused) as refusal:
        assemble_volume(awkward(plain_series()))
    assert sentence in str(refusal.value)
    assert refusal.value.code == "volume_refused"
    assert refusal.value.remedy.endswith(".")


def test_more_voxels_than_the_machine_can_hold_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.imaging.volume.MAXIMUM_VOXELS", 100)
    with pytest.raises(VolumeRefused, match="million voxels"):
        assemble_volume(plain_series())


def test_grey_values_stored_inverted_are_kept_and_said() -> None:
    datasets = plain_series()
    for dataset in datasets:
        dataset.PhotometricInterpretation = "MONOCHROME1"
    volume = assemble_volume(datasets)
    assert volume.photometric_interpretation == "MONOCHROME1"
    np.testing.assert_array_equal(volume.voxels[0], datasets[0].pixel_array)


@settings(max_examples=150, deadline=None)
@given(
    keyword=st.sampled_from(
        [
            "ImagePositionPatient",
            "ImageOrientationPatient",
            "PixelSpacing",
            "Rows",
            "Columns",
            "RescaleSlope",
            "RescaleIntercept",
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "PixelRepresentation",
            "NumberOfFrames",
            "SamplesPerPixel",
            "ImageType",
            "PhotometricInterpretation",
            "PixelPaddingValue",
            "InstanceNumber",
            "FrameOfReferenceUID",
            "PixelData",
        ]
    ),
    value=st.one_of(
        st.none(),
        st.sampled_from([b"", b"abc", b"0", b"-1", b"1\\\\2", b"1e400", b"NaN\\NaN", b"\xff\xff"]),
        st.binary(max_size=12),
    ),
    which=st.integers(0, 5),
)
@pytest.mark.filterwarnings("ignore")  # pydicom warns of each broken value
def test_broken_attributes_are_refused_and_never_crash(
    keyword: str, value: bytes | None, which: int
) -> None:
    datasets = plain_series()
    tag = Tag(keyword)
    datasets[which].pop(tag, None)
    if value is not None:
        vr = dictionary_VR(tag).split(" ")[0]
        raw = RawDataElement(tag, vr, len(value), value, 0, False, True)
        datasets[which][tag] = raw
    try:
        volume = assemble_volume(datasets)
    except VolumeRefused as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 - either end is right
    else:
        assert np.isfinite(volume.voxels).all()


def test_the_same_instance_handed_over_twice_is_one_slice() -> None:
    datasets = plain_series()
    volume = assemble_volume([*datasets, copy.deepcopy(datasets[2])])
    assert volume.voxels.shape == (6, 5, 4)


def test_positions_written_with_one_decimal_are_regular_enough() -> None:
    datasets = builders.series(np.zeros((9, 4, 4), np.int16), spacing_mm=(0.625, 1, 1))
    for dataset in datasets:
        dataset.ImagePositionPatient = [f"{float(v):.1f}" for v in dataset.ImagePositionPatient]
    assert assemble_volume(datasets).spacing_mm[0] == pytest.approx(0.625, abs=0.02)


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("gantrytilting_001", "The slices are tilted by 14.0°"),
        ("notavolume_001", "Slices 23 and 24 lie at the same position (and so at 2 more places)"),
        ("sliceincrement_001", "Slices 9 and 10 are 10.0 mm apart; the rest are 5.0 mm."),
    ],
)
def test_real_series_that_are_no_volume_are_refused(
    shared_data: Path, folder: str, sentence: str
) -> None:
    paths = sorted((shared_data / "geometry_guards" / folder).glob("*.dcm"))
    with pytest.raises(VolumeRefused) as refusal:
        assemble_volume([pydicom.dcmread(path) for path in paths])
    assert sentence in str(refusal.value)
