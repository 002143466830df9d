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
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from inference.volume import VolumeRefused, assemble_volume
from tests import builders

Series = list[Dataset]


def _series(slices: int = 6) -> Series:
    voxels = np.random.default_rng(2).integers(0, 500, (slices, 5, 4), dtype=np.int16)
    return builders.series(voxels, directions=builders.rotation(10, 20, 30))


def _normal(datasets: Series) -> np.ndarray:
    orientation = np.asarray(datasets[0].ImageOrientationPatient, dtype=np.float64)
    return np.cross(orientation[:3], orientation[3:])


def without_one(datasets: Series) -> Series:
    return datasets[:3] + datasets[4:]


def with_one_twice(datasets: Series) -> Series:
    return [*datasets, builders.moved(datasets[2], (0, 0, 0))]


def with_two_echoes(datasets: Series) -> Series:
    second = [builders.moved(dataset, (0, 0, 0)) for dataset in datasets]
    for dataset in datasets:
        dataset.EchoTime = "2.4"
    for dataset in second:
        dataset.EchoTime = "4.8"
    return datasets + second


def with_growing_steps(datasets: Series) -> Series:
    normal = _normal(datasets)
    return [builders.moved(ds, normal * 0.2 * k * k) for k, ds in enumerate(datasets)]


def with_one_turned(datasets: Series) -> Series:
    datasets[4].ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    return datasets


def with_one_beside(datasets: Series) -> Series:
    orientation = np.asarray(datasets[0].ImageOrientationPatient, dtype=np.float64)
    datasets[3] = builders.moved(datasets[3], orientation[:3] * 4.0)
    return datasets


def with_tilt(datasets: Series) -> Series:
    orientation = np.asarray(datasets[0].ImageOrientationPatient, dtype=np.float64)
    return [builders.moved(ds, orientation[3:] * 0.5 * k) for k, ds in enumerate(datasets)]


def of_one_slice(datasets: Series) -> Series:
    return datasets[:1]


def of_nothing(_: Series) -> Series:
    return []


def of_two_series(datasets: Series) -> Series:
    datasets[0].SeriesInstanceUID = "1.2.3"
    return datasets


def as_localizer(datasets: Series) -> Series:
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return datasets


def without_spacing(datasets: Series) -> Series:
    del datasets[1].PixelSpacing
    return datasets


def with_spacing_zero(datasets: Series) -> Series:
    datasets[1].PixelSpacing = ["0.000", "0.000"]
    return datasets


def with_other_spacing(datasets: Series) -> Series:
    datasets[1].PixelSpacing = ["0.8", "0.7"]
    return datasets


def without_position(datasets: Series) -> Series:
    datasets[1].ImagePositionPatient = None
    return datasets


def without_orientation(datasets: Series) -> Series:
    del datasets[5].ImageOrientationPatient
    return datasets


def with_skewed_orientation(datasets: Series) -> Series:
    for dataset in datasets:
        dataset.ImageOrientationPatient = ["1", "0", "0", "0.5", "0.5", "0"]
    return datasets


def with_frames_of_reference(datasets: Series) -> Series:
    for k, dataset in enumerate(datasets):
        dataset.FrameOfReferenceUID = f"1.2.3.{k}"
    return datasets


def in_colour(datasets: Series) -> Series:
    for dataset in datasets:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    return datasets


def with_one_inverted(datasets: Series) -> Series:
    datasets[0].PhotometricInterpretation = "MONOCHROME1"
    return datasets


def with_one_cut_short(datasets: Series) -> Series:
    datasets[2].PixelData = datasets[2].PixelData[:20]
    return datasets


def without_pixels(datasets: Series) -> Series:
    del datasets[2].PixelData
    return datasets


def with_one_smaller(datasets: Series) -> Series:
    datasets[2].Rows = 4
    return datasets


def as_ct_without_rescale(datasets: Series) -> Series:
    for dataset in datasets:
        dataset.Modality = "CT"
        del dataset.RescaleSlope, dataset.RescaleIntercept
    return datasets


def with_slope_zero(datasets: Series) -> Series:
    datasets[2].RescaleSlope = "0"
    return datasets


def with_a_report(datasets: Series) -> Series:
    del datasets[0].Rows
    return datasets


def as_frames_without_positions(datasets: Series) -> Series:
    dataset = datasets[0]
    dataset.NumberOfFrames = 6
    return [dataset]


def of_two_multiframes(datasets: Series) -> Series:
    first = builders.enhanced_mr(datasets, range(6))
    second = builders.moved(datasets[0], (0, 0, 50))
    return [first, second]


