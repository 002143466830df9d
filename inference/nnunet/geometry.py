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

from inference.imaging.volume import Volume
from inference.nnunet.card import AS_SENT

_RAS_FROM_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))


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


def seen_by_model(
    volume: Volume,
    channels: Sequence[NDArray[np.float32]],
    orientation: str,
    spacing_mm: float | None,
) -> Seen:
    """`channels` lie on the grid of `volume`, shape (slices, rows, columns) each.

    `spacing_mm` resamples as TotalSegmentator 2.18 does: linearly, and cut to whole numbers.
    """
    back = None
    own_mm: tuple[float, ...] = volume.spacing_mm
    if orientation != AS_SENT:
        # Of (i, j, k), as nibabel has the axes of a file.
        ras_from_ijk = (_RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
        source, target = io_orientation(ras_from_ijk), axcodes2ornt(tuple(orientation))
        there, back = ornt_transform(source, target), ornt_transform(target, source)
        channels = [apply_orientation(one.T, there).T for one in channels]
        turned_mm = np.empty(3)
        turned_mm[there[:, 0].astype(int)] = volume.spacing_mm[::-1]
        own_mm = tuple(float(one) for one in turned_mm[::-1])
    shape = channels[0].shape
    if spacing_mm is not None:
        # NIfTI keeps spacings in single precision.
        zoom = np.array(own_mm[::-1], np.float32).astype(np.float64) / spacing_mm
        if not np.array_equal(zoom, (1, 1, 1)):
            channels = [_resampled(one, zoom) for one in channels]
        own_mm = (spacing_mm,) * 3
    stacked = channels[0][None] if len(channels) == 1 else np.stack(channels)
    return Seen(stacked, (own_mm[0], own_mm[1], own_mm[2]), shape, back)


def _resampled(voxels: NDArray[np.float32], zoom_xyz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Linearly, and cut to whole numbers; in the order of the axes (x, y, z), since sums in another
    order now and then fall on the other side of a whole number."""
    resampled = ndimage.zoom(voxels.T, zoom_xyz, output=np.float64, mode="nearest", order=1)
    return np.ascontiguousarray(resampled.astype(np.int32).T, np.float32)
