"""A volume of which a part was never imaged."""

from dataclasses import replace

import numpy as np

from inference.imaging.volume import Volume


def cut(volume: Volume, axis: int, start: int, stop: int) -> Volume:
    """The voxels from `start` to before `stop` along an axis (slices, rows, columns)."""
    ranges = [slice(None)] * 3
    ranges[axis] = slice(start, stop)
    corner = [0.0, 0.0, 0.0, 1.0]
    corner[axis] = float(start)
    affine = volume.lps_from_kji.copy()
    affine[:, 3] = volume.lps_from_kji @ corner
    slices = ranges[0]
    voxels = np.ascontiguousarray(volume.voxels[tuple(ranges)])
    return replace(
        volume,
        voxels=voxels,
        lps_from_kji=affine,
        sop_instance_uids=volume.sop_instance_uids[slices],
        frame_numbers=volume.frame_numbers[slices],
        instance_indices=tuple(range(voxels.shape[0])),
        padding_ranges=volume.padding_ranges[slices],
    )


def every_second_voxel_in_plane(volume: Volume) -> Volume:
    """The same chest in a fourth of the time; all slices stay."""
    lps_from_kji = volume.lps_from_kji.copy()
    lps_from_kji[:3, 1:3] *= 2
    return replace(
        volume,
        voxels=np.ascontiguousarray(volume.voxels[:, ::2, ::2]),
        lps_from_kji=lps_from_kji,
    )