def of_multiframes_of_one_frame(datasets: Series) -> Series:
    return [builders.enhanced_mr([one], [0]) for one in datasets]


def of_two_parts_of_three(datasets: Series) -> Series:
    parts = [builders.enhanced_mr(datasets, order) for order in ((0, 1, 2), (3, 4, 5))]
    for number, part in enumerate(parts, start=1):
        part.SOPInstanceUID = f"1.2.3.{number}"
        part.ConcatenationUID, part.SOPInstanceUIDOfConcatenationSource = "1.2.4", "1.2.5"
        part.InConcatenationNumber, part.InConcatenationTotalNumber = number, 3
        part.ConcatenationFrameOffsetNumber = 3 * (number - 1)
    return parts


def of_one_part_of_three(datasets: Series) -> Series:
    return of_two_parts_of_three(datasets)[:1]


@pytest.mark.parametrize(
    ("awkward", "sentence"),
    [
        (without_one, "Slices 3 and 5 are 5.0 mm apart; the rest are 2.5 mm. Ask for a resend."),
        (with_one_twice, "Two slices numbered 3 lie at the same position."),
        (
            with_two_echoes,
            "Two slices numbered 1 lie at the same position (and so at 5 more places);"
            " the series mixes 2 echo times.",
        ),
        (with_growing_steps, "mm apart; the rest are"),
        (with_one_turned, "The slices lie in 2 different orientations (slice 1 and slice 5 are"),
        (with_one_beside, "Slice 4 lies 4.0 mm beside the line on which"),
        (with_tilt, "The slices are tilted by 11.3° against the direction"),
        (of_one_slice, "The series has 1 slice; a volume needs at least 2."),
        (of_nothing, "The series has no instances."),
        (of_two_series, "The instances belong to 2 series; a volume is made of one."),
        (as_localizer, "ImageType is ORIGINAL\\PRIMARY\\LOCALIZER: the series is a localizer"),
        (without_spacing, "PixelSpacing is missing in slice 2."),
        (with_spacing_zero, "PixelSpacing of slice 2 is 0\\0 mm, which is not a distance."),
        (with_other_spacing, "PixelSpacing is 0.8\\0.6 mm in slice 1 and 0.8\\0.7 mm in slice 2."),
        (without_position, "ImagePositionPatient is missing in slice 2."),
        (without_orientation, "ImageOrientationPatient is missing in slice 6."),
        (with_skewed_orientation, "is not a pair of perpendicular directions of length 1."),
        (with_frames_of_reference, "The slices state 6 different frames of reference"),
        (in_colour, "The images are colour or carry a palette (RGB)"),
        (with_one_inverted, "Some slices are stored inverted (MONOCHROME1) and some are not."),
        (with_one_cut_short, "Slice 3 ends after 20 of 40 bytes of pixels."),
        (without_pixels, "Slice 3 has no pixels."),
        (with_one_smaller, "The slices have different sizes (4 × 4, 5 × 4)."),
        (as_ct_without_rescale, "RescaleSlope and RescaleIntercept are missing in slice 1 of a CT"),
        (with_slope_zero, "RescaleSlope of slice 3 is 0, which leaves no grey values."),
        (with_a_report, "The series holds an object without an image (modality MR)."),
        (as_frames_without_positions, "has 6 frames but states the position of 0."),
        (of_two_parts_of_three, "(a concatenation): 2 of 3 parts are here. Parts are not joined."),
        (of_one_part_of_three, "(a concatenation): 1 of 3 parts are here. Parts are not joined."),
        (of_two_multiframes, "a volume is made of one multi-frame instance."),
        (of_multiframes_of_one_frame, "a volume is made of one multi-frame instance."),
    ],
)
def test_an_awkward_series_is_refused_in_a_sentence(
    awkward: Callable[[Series], Series], sentence: str
) -> None:
    with pytest.raises(VolumeRefused) as refusal:
        assemble_volume(awkward(_series()))
    assert sentence in str(refusal.value)
    assert refusal.value.code == "volume_refused"
    assert refusal.value.remedy.endswith(".")


def test_more_voxels_than_the_machine_can_hold_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.volume.MAXIMUM_VOXELS", 100)
    with pytest.raises(VolumeRefused, match="million voxels"):
        assemble_volume(_series())


def test_grey_values_stored_inverted_are_kept_and_said() -> None:
    datasets = _series()
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
    datasets = _series()
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
    datasets = _series()
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
