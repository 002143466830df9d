"""How much surface each measured volume has, by which a change of it is judged.

`storage.core.variation` derives the limit from it.
"""

from collections.abc import Set
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.pipeline import Measurement, Pipeline, PipelineOutput
from storage.core.findings import Surface, Validity
from storage.core.variation import MM3_IN

_DECIMALS = 3
# The faces of voxels show a surface from the front and aslant: of one that lies in all directions
# alike they have half as much again (the mean of |cos| over a sphere is 1/2, in three axes 3/2).
_FACES_PER_SURFACE = 1.5


def with_surfaces(
    pipeline: Pipeline, output: PipelineOutput, volume: Volume, by_hand: Set[int] = frozenset()
) -> PipelineOutput:
    """The output whose volumes know their surface; one that knows it already keeps it.

    Masks lie on the grid of `volume`. `by_hand`: segments that a person has drawn, which no grid of
    a model holds for.
    """
    if output.masks is None or not any(map(_lacks_surface, output.measurements)):
        return output
    faces = _faces(output.masks, len(output.segments))
    edges_mm = np.array(volume.spacing_mm)
    areas_mm2 = faces * (volume.voxel_volume_mm3 / edges_mm)
    fixed = pipeline.card.fixed_grid
    seen_mm: float = getattr(pipeline, "grid_mm", 0.0)

    def with_surface(measurement: Measurement) -> Measurement:
        if not _lacks_surface(measurement):
            return measurement
        index = measurement.segment_index
        parts = measurement.parts if index is None else (index,)
        area_mm2 = float(areas_mm2[list(parts)].sum())
        if not parts or not area_mm2:
            return measurement
        across_mm = float((areas_mm2[list(parts)] * edges_mm).sum()) / area_mm2
        is_fixed = fixed is not None and by_hand.isdisjoint(parts)
        surface = Surface(
            area_mm2=round(area_mm2 / _FACES_PER_SURFACE, _DECIMALS),
            depth_mm=round(max(across_mm, seen_mm, fixed.edge_mm if fixed else 0.0), _DECIMALS),
            fixed_grid_mm=fixed.edge_mm if fixed is not None and is_fixed else 0.0,
        )
        validity = measurement.validity or Validity("complete")
        return replace(measurement, validity=replace(validity, surface=surface))

    return replace(output, measurements=tuple(map(with_surface, output.measurements)))


def surface_of(mask: NDArray[np.bool_], volume: Volume) -> Surface:
    """Of one mask, bool of the shape of the volume, that is no segment of the output."""
    areas_mm2 = _faces(mask.view(np.uint8), 1)[0] * (
        volume.voxel_volume_mm3 / np.array(volume.spacing_mm)
    )
    across_mm = float((areas_mm2 * volume.spacing_mm).sum()) / max(float(areas_mm2.sum()), 1e-9)
    area_mm2 = float(areas_mm2.sum()) / _FACES_PER_SURFACE
    return Surface(round(area_mm2, _DECIMALS), round(across_mm, _DECIMALS))


def _lacks_surface(measurement: Measurement) -> bool:
    return (
        measurement.unit.value in MM3_IN
        and (measurement.segment_index is not None or bool(measurement.parts))
        and (measurement.validity is None or measurement.validity.surface is None)
    )


def _faces(masks: NDArray[Any], segments: int) -> NDArray[np.int64]:
    """By segment and axis: the faces of its voxels across the axis behind which it is not.

    Slice by slice: all at once, a large CT would take gigabytes. The images' edges count as none.
    """
    faces = np.zeros((segments, 3), np.int64)

    def count(axis: int, before: NDArray[Any], behind: NDArray[Any]) -> None:
        differ = before != behind
        if masks.ndim == 4:
            faces[:, axis] += differ.reshape(-1, segments).sum(axis=0)
            return
        for side in (before, behind):
            found = np.bincount(side[differ].ravel(), minlength=segments + 1)
            faces[:, axis] += found[1 : segments + 1]

    for k in range(masks.shape[0]):
        here = masks[k]
        if not here.any() and (k + 1 == masks.shape[0] or not masks[k + 1].any()):
            continue
        count(1, here[:-1], here[1:])
        count(2, here[:, :-1], here[:, 1:])
        if k + 1 < masks.shape[0]:
            count(0, here, masks[k + 1])
    return faces
