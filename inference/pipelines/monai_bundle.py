"""A MONAI bundle that an operator added, as a pipeline like the others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.bundles.description import BundleDescription
from inference.bundles.runner import computed_by, detect, predict, probe
from inference.imaging.resampling import on_same_grid, onto_grid
from inference.imaging.volume import Volume
from inference.model_servers.open_inference import client_of
from inference.models.card import Proof
from inference.models.card_file import critical_limits, population_of
from inference.models.model_folders import digests_of, verify_files
from inference.pipeline import (
    Acceptance,
    Classification,
    Measurement,
    ModelCard,
    NamedInput,
    PipelineContext,
    PipelineOutput,
    Readiness,
    Segment,
)
from inference.pipelines.box_findings import boxes_as_findings
from inference.pipelines.codes import CM3, MM3_IN_CM3, VOLUME
from inference.pipelines.structures import LEFT, RIGHT
from inference.refusals import ModelUnusable, NothingFound
from inference.scheduling.rules.facts import SeriesFacts
from inference.scheduling.rules.judge import judge
from storage.core.entities import Code, Instance, Series
from storage.core.errors import InvalidRequest

_MODALITIES = {"MRI": "MR", "MR": "MR", "CT": "CT", "PET": "PT", "PT": "PT"}
_SIDES = {"left": LEFT, "right": RIGHT}
_SEGMENTS_AT_MOST = 255


class MonaiBundle:
    """Runs one bundle: `bundle-NAME` in the catalogue."""

    input_kind: Literal["volume", "image"] = "volume"
    # Beside the edge a network sees the end of the data as well, and leaves voxels out.
    edge_margin_mm = 3.0

    def __init__(self, bundle: BundleDescription) -> None:
        self._bundle = bundle
        self.name = f"{bundle.prefix}-{bundle.name}"
        self.version = bundle.version
        self.title = bundle.title
        self.description = bundle.description
        self.resamples_tilt = bundle.card.gantry_tilt == "resample"
        self.inputs = tuple(
            NamedInput(name, one.title or name, one.required)
            for name, one in bundle.card.inputs.items()
        )
        self.reference = bundle.card.reference
        modality = _MODALITIES.get(bundle.modality, bundle.modality or "any modality")
        titles = ", ".join(one.title for one in self.inputs)
        self.accepts_text = bundle.card.accepts_text or (
            f"Of one study in one Frame of Reference: {titles}."
            if self.inputs
            else f"{modality}: one regular stack of slices that the bundle's card takes."
        )
        try:
            files = digests_of(bundle.folder, f"The bundle {bundle.name}")
        except ModelUnusable:
            files = ()
        self.card = ModelCard(
            name=bundle.name,
            version=bundle.version,
            licence=bundle.licence,
            source=bundle.source,
            intended_use=bundle.intended_use,
            input_description=self.accepts_text,
            files=files,
            training_data=bundle.card.training_data,
            output_codes=tuple(Code(*bundle.segment(value).code) for value in bundle.labels)
            if bundle.kind != "classification"
            else (),
            revision=bundle.card.revision,
            gate=bundle.card.thresholds,
            normal_ranges=bundle.card.ranges,
            critical=critical_limits(bundle.card),
            on_truncation=bundle.card.on_truncation,
            population=population_of(bundle.card),
            admission="operator",
        )

    def readiness(self) -> Readiness:
        """Whether every file is as it was when the bundle was added; nothing is loaded."""
        try:
            self._verify()
        except ModelUnusable as error:
            return Readiness(False, f"{error.message} {error.remedy}".strip())
        return Readiness(True, f"{self.card.name} {self.version}: files verified.")

    def prove(self) -> Proof:
        """Load the bundle; noise and a blank image must not give the same.

        Raises ModelUnusable.
        """
        self._verify()
        return Proof(
            probe(self._bundle),
            "Noise gives what it gave when the bundle was verified; a blank image gives another.",
        )

    def _verify(self) -> None:
        verify_files(self._bundle.folder, f"the bundle {self._bundle.name}")
        if self._bundle.served is not None:
            client_of(self._bundle.name, self._bundle.endpoint, self._bundle.served)

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """By the modality that the bundle states, and the condition of its card; of several
        inputs, by that of the reference."""
        if self.inputs:
            return self.accepts_input(self.reference, series, instances, headers)
        wanted = _MODALITIES.get(self._bundle.modality)
        if wanted is None and self._bundle.card.accepts is None:
            return Acceptance(
                False, f"Neither metadata nor card of {self._bundle.name} say what it takes."
            )
        if wanted is not None and series.modality != wanted:
            return Acceptance(False, f"Modality is {series.modality}; only {wanted} is taken.")
        if self._bundle.card.accepts is None:
            return Acceptance(True, f"A {wanted} series, as the bundle's metadata asks.")
        trace = judge(self._bundle.card.accepts, SeriesFacts(headers))
        if not trace.holds:
            return Acceptance(False, f"The bundle's card wants {trace.first_failure()}.")
        return Acceptance(True, "All that the bundle's card asks holds.")

    def accepts_input(
        self,
        name: str,
        series: Series,
        instances: Sequence[Instance],
        headers: Sequence[Dataset],
    ) -> Acceptance:
        """By the condition that the card states of one of its inputs."""
        trace = judge(self._bundle.card.inputs[name].accepts, SeriesFacts(headers))
        if not trace.holds:
            return Acceptance(False, f"The card wants {trace.first_failure()}.")
        return Acceptance(True, "All that the card asks of it holds.")

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Segments with their volume in cm³, or labels with their confidence.

        Raises NothingFound, ModelUnusable, InvalidRequest.
        """
        volume = context.volume
        if volume is None:
            raise InvalidRequest(f"{self.name} was given no volume.", remedy="Give it a series.")
        self._verify()
        started = time.perf_counter()
        if self._bundle.kind == "detection":
            return self._detected(context, volume, started)
        channels, derivation = self._channels(context, volume)
        found = predict(
            self._bundle, volume, context.settings.torch_threads, context.on_progress, channels
        )
        timings_s = {"predict": time.perf_counter() - started}
        notes = computed_by(self._bundle, context.settings.torch_threads)
        if self._bundle.kind == "classification":
            return PipelineOutput(
                classifications=self._classes(found),
                timings_s=timings_s,
                derivation=derivation,
                notes=notes,
            )
        segments, masks = self._segments(found)
        return PipelineOutput(
            segments=segments,
            masks=masks,
            measurements=_volumes(segments, masks, volume),
            timings_s=timings_s,
            derivation=derivation,
            notes=notes,
        )

    def _channels(
        self, context: PipelineContext, volume: Volume
    ) -> tuple[list[NDArray[np.float32]], str]:
        """The inputs on the grid of the reference, in the card's order, and how they came there."""
        channels: list[NDArray[np.float32]] = []
        told = []
        for one in self.inputs:
            given = context.inputs.get(one.name)
            if given is None:
                channels.append(np.zeros(volume.voxels.shape, np.float32))
                told.append(f"{one.title} not there, given as zeros")
                continue
            channels.append(onto_grid(given, volume))
            if one.name == self.reference:
                told.append(f"{one.title} is the reference")
            elif on_same_grid(given, volume):
                told.append(f"{one.title} lies on its grid")
            else:
                told.append(f"{one.title} resampled onto its grid, trilinear")
        if not told:
            return channels, ""
        return channels, f"{', '.join(told)}; by one Frame of Reference, nothing registered"

    def _detected(self, context: PipelineContext, volume: Volume, started: float) -> PipelineOutput:
        boxes = detect(self._bundle, volume, context.settings.torch_threads, context.on_progress)
        segments, masks, measurements = boxes_as_findings(self._bundle, boxes, volume)
        return PipelineOutput(
            segments=segments,
            masks=masks,
            measurements=measurements,
            timings_s={"predict": time.perf_counter() - started},
        )

    def _classes(self, scores: NDArray[Any]) -> tuple[Classification, ...]:
        labels = self._bundle.labels
        answers = [
            Classification(labels.get(value, str(value)), float(score))
            for value, score in enumerate(scores)
            if value != self._bundle.background
        ]
        if any(not 0.0 <= answer.confidence <= 1.0 for answer in answers):
            raise ModelUnusable(
                f"The bundle {self._bundle.name} gives scores that are no probabilities.",
                remedy="Add Activationsd to its postprocessing.",
            )
        return tuple(sorted(answers, key=lambda answer: -answer.confidence))

    def _segments(self, found: NDArray[Any]) -> tuple[tuple[Segment, ...], NDArray[Any]]:
        """Segments of the classes that occur, and their masks.

        One channel holds class values. Several hold a mask each, if they are binary, or
        scores of which the highest counts.
        """
        labels = self._bundle.labels
        if found.shape[0] > 1 and not np.isin(found, (0, 1)).all():
            found = found.argmax(axis=0)[None]
        if found.shape[0] > 1:
            present = [value for value in labels if value < len(found) and found[value].any()]
            self._check_found(present)
            chosen = np.stack([found[value] > 0 for value in present], axis=-1)
            return tuple(self._segment(value) for value in present), chosen
        classes = np.rint(found[0]).astype(np.int64)
        present = [value for value in labels if (classes == value).any()]
        self._check_found(present)
        masks = np.zeros(classes.shape, np.uint8)
        for number, value in enumerate(present, start=1):
            masks[classes == value] = number
        return tuple(self._segment(value) for value in present), masks

    def _check_found(self, present: Sequence[int]) -> None:
        if not present:
            raise NothingFound(
                f"{self.title} found nothing in the series.",
                remedy="Check that the series shows what the model looks for.",
            )
        if len(present) > _SEGMENTS_AT_MOST:
            raise ModelUnusable(
                f"{self.title} gives {len(present)} segments; {_SEGMENTS_AT_MOST} are the most.",
                remedy="Leave classes out of its channel_def.",
            )

    def _segment(self, value: int) -> Segment:
        stated = self._bundle.segment(value)
        return Segment(
            stated.label,
            Code(*stated.category),
            Code(*stated.code),
            self._bundle.color_rgb(value),
            _SIDES.get(stated.laterality or ""),
        )


def _volumes(
    segments: Sequence[Segment], masks: NDArray[Any], volume: Volume
) -> tuple[Measurement, ...]:
    output = PipelineOutput(segments=tuple(segments), masks=masks)
    return tuple(
        Measurement(
            f"{segment.label} volume",
            VOLUME,
            float(np.count_nonzero(output.mask(index))) * volume.voxel_volume_mm3 / MM3_IN_CM3,
            CM3,
            index,
        )
        for index, segment in enumerate(segments)
    )
