"""brain-volume: deepbet's mask on the source grid, and its volume.

The mask takes in the cerebrospinal fluid around and within the brain, and its authors call its
volume the total intracranial volume (deepbet 1.0.2, README): so it is called and coded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset

from inference.models.card import Proof
from inference.models.files import readiness_of
from inference.pipeline import (
    Acceptance,
    Measurement,
    ModelCard,
    Passage,
    PipelineContext,
    PipelineOutput,
    Readiness,
    Segment,
)
from inference.pipelines.brain import deepbet_model
from inference.pipelines.brain.brain_mask import TO_THE_SPINAL_CORD, brain_mask_of
from inference.pipelines.brain.plausibility import validity_of_mask
from inference.pipelines.brain.sizes import INTRACRANIAL_SIZES
from inference.pipelines.brain.t1_head import judge_t1_head
from inference.pipelines.codes import ANATOMICAL_STRUCTURE, CM3, MM3_IN_CM3, VOLUME
from storage.core.entities import Instance, Series
from storage.core.errors import InvalidRequest
from storage.core.findings import Code

# PS3.16 CID 7140, Brain Structure for Volumetric Measurement.
_INTRACRANIAL = Code("128319008", "SCT", "Intracranial structure")
_LABEL = "Intracranial space"
_MEASURE = "Intracranial volume"
_COLOR_RGB = (232, 170, 90)


class BrainVolume:
    """Measures brain and cerebrospinal fluid in a 3D T1-weighted head MR, with deepbet."""

    name = "brain-volume"
    version = "1.1.0"
    title = "Intracranial volume"
    description = (
        "Intracranial volume (brain and cerebrospinal fluid) from a T1-weighted head MR, by"
        " deepbet. It is not the volume of the brain's tissue."
    )
    accepts_text = (
        "3D T1-weighted MR of a whole head: one regular stack of 60 or more slices,"
        " voxels of 2 mm or less."
    )
    input_kind: Literal["volume", "image"] = "volume"
    begins_early = True
    card: ModelCard = deepbet_model.CARD
    passages: Mapping[str, Passage] = MappingProxyType({_LABEL: TO_THE_SPINAL_CORD})
    measures = frozenset({_MEASURE})
    plausible_sizes = INTRACRANIAL_SIZES

    def readiness(self) -> Readiness:
        """Whether deepbet's weights are installed and are the proven ones."""
        return readiness_of(self.card)

    def prove(self) -> Proof:
        """Raises ModelUnusable where deepbet does not know a head from nothing."""
        return deepbet_model.prove()

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Take received 3D T1-weighted heads; say why not otherwise."""
        return judge_t1_head(headers)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Brain and cerebrospinal fluid as one segment on the source grid, and its volume in cm³.

        Raises NothingFound, ModelUnusable, InvalidRequest.
        """
        volume = context.volume
        if volume is None:
            raise InvalidRequest(
                "brain-volume was given no volume.", remedy="Give it a series of MR images."
            )
        started = time.perf_counter()
        brain = brain_mask_of(volume, context)
        mask = brain.mask
        segmented = time.perf_counter()
        context.on_progress("measure", 0.97)
        voxels = int(np.count_nonzero(mask))
        return PipelineOutput(
            segments=(Segment(_LABEL, ANATOMICAL_STRUCTURE, _INTRACRANIAL, _COLOR_RGB),),
            masks=mask.astype(np.uint8),
            measurements=(
                Measurement(
                    label=_MEASURE,
                    code=VOLUME,
                    value=voxels * volume.voxel_volume_mm3 / MM3_IN_CM3,
                    unit=CM3,
                    segment_index=0,
                    validity=validity_of_mask(mask, volume, brain.orientation or None),
                ),
            ),
            timings_s={
                "segment": segmented - started,
                "measure": time.perf_counter() - segmented,
            },
        )
