"""brain-volume: deepbet's brain mask on the source grid, and its volume."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.models import readiness_of
from inference.pipeline import (
    Acceptance,
    Measurement,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
    Segment,
)
from inference.pipelines import deepbet_model
from inference.pipelines.t1_head import judge_t1_head
from inference.volume import Volume
from storage.entities import Code, Instance, Series
from storage.errors import InvalidRequest

_ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
_BRAIN = Code("12738006", "SCT", "Brain")
_VOLUME = Code("118565006", "SCT", "Volume")
_CM3 = Code("cm3", "UCUM", "cubic centimeter")
_COLOR_RGB = (232, 170, 90)
_MM3_IN_CM3 = 1000.0


class BrainVolume:
    """Measures the brain in a 3D T1-weighted head MR with deepbet's real weights."""

    name = "brain-volume"
    version = "1.0.0"
    title = "Brain volume"
    description = "Brain mask and brain volume from a T1-weighted head MR, by deepbet."
    accepts_text = (
        "3D T1-weighted MR of a whole head: one regular stack of 60 or more slices,"
        " voxels of 2 mm or less."
    )
    input_kind: Literal["volume", "image"] = "volume"
    card: ModelCard = deepbet_model.CARD

    def readiness(self) -> Readiness:
        """Whether deepbet's weights are installed and are the proven ones."""
        return readiness_of(self.card)

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Take received 3D T1-weighted heads; say why not otherwise."""
        if series.origin == "generated":
            return Acceptance(False, "The series is a result of this node.")
        return judge_t1_head(headers)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """The brain as one segment on the source grid, and its volume in cm³.

        Raises NothingFound, ModelUnusable, InvalidRequest.
        """
        volume = context.volume
        if volume is None:
            raise InvalidRequest(
                "brain-volume was given no volume.", remedy="Give it a series of MR images."
            )
        started = time.perf_counter()
        mask = _mask_on_source_grid(volume, context)
        segmented = time.perf_counter()
        context.on_progress("measure", 0.97)
        voxels = int(np.count_nonzero(mask))
        return PipelineOutput(
            segments=(Segment("Brain", mask, _ANATOMICAL_STRUCTURE, _BRAIN, _COLOR_RGB),),
            measurements=(
                Measurement(
                    label="Brain volume",
                    code=_VOLUME,
                    value=voxels * volume.voxel_volume_mm3 / _MM3_IN_CM3,
                    unit=_CM3,
                    segment_index=0,
                ),
            ),
            timings_s={
                "segment": segmented - started,
                "measure": time.perf_counter() - segmented,
            },
        )


def _mask_on_source_grid(volume: Volume, context: PipelineContext) -> NDArray[np.bool_]:
    from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

    # deepbet wants axes that run to right, anterior, superior, as nibabel's closest
    # canonical orientation gives them: axes are swapped and flipped, nothing is resampled.
    ras_from_kji = np.diag((-1.0, -1.0, 1.0, 1.0)) @ volume.lps_from_kji
    ras_from_ijk = ras_from_kji[:, [2, 1, 0, 3]]
    canonical_from_ijk = io_orientation(ras_from_ijk)
    voxels = _without_padding(volume).T
    canonical = apply_orientation(voxels, canonical_from_ijk)
    mask = deepbet_model.brain_mask(canonical, context.settings.torch_threads, context.on_progress)
    identity = np.array([[0, 1], [1, 1], [2, 1]])
    ijk = apply_orientation(mask, ornt_transform(identity, canonical_from_ijk))
    return np.ascontiguousarray(ijk.T)


def _without_padding(volume: Volume) -> NDArray[np.float32]:
    """The voxels, with padding set to the lowest measured value so that it scales nothing."""
    padding = volume.padding_mask()
    if padding is None or not padding.any() or padding.all():
        return volume.voxels
    return np.where(padding, volume.voxels[~padding].min(), volume.voxels)
