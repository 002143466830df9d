"""One series in patient space: voxels, where they lie, and which instance each came from."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.geometry import Stack, spacing_mm, stack_of
from inference.imaging.laterality import side_of
from inference.imaging.pixels import check_grey, padding_range, stored_values
from inference.refusals import VolumeRefused

# 4 GB of float32; the largest whole-body CT has less.
MAXIMUM_VOXELS = 1_000_000_000
AIR_CLIPPED_HU = -1024.0
"""The least value of a CT of twelve bits, at which scanners clip air."""
# Air is -1000 HU, and no noise reaches so far below: scanners fill up with -2000 or -3024.
_NO_HU_BELOW = -1500.0

__all__ = ["MAXIMUM_VOXELS", "Volume", "VolumeRefused", "assemble_volume"]


@dataclass(frozen=True)
class Volume:
    """Voxels of one series on the grid in which they were measured.

    `voxels`: float32, shape (slices, rows, columns), after RescaleSlope and
    RescaleIntercept: HU for CT. Stored values beyond 24 bits lose their last bits.
    `lps_from_kji`: 4×4 float64, maps a zero-based (k, j, i) to the voxel's centre in mm,
    LPS (PS3.3 Equation C.7.6.2.1-1).
    `sop_instance_uids`, `frame_numbers` (from 1) and `instance_indices` (into the sequence
    the volume was assembled from) are in the order of k.
    `padding_ranges`: rescaled values, ends included, that mean padding; shape (slices, 2),
    NaN where a slice states none.
    """

    voxels: NDArray[np.float32]
    lps_from_kji: NDArray[np.float64]
    sop_instance_uids: tuple[str, ...]
    frame_numbers: tuple[int, ...]
    instance_indices: tuple[int, ...]
    frame_of_reference_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    photometric_interpretation: str
    padding_ranges: NDArray[np.float32]
    laterality: str = ""
    """Which side of the body its images state: L, R or B; empty where it is not known."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between slices, rows and columns."""
        return spacing_mm(self.lps_from_kji)

    @property
    def voxel_volume_mm3(self) -> float:
        """By the determinant of the affine, so a shear is counted rightly."""
        return abs(float(np.linalg.det(self.lps_from_kji[:3, :3])))

    @property
    def is_multiframe(self) -> bool:
        return len(set(self.sop_instance_uids)) < len(self.sop_instance_uids)

    def without_voxels(self) -> "Volume":
        """The geometry alone, for those who need no grey value: the memory goes free."""
        nothing = np.broadcast_to(np.float32(np.nan), self.voxels.shape)
        return replace(self, voxels=nothing)

    def padding_mask(self) -> NDArray[np.bool_] | None:
        """True where a voxel is padding; None where there is none.

        In CT the value around the circle is padding as well, which many do not state: the one that
        corners of slices repeat, below -1500 HU. Streaks beside metal fall as low, and lower.
        """
        fill = self._unstated_fill()
        if np.isnan(self.padding_ranges).all():
            return None if fill is None else self.voxels == fill
        low, high = self.padding_ranges[:, 0], self.padding_ranges[:, 1]
        inside: NDArray[np.bool_] = (self.voxels >= low[:, None, None]) & (
            self.voxels <= high[:, None, None]
        )
        if fill is not None:
            inside |= self.voxels == fill
        return inside

    def _unstated_fill(self) -> np.float32 | None:
        """With what a CT fills up around its circle, by the corners of its slices."""
        if self.modality != "CT":
            return None
        corners = self.voxels[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        values, counts = np.unique(corners[corners < _NO_HU_BELOW], return_counts=True)
        if not counts.size or counts.max() < 2:
            return None
        fill: np.float32 = values[counts.argmax()]
        return fill


def assemble_volume(
    datasets: Sequence[Dataset],
    frame_indices: Collection[int] | None = None,
    *,
    tilted: bool = False,
) -> Volume:
    """Stack one series into patient space, whatever the order of its instances.

    Classic single-frame and enhanced multi-frame instances are taken. Slices ascend along
    the normal of their planes (row cosine × column cosine). Padding keeps its value.
    `frame_indices` (from 0) are the frames of a multi-frame instance to take; None: all.
    `tilted`: slices of a tilted gantry are taken too; their affine states the shear.

    Raises VolumeRefused rather than interpolate, guess a spacing or drop a slice.
    """
    stack = stack_of(datasets, frame_indices, tilted=tilted)
    first = datasets[stack.frames[0].instance_index]
    photometric = {check_grey(dataset) for dataset in datasets}
    if len(photometric) > 1:
        raise VolumeRefused(
            "Some slices are stored inverted (MONOCHROME1) and some are not.",
            remedy="Ask for a resend with one photometric interpretation.",
        )
    voxels, padding_ranges = _fill(datasets, stack)
    return Volume(
        voxels=voxels,
        lps_from_kji=stack.lps_from_kji,
        sop_instance_uids=tuple(frame.sop_instance_uid for frame in stack.frames),
        frame_numbers=tuple(frame.frame_number for frame in stack.frames),
        instance_indices=tuple(frame.instance_index for frame in stack.frames),
        frame_of_reference_uid=stack.frame_of_reference_uid,
        series_instance_uid=str(first.get("SeriesInstanceUID", "")),
        study_instance_uid=str(first.get("StudyInstanceUID", "")),
        modality=str(first.get("Modality", "")),
        photometric_interpretation=photometric.pop(),
        padding_ranges=padding_ranges,
        laterality=side_of(
            [datasets[one] for one in {each.instance_index for each in stack.frames}]
        ),
    )


def _fill(
    datasets: Sequence[Dataset], stack: Stack
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    shape = (len(stack.frames), stack.rows, stack.columns)
    if math.prod(shape) > MAXIMUM_VOXELS:
        raise VolumeRefused(
            f"The series has {math.prod(shape) / 1e6:,.0f} million voxels;"
            f" {MAXIMUM_VOXELS / 1e6:,.0f} million are the most taken.",
            remedy="Send a reconstruction with fewer or smaller slices.",
        )
    voxels = np.empty(shape, np.float32)
    padding_ranges = np.full((shape[0], 2), np.nan, np.float32)
    decoded_index = -1
    decoded: NDArray[np.integer[Any]] = np.empty(0, np.int16)
    # Instance by instance, so that a multi-frame one is decoded once and only one is in memory.
    by_instance = sorted(range(shape[0]), key=lambda k: stack.frames[k].instance_index)
    for k in by_instance:
        frame = stack.frames[k]
        dataset = datasets[frame.instance_index]
        if frame.instance_index != decoded_index:
            decoded_index, decoded = frame.instance_index, stored_values(dataset, frame.label)
            padding = padding_range(dataset)
        stored = decoded[frame.frame_index]
        slope, intercept = frame.rescale_slope, frame.rescale_intercept
        if slope == 1.0 and intercept == 0.0:
            voxels[k] = stored
        else:
            # In double, rounded once: whole Hounsfield units stay exact.
            voxels[k] = stored * np.float64(slope) + intercept
        if padding is not None:
            padding_ranges[k] = sorted(end * slope + intercept for end in padding)
    return voxels, padding_ranges
