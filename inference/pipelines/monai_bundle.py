"""A MONAI bundle that an operator added, as a pipeline like the others."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.bundles.runner import computed_by, detect, precision_of, predict, probe
from inference.imaging.padding import not_imaged
from inference.imaging.volume import Volume
from inference.model_servers.open_inference import client_of
from inference.models.card import Proof
from inference.pipeline import (
    Classification,
    ParametricMap,
    PipelineContext,
    PipelineOutput,
    Segment,
)
from inference.pipelines.added_model import AddedModel
from inference.pipelines.box_findings import boxes_as_findings
from inference.pipelines.segment_measurements import segmented
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest


class MonaiBundle(AddedModel):
    """Runs one bundle: `bundle-NAME` in the catalogue."""

    fewer_segments = "Leave classes out of the channel_def in its metadata.json."

    def prove(self) -> Proof:
        """Load the bundle; noise and a blank image must not give the same.

        Raises ModelUnusable.
        """
        self._verify()
        answer = probe(self._model)
        precision = precision_of(self._model, 0)
        detail = (
            "Noise gives what it gave when the bundle was verified; a blank image gives another."
        )
        return Proof(answer, detail if precision is None else f"{detail} {precision.text}")

    def _verify(self) -> None:
        super()._verify()
        if self._model.served is not None:
            client_of(self._model.name, self._model.endpoint, self._model.served)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Segments with their volume in cm³, labels with their confidence, or parametric maps.

        Raises NothingFound, ModelUnusable, InvalidRequest.
        """
        volume = context.volume
        if volume is None:
            raise InvalidRequest(f"{self.name} was given no volume.", remedy="Give it a series.")
        self._verify()
        started = time.perf_counter()
        if self._model.kind == "detection":
            return self._detected(context, volume, started)
        channels, derivation = self._channels(context, volume)
        found = predict(
            self._model, volume, context.settings.torch_threads, context.on_progress, channels
        )
        timings_s = {"predict": time.perf_counter() - started}
        notes = computed_by(self._model, context.settings.torch_threads)
        precision = precision_of(self._model, context.settings.torch_threads)
        if self._model.kind == "classification":
            return PipelineOutput(
                classifications=self._classes(found),
                timings_s=timings_s,
                derivation=derivation,
                notes=notes,
            )
        if self._model.kind == "regression":
            return PipelineOutput(
                measurements=tuple(
                    one.measured(found.tolist(), channel)
                    for channel, one in self._model.numbers.items()
                ),
                timings_s=timings_s,
                derivation=derivation,
                notes=notes,
            )
        if self._model.kind == "parametric-map":
            return PipelineOutput(
                maps=self._maps(found, volume),
                timings_s=timings_s,
                derivation=derivation,
                notes=notes,
            )
        segments, masks = self._segments(found)
        output = segmented(self._model, segments, masks, volume)
        return replace(
            output,
            timings_s=timings_s,
            derivation=derivation,
            parameters=() if precision is None else (precision.parameter,),
            notes=(*notes, *output.notes),
        )

    def _detected(self, context: PipelineContext, volume: Volume, started: float) -> PipelineOutput:
        boxes = detect(self._model, volume, context.settings.torch_threads, context.on_progress)
        segments, masks, measurements = boxes_as_findings(self._model, boxes, volume)
        return PipelineOutput(
            segments=segments,
            masks=masks,
            measurements=measurements,
            timings_s={"predict": time.perf_counter() - started},
        )

    def _maps(self, found: NDArray[Any], volume: Volume) -> tuple[ParametricMap, ...]:
        """The quantities that the card names, each of its channel."""
        missing = [channel for channel in self._model.maps if channel >= len(found)]
        if missing:
            raise ModelUnusable(
                f"{self.title} gives {len(found)} quantities, and its card names channel"
                f" {missing[0]}.",
                remedy="Count the channels from 0.",
            )
        outside = not_imaged(volume)
        return tuple(
            one.map_of(found[channel].astype(np.float32), outside)
            for channel, one in self._model.maps.items()
        )

    def _classes(self, scores: NDArray[Any]) -> tuple[Classification, ...]:
        labels = self._model.labels
        answers = [
            Classification(labels.get(value, str(value)), float(score))
            for value, score in enumerate(scores)
            if value != self._model.background
        ]
        if any(not 0.0 <= answer.confidence <= 1.0 for answer in answers):
            raise ModelUnusable(
                f"The bundle {self._model.name} gives scores that are no probabilities.",
                remedy="Add Activationsd to its postprocessing.",
            )
        return tuple(sorted(answers, key=lambda answer: -answer.confidence))

    def _segments(self, found: NDArray[Any]) -> tuple[tuple[Segment, ...], NDArray[Any]]:
        """Segments of the classes that occur, and their masks.

        One channel holds class values. Several hold a mask each, if they are binary, or
        scores of which the highest counts.
        """
        labels = self._model.labels
        if found.shape[0] > 1 and not np.isin(found, (0, 1)).all():
            found = found.argmax(axis=0)[None]
        if found.shape[0] > 1:
            return self._segments_of_channels(
                {value: found[value] > 0 for value in labels if value < len(found)}
            )
        return self._segments_of_values(np.rint(found[0]).astype(np.int32))
