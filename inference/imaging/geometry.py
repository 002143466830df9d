"""Whether frames make one regular stack, and where its voxels lie (PS3.3 C.7.6.2.1.1).

Nothing is resampled and nothing is guessed: a stack is regular within the tolerances
below, or it is refused with a sentence.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.attributes import value_of, whole_number
from inference.imaging.frames import Frame, frames_of
from inference.imaging.headers import texts
from inference.reasons import ReasonCode
from inference.reasons import reason as because
from inference.refusals import VolumeRefused

_DIRECTION_TOLERANCE = 1e-3
_SPACING_RELATIVE_TOLERANCE = 1e-4
_SAME_POSITION_MM = 0.01
# Positions are often written with one decimal, so a distance may be off by a tenth of a
# millimetre; it must still be small beside the distance between slices.
_ROUNDED_POSITION_MM = 0.11
_ROUNDED_POSITION_MOST = 0.25
_INCREMENT_RELATIVE_TOLERANCE = 0.05
_TILT_TOLERANCE_DEGREES = 0.5
_MINIMUM_FRAMES = 2
_RESEND = because("ask_for_resend")
# By how many places are further apart than the rest.
_GAPS: dict[int, ReasonCode] = {1: "gap", 2: "gap_once_more"}
# What tells the members of a series apart when several lie at one position.
_TELLING_APART = (
    ("EchoTime", "echo times"),
    ("DiffusionBValue", "b-values"),
    ("TemporalPositionIdentifier", "time points"),
    ("AcquisitionNumber", "acquisitions"),
)


@dataclass(frozen=True)
class Stack:
    """Frames in order along the normal of their planes, and the map of their voxels.

    `lps_from_kji` is 4×4 and maps a zero-based (slice, row, column) index to the voxel's
    centre in mm. Its first column is the real step from slice to slice, so that a shear
    below the tolerance is not lost.
    """

    frames: tuple[Frame, ...]
    lps_from_kji: NDArray[np.float64]
    rows: int
    columns: int
    frame_of_reference_uid: str


def spacing_mm(lps_from_kji: NDArray[np.float64]) -> tuple[float, float, float]:
    """Distance between slices, rows and columns that an affine states."""
    k, j, i = np.linalg.norm(lps_from_kji[:3, :3], axis=0)
    return float(k), float(j), float(i)


def judged_spacing_mm(lps_from_kji: NDArray[np.float64]) -> tuple[float, float, float]:
    """`spacing_mm` to the thousandth, for limits: positions are written as rounded decimals, so
    that slices 2 mm apart would otherwise be more than that."""
    slices, rows, columns = (round(one, 3) for one in spacing_mm(lps_from_kji))
    return slices, rows, columns


def upright_step(lps_from_kji: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of the step from slice to slice that stands on their planes, in mm."""
    normal = np.cross(lps_from_kji[:3, 2], lps_from_kji[:3, 1])
    normal /= np.linalg.norm(normal)
    along: NDArray[np.float64] = (lps_from_kji[:3, 0] @ normal) * normal
    return along


def tilt_degrees(lps_from_kji: NDArray[np.float64]) -> float:
    """By how much the stack leans against the normal of its planes; 0 within the tolerance."""
    upright = upright_step(lps_from_kji)
    across = np.linalg.norm(lps_from_kji[:3, 0] - upright)
    degrees = float(np.degrees(np.arctan2(across, np.linalg.norm(upright))))
    return degrees if degrees > _TILT_TOLERANCE_DEGREES else 0.0


