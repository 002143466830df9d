"""Slices at the ends of a volume that hold nothing: they count as if they had not been sent.

Scanners and converters fill up a stack with slices of padding, or of zeros. A structure that
reaches the last real slice goes on where nothing was imaged, and must not count as whole.
"""

from dataclasses import replace

import numpy as np

from inference.imaging.volume import Volume
from inference.pipeline import (
    ParametricMap,
    Pipeline,
    PipelineContext,
    PipelineOutput,
    takes_instances,
)
from inference.volume_preparation.tilt import run_upright


def imaged_slices(volume: Volume) -> slice:
    """From the first to the last slice with a picture; all, where none has one.

    A slice has none where all of its voxels have the same value, or mean padding.
    """
    nothing = np.array([plane.min() == plane.max() for plane in volume.voxels])
    padding = volume.padding_mask()
    if padding is not None:
        nothing |= padding.all(axis=(1, 2))
    imaged = np.flatnonzero(~nothing)
    if not len(imaged):
        return slice(0, len(nothing))
    return slice(int(imaged[0]), int(imaged[-1]) + 1)


def run_on_slices(
    pipeline: Pipeline, context: PipelineContext, volume: Volume, imaged: slice
) -> tuple[PipelineOutput, Volume]:
    """What a pipeline finds in these slices of the context's volume, and the slices."""
    part = slices_of(volume, imaged)
    if takes_instances(pipeline):
        # It goes by its instances as well, which are those of all slices.
        output = run_upright(pipeline, context)
        masks = None if output.masks is None else output.masks[imaged]
        maps = tuple(replace(one, values=one.values[imaged]) for one in output.maps)
        return replace(output, masks=masks, maps=maps), part
    inputs = {name: part if one is volume else one for name, one in context.inputs.items()}
    return run_upright(pipeline, replace(context, volume=part, inputs=inputs)), part


def slices_of(volume: Volume, taken: slice) -> Volume:
    """A part of the volume's slices, where they lie in the patient; itself, where it is all."""
    if taken == slice(0, volume.voxels.shape[0]):
        return volume
    affine = volume.lps_from_kji.copy()
    affine[:, 3] = volume.lps_from_kji @ (taken.start, 0, 0, 1)
    return replace(
        volume,
        voxels=volume.voxels[taken],
        lps_from_kji=affine,
        sop_instance_uids=volume.sop_instance_uids[taken],
        frame_numbers=volume.frame_numbers[taken],
        instance_indices=volume.instance_indices[taken],
        padding_ranges=volume.padding_ranges[taken],
    )


def in_all_slices(output: PipelineOutput, imaged: slice, count: int) -> PipelineOutput:
    """The output with masks and maps for all `count` slices; the empty ones hold nothing."""
    output = replace(output, maps=tuple(_in_all_slices(one, imaged, count) for one in output.maps))
    masks = output.masks
    if masks is None or masks.shape[0] == count:
        return output
    whole = np.zeros((count, *masks.shape[1:]), masks.dtype)
    whole[imaged] = masks
    return replace(output, masks=whole)


def _in_all_slices(one: ParametricMap, imaged: slice, count: int) -> ParametricMap:
    if one.values.shape[0] == count:
        return one
    whole = np.full((count, *one.values.shape[1:]), np.nan, np.float32)
    whole[imaged] = one.values
    return replace(one, values=whole)
