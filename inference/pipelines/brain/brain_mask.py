"""deepbet's brain mask on the grid of the source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inference.imaging.padding import measured_voxels, without_not_imaged
from inference.imaging.volume import Volume
from inference.pipeline import Passage, PipelineContext
from inference.pipelines.brain import deepbet_model
from inference.pipelines.brain.deepbet_model import FoundBrain

TO_THE_SPINAL_CORD = Passage("inferior", 1000.0)
"""A head that ends in the neck leaves through the foramen magnum: its area is 894 mm2 by the mean
diameters of 36.6 and 31.1 mm (Gruber et al., Surg Radiol Anat 2009), here with some room."""


def brain_mask_of(volume: Volume, context: PipelineContext) -> FoundBrain:
    """deepbet's brain mask of a head, on its own grid: (slices, rows, columns).

    Raises NothingFound, ModelUnusable.
    """
    from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

    # deepbet wants axes that run to right, anterior, superior, as nibabel's closest
    # canonical orientation gives them: axes are swapped and flipped, nothing is resampled.
    ras_from_kji = np.diag((-1.0, -1.0, 1.0, 1.0)) @ volume.lps_from_kji
    ras_from_ijk = ras_from_kji[:, [2, 1, 0, 3]]
    canonical_from_ijk = io_orientation(ras_from_ijk)
    voxels = measured_voxels(volume).T
    canonical = apply_orientation(voxels, canonical_from_ijk)
    found = deepbet_model.brain_mask(canonical, context.settings.torch_threads, context.on_progress)
    identity = np.array([[0, 1], [1, 1], [2, 1]])
    ijk = apply_orientation(found.mask, ornt_transform(identity, canonical_from_ijk))
    return replace(found, mask=without_not_imaged(np.ascontiguousarray(ijk.T), volume))