def stack_of(
    datasets: Sequence[Dataset],
    frame_indices: Collection[int] | None = None,
    *,
    tilted: bool = False,
) -> Stack:
    """Order the frames of one series and gate their geometry; pixels need not be there.

    `frame_indices` (from 0) are the frames of a multi-frame instance to take; None: all.
    `tilted`: a stack that leans by the tilt of a gantry is one, with the shear in its affine.

    Raises VolumeRefused.
    """
    if not datasets:
        raise VolumeRefused(because("no_instances"), remedy=_RESEND)
    _check_one_series(datasets)
    frames = frames_of(datasets)
    if frame_indices is not None:
        wanted = frozenset(frame_indices)
        frames = [frame for frame in frames if frame.frame_index in wanted]
    rows, columns = _common_size(datasets)
    _check_not_localizer(datasets)
    if len(frames) < _MINIMUM_FRAMES:
        raise VolumeRefused(
            because("few_frames", count=len(frames), least=_MINIMUM_FRAMES),
            remedy=because("send_whole_series"),
        )
    _check_same_plane(frames)
    first = frames[0]
    normal = np.cross(first.row_cosine, first.column_cosine)
    positions = np.stack([frame.position_mm for frame in frames])
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    ordered = tuple(frames[index] for index in order)
    positions, along = positions[order], along[order]
    _check_increments(ordered, along, datasets)
    step = (positions[-1] - positions[0]) / (len(ordered) - 1)
    _check_on_line(ordered, positions, step)
    lps_from_kji = np.eye(4)
    lps_from_kji[:3, 0] = step
    lps_from_kji[:3, 1] = ordered[0].column_cosine * first.row_spacing_mm
    lps_from_kji[:3, 2] = ordered[0].row_cosine * first.column_spacing_mm
    lps_from_kji[:3, 3] = positions[0]
    if not tilted:
        _check_tilt(lps_from_kji)
    return Stack(ordered, lps_from_kji, rows, columns, _frame_of_reference(datasets))


def _check_one_series(datasets: Sequence[Dataset]) -> None:
    series = {str(dataset.get("SeriesInstanceUID", "")) for dataset in datasets}
    if len(series) > 1:
        raise VolumeRefused(
            f"The instances belong to {len(series)} series; a volume is made of one.",
            remedy="Hand over one series at a time.",
        )


def _frame_of_reference(datasets: Sequence[Dataset]) -> str:
    references = {str(dataset.get("FrameOfReferenceUID") or "") for dataset in datasets}
    if len(references) > 1:
        each = "one for each slice" if len(references) == len(datasets) else "within one series"
        raise VolumeRefused(
            f"The slices state {len(references)} different frames of reference ({each}), so their"
            " positions cannot be compared (PS3.3 C.7.4.1.1.1).",
            remedy="Sending them again does not help. Have the sending system write one"
            " FrameOfReferenceUID for the series: de-identification that makes a new UID for"
            " every instance is the usual cause. Slices that were acquired in different"
            " positions belong into a series each.",
        )
    return references.pop()


def _common_size(datasets: Sequence[Dataset]) -> tuple[int, int]:
    sizes = {
        (whole_number(dataset, "Rows"), whole_number(dataset, "Columns")) for dataset in datasets
    }
    if min(min(size) for size in sizes) < 1:
        raise VolumeRefused("Some images have no rows or no columns.", remedy=_RESEND)
    if len(sizes) > 1:
        text = ", ".join(f"{rows} × {columns}" for rows, columns in sorted(sizes))
        raise VolumeRefused(
            because("several_sizes", found=text), remedy=because("send_sizes_apart")
        )
    return sizes.pop()


def _check_not_localizer(datasets: Sequence[Dataset]) -> None:
    for dataset in datasets:
        image_type = value_of(dataset, "ImageType") or ()
        values = [value.strip(" \0").upper() for value in texts(image_type)]
        for value, meaning in (("LOCALIZER", "a localizer"), ("MOSAIC", "a mosaic of slices")):
            if value in values:
                text = "\\".join(values)
                raise VolumeRefused(
                    f"ImageType is {text}: the series is {meaning}, not a volume.",
                    remedy="Send the diagnostic series.",
                )


