"""The masks of a job over several series on the grids of the other series, each by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import segment_tracking_uid
from inference.results.seg import encode_seg
from storage.core.entities import Job

_NEAREST = "masks resampled from the reference onto this series, nearest voxel"


@dataclass(frozen=True)
class OtherGrid:
    """A series beside the reference: its instances in the order of `volume`, which lies where the
    series itself says, and how its space leads into the reference's (4x4, mm, LPS)."""

    sources: Sequence[Dataset]
    volume: Volume
    reference_from_input: NDArray[np.float64]


def segmentations_on(
    grids: Sequence[OtherGrid],
    job: Job,
    pipeline: Pipeline,
    reference: Volume,
    output: PipelineOutput,
) -> Iterator[Dataset]:
    """A Segmentation of each series that shows any of the segments, in its Frame of Reference.

    Its segments have the tracking UIDs of those on the reference.
    """
    segments = tuple(
        replace(one, tracking_uid=segment_tracking_uid(job, one)) for one in output.segments
    )
    for grid in grids:
        masks = masks_on(grid, reference, output)
        if masks.any():
            yield encode_seg(
                replace(job, series_instance_uid=grid.volume.series_instance_uid),
                pipeline,
                grid.sources,
                grid.volume,
                replace(
                    output,
                    segments=segments,
                    masks=masks,
                    derivation="; ".join(filter(None, (output.derivation, _NEAREST))),
                ),
            )


def masks_on(grid: OtherGrid, reference: Volume, output: PipelineOutput) -> NDArray[Any]:
    """Of each voxel of the grid the mask of the reference's voxel nearest to it; none outside."""
    # The processes that schedule and deliver know results, and never look at a mask.
    from scipy import ndimage

    if output.masks is None:
        raise ValueError("A pipeline gave segments without masks.")
    reference_from_own = (
        np.linalg.inv(reference.lps_from_kji) @ grid.reference_from_input @ grid.volume.lps_from_kji
    )

    def moved(mask: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = ndimage.affine_transform(
            mask,
            reference_from_own[:3, :3],
            reference_from_own[:3, 3],
            output_shape=grid.volume.voxels.shape,
            order=0,
            mode="grid-constant",
        )
        return found

    if output.masks.ndim == 3:
        return moved(output.masks)
    channels = np.moveaxis(output.masks.astype(np.uint8), -1, 0)
    return np.stack([moved(one) > 0 for one in channels], axis=-1)
