"""Whether the maps of a pipeline can be stated: checked where its output is taken."""

import numpy as np

from inference.imaging.volume import Volume
from inference.pipeline import MAPS_AT_MOST, Pipeline, PipelineOutput
from inference.refusals import ModelUnusable

_TEXT_AT_MOST = 64
_CODE_AT_MOST = 16


def check_maps(pipeline: Pipeline, output: PipelineOutput, volume: Volume) -> None:
    """Raises ModelUnusable naming the map that is not on the grid of `volume`, or holds nothing."""
    if len(output.maps) > MAPS_AT_MOST:
        raise ModelUnusable(
            f"{pipeline.title} gives {len(output.maps)} parametric maps; {MAPS_AT_MOST} are the"
            " most.",
            remedy="Leave some of them out.",
        )
    for one in output.maps:
        if one.values.shape != volume.voxels.shape:
            raise ModelUnusable(
                f"The map {one.label} of {pipeline.title} has the shape {one.values.shape}; the"
                f" series has {volume.voxels.shape}.",
                remedy="A map lies on the grid of the series: slices, rows, columns.",
            )
        if not 0 < len(one.label) <= _TEXT_AT_MOST:
            raise ModelUnusable(
                f"A map of {pipeline.title} has a name of {len(one.label)} characters.",
                remedy=f"Name it in 1 to {_TEXT_AT_MOST} characters.",
            )
        for code in (one.code, one.unit):
            if not (0 < len(code.value) <= _CODE_AT_MOST and code.scheme_designator):
                raise ModelUnusable(
                    f"The code {code.value[:32]!r} of the map {one.label} is none by DICOM.",
                    remedy="Its value has 1 to 16 characters, and it names its scheme.",
                )
        if np.isinf(one.values).any() or not np.isfinite(one.values).any():
            raise ModelUnusable(
                f"The map {one.label} of {pipeline.title} holds infinite values, or none at all.",
                remedy="Voxels without a value are NaN; at least one has one.",
            )
