"""Slices of a tilted gantry, resampled upright for the models that ask for it.

A gantry's tilt shifts each slice within its plane against the one before (PS3.3 C.8.2.1:
GantryDetectorTilt): the voxels form a sheared grid. Models expect a rectangular one. A
pipeline that says so (`resamples_tilt`) is given the volume with that shift taken out, and
what it finds is put back on the source grid.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.imaging.geometry import tilt_degrees, upright_step
from inference.imaging.volume import MAXIMUM_VOXELS, Volume
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput
from inference.refusals import VolumeRefused

_TOUCHED = 1e-3


def resamples_tilt(pipeline: Pipeline) -> bool:
    """Whether a pipeline takes tilted slices, resampled; those that say nothing do not."""
    return bool(getattr(pipeline, "resamples_tilt", False))


def run_upright(pipeline: Pipeline, context: PipelineContext) -> PipelineOutput:
    """Run a pipeline; over tilted slices on an upright grid, with the shear stated.

    Masks and maps come back on the source grid. Measurements stay those of the upright grid.
    """
    volume = context.volume
    degrees = 0.0 if volume is None else tilt_degrees(volume.lps_from_kji)
    if volume is None or not degrees:
        return pipeline.run(context)
    shear = _Shear(volume)
    output = pipeline.run(replace(context, volume=shear.upright(volume)))
    masks = None if output.masks is None else shear.back(output.masks)
    maps = tuple(
        replace(one, values=shear.back(one.values).astype(np.float32)) for one in output.maps
    )
    return replace(output, masks=masks, maps=maps, derivation=derivation_text(degrees))


def derivation_text(degrees: float) -> str:
    """The sentence that a result states about the shear."""
    return (
        f"Gantry tilt of {degrees:.1f} degrees: the slices were shifted within their planes onto"
        " an upright grid (linear interpolation) before the model ran; masks were put back on"
        " the source grid (nearest voxel)."
    )


class _Shear:
    """By how many rows and columns each slice lies beside the upright line, and the grid
    that holds all of them."""

    def __init__(self, volume: Volume) -> None:
        affine = volume.lps_from_kji
        self._step = upright_step(affine)
        across = affine[:3, 0] - self._step
        slices = np.arange(volume.voxels.shape[0])
        self._source = volume.voxels.shape[1:]
        self._shifts = [
            slices * float(across @ axis) / float(axis @ axis)
            for axis in (affine[:3, 1], affine[:3, 2])
        ]
        self._first = [int(np.floor(min(0.0, shifts.min()))) for shifts in self._shifts]
        self._shape = tuple(
            int(np.ceil(max(0.0, shifts.max()))) - first + size
            for shifts, first, size in zip(self._shifts, self._first, self._source, strict=True)
        )

    def upright(self, volume: Volume) -> Volume:
        """The volume on the upright grid; what no slice reaches is padding, or the least
        value where no padding is stated. Raises VolumeRefused where the grid grows too large.
        """
        # The API reads this module for its judgement alone, in processes that are to stay small.
        from scipy import ndimage

        shape = (volume.voxels.shape[0], *self._shape)
        if np.prod(shape, dtype=np.float64) > MAXIMUM_VOXELS:
            raise VolumeRefused(
                "Without its tilt the series would have more voxels than are taken.",
                remedy="Ask for a reconstruction without tilt.",
            )
        voxels = np.empty(shape, np.float32)
        least = float(volume.voxels.min())
        is_padding = volume.padding_mask()
        for k, plane in enumerate(volume.voxels):
            padding = float(volume.padding_ranges[k, 0])
            fill = least if np.isnan(padding) else padding
            shift = self._first[0] - self._shifts[0][k], self._first[1] - self._shifts[1][k]
            ndimage.affine_transform(
                plane,
                np.ones(2),
                shift,
                output=voxels[k],
                output_shape=self._shape,
                order=1,
                mode="constant",
                cval=fill,
            )
            if is_padding is not None:
                # Half padding and half tissue would pass for a measured value.
                touched = ndimage.affine_transform(
                    is_padding[k].astype(np.float32),
                    np.ones(2),
                    shift,
                    output_shape=self._shape,
                    order=1,
                    mode="constant",
                    cval=1.0,
                )
                voxels[k][touched > _TOUCHED] = fill
        affine = volume.lps_from_kji.copy()
        affine[:3, 0] = self._step
        affine[:3, 3] += affine[:3, 1] * self._first[0] + affine[:3, 2] * self._first[1]
        return replace(volume, voxels=voxels, lps_from_kji=affine)

    def back(self, masks: NDArray[np.generic]) -> NDArray[np.generic]:
        """Masks on the source grid: each voxel takes that of the upright voxel nearest to it."""
        placed = np.empty((masks.shape[0], *self._source, *masks.shape[3:]), masks.dtype)
        for k in range(len(masks)):
            rows, columns = (
                np.rint(np.arange(size) + shifts[k] - first).astype(np.intp)
                for size, shifts, first in zip(self._source, self._shifts, self._first, strict=True)
            )
            placed[k] = masks[k][rows][:, columns]
        return placed
