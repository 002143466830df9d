"""Series that make no volume, each awkward in one way, of one that does."""

import numpy as np
from pydicom.dataset import Dataset

from tests import builders

Series = list[Dataset]


def plain_series(slices: int = 6) -> Series:
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


def with_spacing_of_half_a_metre(datasets: Series) -> Series:
    for dataset in datasets:
        dataset.PixelSpacing = ["500", "500"]
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
