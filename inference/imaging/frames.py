"""One view of a frame, whether it is a classic instance or part of a multi-frame one.

Classic instances carry their geometry at the top level (PS3.3 C.7.6.2); enhanced ones
carry it in the shared and per-frame functional groups (PS3.3 C.7.6.16.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.calibration.plausible import is_plausible, limits_mm
from inference.imaging.attributes import RESEND, slice_label, unreadable, value_of, whole_number
from inference.refusals import VolumeRefused

_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Frame:
    """One pixel plane in patient space (LPS, mm).

    `position_mm` is the centre of the first voxel. `row_cosine` points along increasing
    column index, `column_cosine` along increasing row index. `row_spacing_mm` is the
    distance between rows: the first value of PixelSpacing (PS3.3 10.7.1.3).
    `instance_index` points into the sequence that the frame was read from, `frame_index`
    counts from 0 within the instance.
    """

    instance_index: int
    frame_index: int
    sop_instance_uid: str
    sop_class_uid: str
    label: str
    position_mm: NDArray[np.float64]
    row_cosine: NDArray[np.float64]
    column_cosine: NDArray[np.float64]
    row_spacing_mm: float
    column_spacing_mm: float
    rescale_slope: float
    rescale_intercept: float

    @property
    def frame_number(self) -> int:
        return self.frame_index + 1


def frames_of(datasets: Sequence[Dataset]) -> list[Frame]:
    """Every frame of a series with its geometry; pixels need not be there.

    Raises VolumeRefused naming the slice and the attribute that is missing or unusable.
    """
    frames: list[Frame] = []
    seen: set[str] = set()
    for instance_index, dataset in enumerate(datasets):
        sop_instance_uid = str(dataset.get("SOPInstanceUID", ""))
        if sop_instance_uid in seen:
            continue  # The same instance handed over twice is one instance.
        seen.add(sop_instance_uid)
        _check_is_image(dataset)
        _check_whole(dataset, datasets)
        if is_multiframe(dataset):
            if len(datasets) > 1:
                raise VolumeRefused(
                    f"The series holds {len(datasets)} instances, and instance"
                    f" {instance_index + 1} is a multi-frame image (frames:"
                    f" {number_of_frames(dataset)}); a volume is made of one multi-frame instance.",
                    remedy="Send one multi-frame instance a series.",
                )
            frames.extend(_enhanced_frames(instance_index, dataset))
        else:
            label = slice_label(dataset)
            frames.append(_frame(instance_index, 0, dataset, label, (dataset,)))
    return frames


def _enhanced_frames(instance_index: int, dataset: Dataset) -> list[Frame]:
    count = number_of_frames(dataset)
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared = tuple(dataset.get("SharedFunctionalGroupsSequence") or ())
    if len(per_frame) != count:
        raise VolumeRefused(
            f"The multi-frame instance has {count} frames but states the position of"
            f" {len(per_frame)}.",
            remedy="Send it as an Enhanced object or as single slices.",
        )
    frames = []
    for frame_index, groups in enumerate(per_frame):
        holders = tuple(
            item
            for source in (groups, *shared)
            for keyword in (
                "PlanePositionSequence",
                "PlaneOrientationSequence",
                "PixelMeasuresSequence",
                "PixelValueTransformationSequence",
            )
            for item in (source.get(keyword) or ())[:1]
        )
        frames.append(
            _frame(instance_index, frame_index, dataset, f"{frame_index + 1}", (*holders, dataset))
        )
    return frames


def _frame(
    instance_index: int,
    frame_index: int,
    dataset: Dataset,
    label: str,
    holders: tuple[Dataset, ...],
) -> Frame:
    orientation = _numbers(holders, "ImageOrientationPatient", 6, label)
    row_cosine, column_cosine = orientation[:3], orientation[3:]
    lengths = np.array([np.linalg.norm(row_cosine), np.linalg.norm(column_cosine)])
    if (
        np.abs(lengths - 1.0).max() > _UNIT_TOLERANCE
        or abs(float(row_cosine @ column_cosine)) > _UNIT_TOLERANCE
    ):
        raise VolumeRefused(
            f"ImageOrientationPatient of slice {label} is not a pair of perpendicular"
            " directions of length 1.",
            remedy=RESEND,
        )
    spacing = _numbers(holders, "PixelSpacing", 2, label)
    if not (spacing > 0).all():
        raise VolumeRefused(
            f"PixelSpacing of slice {label} is {spacing[0]:g}\\{spacing[1]:g} mm,"
            " which is not a distance.",
            remedy=RESEND,
        )
    modality = str(dataset.get("Modality") or "")
    if not is_plausible(modality, (float(spacing[0]), float(spacing[1]))):
        smallest, greatest = limits_mm(modality)
        raise VolumeRefused(
            f"PixelSpacing of slice {label} is {spacing[0]:g}\\{spacing[1]:g} mm, which is not"
            f" plausible for {modality or 'an image'} ({smallest:g} to {greatest:g} mm).",
            remedy=RESEND,
        )
    slope, intercept = _rescale(dataset, holders, label)
    return Frame(
        instance_index=instance_index,
        frame_index=frame_index,
        sop_instance_uid=str(dataset.get("SOPInstanceUID", "")),
        sop_class_uid=str(dataset.get("SOPClassUID", "")),
        label=label,
        position_mm=_numbers(holders, "ImagePositionPatient", 3, label),
        row_cosine=row_cosine / lengths[0],
        column_cosine=column_cosine / lengths[1],
        row_spacing_mm=float(spacing[0]),
        column_spacing_mm=float(spacing[1]),
        rescale_slope=slope,
        rescale_intercept=intercept,
    )


def _rescale(dataset: Dataset, holders: tuple[Dataset, ...], label: str) -> tuple[float, float]:
    slope = _first(holders, "RescaleSlope")
    intercept = _first(holders, "RescaleIntercept")
    if slope is None and intercept is None and dataset.get("Modality") == "CT":
        raise VolumeRefused(
            f"RescaleSlope and RescaleIntercept are missing in slice {label} of a CT,"
            " so its grey values are not Hounsfield units.",
            remedy=RESEND,
        )
    numbers = (
        1.0 if slope is None else _number(slope, "RescaleSlope", label),
        0.0 if intercept is None else _number(intercept, "RescaleIntercept", label),
    )
    if not np.isfinite(numbers).all() or numbers[0] == 0:
        raise VolumeRefused(
            f"RescaleSlope of slice {label} is {numbers[0]:g}, which leaves no grey values.",
            remedy=RESEND,
        )
    return numbers


def _check_is_image(dataset: Dataset) -> None:
    if value_of(dataset, "Rows") is None or value_of(dataset, "Columns") is None:
        raise VolumeRefused(
            f"The series holds an object without an image (modality {dataset.get('Modality')}).",
            remedy="Send the images as a series of their own.",
        )


def _check_whole(dataset: Dataset, datasets: Sequence[Dataset]) -> None:
    """Refuse the parts of one image that was split over instances (PS3.3 C.7.6.16.2.2.4)."""
    uid = value_of(dataset, "ConcatenationUID")
    total = whole_number(dataset, "InConcatenationTotalNumber", 0)
    if uid is None or total == 1:
        return
    here = len({str(one.get("SOPInstanceUID")) for one in datasets if one.get("ConcatenationUID")})
    raise VolumeRefused(
        f"The series is one multi-frame image in several instances (a concatenation):"
        f" {here} of {total or 'an unstated number of'} parts are here. Parts are not joined.",
        remedy="Send it as one instance or as single slices.",
    )


def is_multiframe(dataset: Dataset) -> bool:
    """Whether its frames are named by number where it is referred to (PS3.3 Table 10-3).

    A classic slice may state that it has one frame, which makes it no multi-frame image.
    Raises VolumeRefused.
    """
    return "PerFrameFunctionalGroupsSequence" in dataset or number_of_frames(dataset) > 1


def number_of_frames(dataset: Dataset) -> int:
    """How many frames an instance has; 1 where it does not say. Raises VolumeRefused."""
    return max(1, whole_number(dataset, "NumberOfFrames", 1))


def _first(holders: tuple[Dataset, ...], keyword: str) -> Any:
    """The value from the innermost place that states one: frame, shared groups, instance."""
    for holder in holders:
        value = value_of(holder, keyword)
        if value is not None:
            return value
    return None


def _numbers(
    holders: tuple[Dataset, ...], keyword: str, count: int, label: str
) -> NDArray[np.float64]:
    value = _first(holders, keyword)
    if value is None:
        raise VolumeRefused(f"{keyword} is missing in slice {label}.", remedy=RESEND)
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (ValueError, TypeError) as error:
        raise unreadable(keyword, label) from error
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise VolumeRefused(
            f"{keyword} of slice {label} has {numbers.size} usable numbers; {count} are needed.",
            remedy=RESEND,
        )
    return numbers


def _number(value: Any, keyword: str, label: str) -> float:
    try:
        return float(value)
    except (ValueError, TypeError) as error:
        raise unreadable(keyword, label) from error
