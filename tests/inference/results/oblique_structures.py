"""Two structures on a grid that is oblique and has three different spacings, as RTSTRUCT."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.results.rtstruct import encode_structure_set
from tests import builders
from tests.inference.results_support import PIPELINE, job_for, output_of

SHAPE = (9, 40, 34)
SPACING_MM = (3.0, 0.7, 1.1)


def shell() -> NDArray[np.bool_]:
    """A box with a tunnel through it, so that each slice has a hole; and nothing at the ends."""
    mask = np.zeros(SHAPE, bool)
    mask[2:7, 5:30, 4:25] = True
    mask[2:7, 12:20, 9:15] = False
    return mask


MASKS = {"Brain": shell(), "Cerebellum": builders.asymmetric_mask(SHAPE)}


def structures(sources: list[Dataset], *masks: NDArray[np.bool_]) -> tuple[Dataset, Volume]:
    volume = assemble_volume(sources)
    output = output_of(volume, *masks)
    return encode_structure_set(job_for(volume), PIPELINE, sources, volume, output), volume


def written_structures() -> tuple[list[Dataset], Dataset, Volume]:
    sources = builders.series(
        np.zeros(SHAPE, np.int16),
        spacing_mm=SPACING_MM,
        modality="CT",
        directions=builders.rotation(25, -15, 110),
    )
    return sources, *structures(sources, *MASKS.values())
