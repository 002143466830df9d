"""A trained model of nnU-Net v2 that an operator added, as a pipeline like the others."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.models.card import Proof
from inference.nnunet.description import NnunetDescription
from inference.pipeline import PipelineContext, PipelineOutput, Segment
from inference.pipelines.added_model import AddedModel
from inference.pipelines.segment_measurements import segmented
from storage.core.errors import InvalidRequest


class NnunetPipeline(AddedModel):
    """Runs one model: `model-NAME` in the catalogue. Free of torch until it runs."""

    def __init__(self, model: NnunetDescription) -> None:
        super().__init__(model)
        self._nnunet = model
        spacings = [one.configuration.spacing for one in model.parts]
        self.grid_mm = max((sum(one) / len(one) for one in spacings), default=0.0)
        """Edge of the voxels on which the coarsest of its networks segments."""

    def prove(self) -> Proof:
        """Load the model; noise and a blank image must not give the same.

        Raises ModelUnusable.
        """
        from inference.nnunet.loading import load_model

        self._verify()
        return Proof(
            load_model(self._nnunet, 0).answer,
            "Noise gives what it gave when the model was verified; a blank image gives another.",
        )

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Segments with their volume in cm³. Where the model knows regions they may overlap.

        Raises NothingFound, ModelUnusable, LimitExceeded, InvalidRequest.
        """
        from inference.nnunet.prediction import predict

        volume = context.volume
        if volume is None:
            raise InvalidRequest(f"{self.name} was given no volume.", remedy="Give it a series.")
        self._verify()
        started = time.perf_counter()
        named, derivation = self._channels(context, volume)
        by_role = dict(zip((one.name for one in self.inputs), named, strict=True))
        channels = [by_role[role] for role in self._nnunet.channel_roles] or [volume.voxels]
        labels = predict(
            self._nnunet, volume, channels, context.settings.torch_threads, context.on_progress
        )
        timings_s = {"predict": time.perf_counter() - started}
        segments, masks = self._segments(labels)
        return replace(
            segmented(self._model, segments, masks, volume),
            timings_s=timings_s,
            derivation=derivation,
        )

    def _segments(
        self, labels: NDArray[np.integer[Any]]
    ) -> tuple[tuple[Segment, ...], NDArray[Any]]:
        """Of a label map; where the model knows regions, a mask for each, which may overlap."""
        regions = self._nnunet.regions
        if not regions:
            return self._segments_of_values(labels)
        return self._segments_of_channels(
            {region: np.isin(labels, values) for region, values in regions.items()}
        )
