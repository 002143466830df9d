"""A volume turned and resampled as the model was trained to see it, and its result turned back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray
from scipy import ndimage

from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.volume import Volume
from inference.nnunet.card import AS_SENT


@dataclass(frozen=True)
class Seen:
    """What nnU-Net is given: `channels` of shape (channels, z, y, x), and `spacing_mm` in that
    order. `turned_shape` is the grid before it was resampled; `back` turns (x, y, z) of it to
    columns, rows and slices, as an orientation of nibabel."""

    channels: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    turned_shape: tuple[int, ...]
    back: NDArray[np.float64] | None

    def on_source_grid(self, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """A label map of what nnU-Net saw on the grid of the series."""
        if labels.shape != self.turned_shape:
            zoom = np.divide(self.turned_shape, labels.shape)
            labels = ndimage.zoom(labels, zoom, mode="nearest", order=0)
        if self.back is None:
            return labels
        turned: NDArray[np.integer] = apply_orientation(labels.T, self.back).T
        return turned


@dataclass(frozen=True)
class Grid:
    """What nnU-Net will be given, before anything is resampled: both in the order (z, y, x)."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]


def grid_seen(volume: Volume, orientation: str, spacing_mm: float | None) -> Grid:
    """The grid of what `seen_by_model` gives."""
    turn = _turn(volume, orientation)
    if spacing_mm is None:
        return Grid(turn.shape, turn.spacing_mm)
    zoom = _zoom_xyz(turn.spacing_mm, spacing_mm)[::-1]
    # As scipy.ndimage.zoom rounds.
    z, y, x = (round(size * factor) for size, factor in zip(turn.shape, zoom, strict=True))
    return Grid((z, y, x), (spacing_mm,) * 3)


def seen_by_model(
    volume: Volume,
    channels: Sequence[NDArray[np.float32]],
    orientation: str,
    spacing_mm: float | None,
) -> Seen:
    """`channels` lie on the grid of `volume`, shape (slices, rows, columns) each.

    `spacing_mm` resamples as TotalSegmentator 2.18 does: linearly, and cut to whole numbers.
    """
    turn = _turn(volume, orientation)
    if turn.there is not None:
        channels = [apply_orientation(one.T, turn.there).T for one in channels]
    own_mm = turn.spacing_mm
    if spacing_mm is not None:
        zoom = _zoom_xyz(own_mm, spacing_mm)
        if not np.array_equal(zoom, (1, 1, 1)):
            channels = [_resampled(one, zoom) for one in channels]
        own_mm = (spacing_mm,) * 3
    stacked = channels[0][None] if len(channels) == 1 else np.stack(channels)
    return Seen(stacked, own_mm, turn.shape, turn.back)


@dataclass(frozen=True)
class _Turn:
    """Orientations of nibabel from the grid of a series and back, and the grid between them."""

    there: NDArray[np.float64] | None
    back: NDArray[np.float64] | None
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]


def _turn(volume: Volume, orientation: str) -> _Turn:
    slices, rows, columns = volume.voxels.shape
    own_mm = volume.spacing_mm
    if orientation == AS_SENT:
        return _Turn(None, None, (slices, rows, columns), own_mm)
    # Of (i, j, k), as nibabel has the axes of a file.
    ras_from_ijk = (RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
    source, target = io_orientation(ras_from_ijk), axcodes2ornt(tuple(orientation))
    there, back = ornt_transform(source, target), ornt_transform(target, source)
    # Which axis of the series each axis of the target is.
    x, y, z = np.argsort(there[:, 0].astype(int))
    shape, mm = (columns, rows, slices), own_mm[::-1]
    return _Turn(there, back, (shape[z], shape[y], shape[x]), (mm[z], mm[y], mm[x]))


def _zoom_xyz(own_mm: Sequence[float], spacing_mm: float) -> NDArray[np.float64]:
    # NIfTI keeps spacings in single precision.
    return np.array(own_mm[::-1], np.float32).astype(np.float64) / spacing_mm


def _resampled(voxels: NDArray[np.float32], zoom_xyz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Linearly, and cut to whole numbers; in the order of the axes (x, y, z), since sums in another
    order now and then fall on the other side of a whole number."""
    resampled = ndimage.zoom(voxels.T, zoom_xyz, output=np.float64, mode="nearest", order=1)
    return np.ascontiguousarray(resampled.astype(np.int32).T, np.float32)