def _check_same_plane(frames: Sequence[Frame]) -> None:
    directions = np.stack([np.concatenate((f.row_cosine, f.column_cosine)) for f in frames])
    different = np.abs(directions - directions[0]).max(axis=1) > _DIRECTION_TOLERANCE
    if different.any():
        count = len(np.unique(np.round(directions, 2), axis=0))
        other = frames[int(np.argmax(different))]
        raise VolumeRefused(
            because(
                "several_orientations",
                count=max(count, 2),
                first=frames[0].label,
                second=other.label,
            ),
            remedy=because("send_orientations_apart"),
        )
    spacings = np.array([(f.row_spacing_mm, f.column_spacing_mm) for f in frames])
    different = (np.abs(spacings / spacings[0] - 1.0) > _SPACING_RELATIVE_TOLERANCE).any(axis=1)
    if different.any():
        other = frames[int(np.argmax(different))]
        raise VolumeRefused(
            f"PixelSpacing is {frames[0].row_spacing_mm:g}\\{frames[0].column_spacing_mm:g} mm in"
            f" slice {frames[0].label} and {other.row_spacing_mm:g}\\{other.column_spacing_mm:g} mm"
            f" in slice {other.label}.",
            remedy="Send images of one spacing as a series of their own.",
        )


def _check_increments(
    frames: Sequence[Frame], along: NDArray[np.float64], datasets: Sequence[Dataset]
) -> None:
    increments = np.diff(along)
    same = np.flatnonzero(increments < _SAME_POSITION_MM)
    if same.size:
        a, b = frames[same[0]], frames[same[0] + 1]
        which = (
            f"Two slices numbered {a.label}"
            if a.label == b.label
            else f"Slices {a.label} and {b.label}"
        )
        raise VolumeRefused(
            f"{which} lie at the same position"
            f"{_elsewhere(same.size - 1)}{_what_differs(datasets)}.",
            remedy=because("send_sets_apart"),
        )
    usual = float(np.median(increments))
    odd = np.flatnonzero(np.abs(increments - usual) > _tolerance_mm(usual))
    if odd.size:
        a, b = frames[odd[0]], frames[odd[0] + 1]
        raise VolumeRefused(
            because(
                _GAPS.get(odd.size, "gaps"),
                first=a.label,
                second=b.label,
                found=f"{increments[odd[0]]:.1f}",
                usual=f"{usual:.1f}",
                count=odd.size - 1,
            ),
            remedy=_RESEND,
        )


def _check_tilt(lps_from_kji: NDArray[np.float64]) -> None:
    degrees = tilt_degrees(lps_from_kji)
    if degrees:
        raise VolumeRefused(
            because("tilt", found=f"{degrees:.1f}"), remedy=because("ask_without_tilt")
        )


def _check_on_line(
    frames: Sequence[Frame], positions: NDArray[np.float64], step: NDArray[np.float64]
) -> None:
    expected = positions[0] + np.arange(len(frames))[:, None] * step
    deviation = np.linalg.norm(positions - expected, axis=1)
    tolerance = _tolerance_mm(float(np.linalg.norm(step)))
    worst = int(np.argmax(deviation))
    if deviation[worst] > tolerance:
        raise VolumeRefused(
            f"Slice {frames[worst].label} lies {deviation[worst]:.1f} mm beside the line on which"
            " the other slices are stacked.",
            remedy=_RESEND,
        )


def _tolerance_mm(spacing_mm: float) -> float:
    rounding = min(_ROUNDED_POSITION_MM, _ROUNDED_POSITION_MOST * spacing_mm)
    return max(rounding, _INCREMENT_RELATIVE_TOLERANCE * spacing_mm)


def _elsewhere(count: int) -> str:
    return f" (and so at {count} more place{'s' if count > 1 else ''})" if count else ""


def _what_differs(datasets: Sequence[Dataset]) -> str:
    for keyword, meaning in _TELLING_APART:
        values = {str(value_of(dataset, keyword)) for dataset in datasets if keyword in dataset}
        if len(values) > 1:
            return f"; the series mixes {len(values)} {meaning}"
    return ""
