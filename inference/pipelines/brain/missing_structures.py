"""Whether structures that every brain has are missing from what a network found of one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.pipeline import Segment
from inference.pipelines.structures import LEFT, RIGHT, STRUCTURES

# Percent of the intracranial volume, of each side: a fifth of what the network finds in the shared
# head. The hippocampi of advanced dementia keep half of their size.
LEAST_PERCENT = {
    "Thalamus": 0.10,
    "Caudate": 0.048,
    "Putamen": 0.068,
    "Pallidum": 0.021,
    "Hippocampus": 0.046,
    "Amygdala": 0.021,
    "Brain-Stem": 0.26,
}
# Of thirteen. A resection or an infarct takes two of them.
MOST_MISSING = 2


def missing_structures(
    segments: Sequence[Segment], counts: NDArray[np.intp], intracranial: NDArray[np.bool_]
) -> str:
    """Which are missing, in a sentence; empty where no more are than disease takes.

    `counts`: voxels by number of the segment, from 1; `intracranial`: on the same grid. Of a brain
    that the images cut off nothing follows from it.
    """
    voxels = {(one.type, one.laterality): int(counts[n + 1]) for n, one in enumerate(segments)}
    whole = int(np.count_nonzero(intracranial))
    missing: dict[str, int] = {}
    for structure in STRUCTURES:
        least = LEAST_PERCENT.get(structure.label, 0.0) / 100.0 * whole
        for side in (LEFT, RIGHT) if structure.paired else (None,):
            if voxels.get((structure.code, side), 0) < least:
                missing[structure.name] = missing.get(structure.name, 0) + 1
    if sum(missing.values()) <= MOST_MISSING:
        return ""
    return f"Structures that every brain has were not found in it: {', '.join(missing)}."
