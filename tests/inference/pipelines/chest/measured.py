"""lung-density run on a volume."""

import numpy as np

from inference.imaging.volume import Volume
from inference.pipeline import PipelineContext
from inference.pipelines.chest.lung_density import LungDensity
from storage.settings import Settings
from tests.inference.chest import SPACING_MM, Mask

VOXEL_ML = float(np.prod(SPACING_MM)) / 1000


def dice(one: Mask, other: Mask) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


def run(volume: Volume) -> dict[str, float]:
    output = LungDensity().run(PipelineContext(Settings(), volume))
    return {measurement.label: measurement.value for measurement in output.measurements}
