"""What pipelines of models that an operator added have in common: card, files, what they take,
and how values of a label map become segments with volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.failure_sentences import failure
from inference.imaging.label_counts import voxels_of_values
from inference.imaging.registration.input_registration import RegistrationLimits
from inference.imaging.registration.resampling import mask_onto_grid, on_same_grid, onto_grid
from inference.imaging.volume import Volume
from inference.models.card import family_of
from inference.models.cards.card_file import critical_limits, fixed_grid_of, population_of
from inference.models.cards.card_quantities import code_of
from inference.models.description import ModelDescription
from inference.models.model_folders import digests_of, verify_files
from inference.pipeline import (
    SEGMENTS_AT_MOST,
    Acceptance,
    InputKind,
    ModelCard,
    NamedInput,
    PipelineContext,
    Readiness,
    ResultWanted,
    Segment,
    StructuresWanted,
)
from inference.pipelines.segment_measurements import may_find_nothing
from inference.pipelines.structures import LEFT, RIGHT
from inference.reasons import reason as because
from inference.refusals import ModelUnusable, NothingFound
from inference.rules.card_condition import judge_card
from inference.rules.conditions import Condition
from storage.core.entities import Instance, Series
from storage.core.findings import Code

_MODALITIES = {"MRI": "MR", "MR": "MR", "CT": "CT", "PET": "PT", "PT": "PT"}
_SIDES = {"left": LEFT, "right": RIGHT}


class AddedModel:
    """A folder below `MEDIVIEW_MODELS_DIR`; what computes is in its subclasses."""

    input_kind: InputKind = "volume"
    # Beside the edge a network sees the end of the data as well, and leaves voxels out.
    edge_margin_mm = 3.0
    # What helps where a model finds more segments than a result may have.
    fewer_segments = "Add a model with fewer labels."

    def __init__(self, model: ModelDescription) -> None:
        self._model = model
        self.name = f"{model.prefix}-{model.name}"
        self.version = model.version
        self.title = model.title
        self.description = model.description
        self.resamples_tilt = model.card.gantry_tilt == "resample"
        self.inputs = tuple(
            NamedInput(
                name,
                one.title or name,
                one.required,
                one.registration,
                one.prior_of,
                one.within_days or 0,
                None if one.result_of is None else ResultWanted(**one.result_of.model_dump()),
                None if one.structures is None else StructuresWanted(**one.structures.model_dump()),
            )
            for name, one in model.card.inputs.items()
        )
        self.reference = model.card.reference
        self.results_on = model.card.results_on
        limits = model.card.registration_limits
        self.registration_limits = (
            RegistrationLimits()
            if limits is None
            else RegistrationLimits(limits.caveat_above_mm, limits.refuse_above_mm)
        )
        modality = _MODALITIES.get(model.modality, model.modality or "any modality")
        titles = ", ".join(one.title for one in self.inputs)
        registered = any(one.registration == "rigid" for one in self.inputs)
        within = "" if registered else " in one Frame of Reference"
        of_study = "one study" + (
            " and an earlier one" if any(one.prior_of for one in self.inputs) else ""
        )
        if any(one.result_of is not None for one in self.inputs):
            of_study += ", and what other pipelines found in it,"
        if any(one.structures is not None for one in self.inputs):
            of_study += ", with a structure set,"
        self.accepts_text = model.card.accepts_text or (
            f"Of {of_study}{within}: {titles}."
            if self.inputs
            else f"{modality}: one regular stack of slices that the model's card takes."
        )
        try:
            files = digests_of(model.folder, f"The model {model.name}")
        except ModelUnusable:
            files = ()
        self.card = ModelCard(
            name=model.name,
            version=model.version,
            licence=model.licence,
            source=model.source,
            intended_use=model.intended_use,
            input_description=self.accepts_text,
            files=files,
            training_data=model.card.training_data,
            output_codes=_output_codes(model),
            revision=model.card.revision,
            gate=model.card.thresholds,
            normal_ranges=model.card.ranges,
            critical=critical_limits(model.card),
            on_truncation=model.card.on_truncation,
            population=population_of(model.card),
            fixed_grid=fixed_grid_of(model.card),
            admission="operator",
            family=family_of(model.card.algorithm_family),
            role=model.card.role,
        )

    def readiness(self) -> Readiness:
        """Whether every file is as it was when the model was added; nothing is loaded."""
        try:
            self._verify()
        except ModelUnusable as error:
            return Readiness(False, f"{error.message} {error.remedy}".strip())
        return Readiness(True, f"{self.card.name} {self.version}: files verified.")

    def _verify(self) -> None:
        verify_files(self._model.folder, f"the model {self._model.name}")

    @property
    def card_conditions(self) -> tuple[Condition, ...]:
        """What the card asks of series."""
        return self._model.card.conditions

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """By the modality that the model states, and the condition of its card; of several
        inputs, by that of the reference."""
        if self.inputs:
            return self.accepts_input(self.reference, series, instances, headers)
        wanted = _MODALITIES.get(self._model.modality)
        if wanted is None and self._model.card.accepts is None:
            return Acceptance(
                False, f"Neither metadata nor card of {self._model.name} say what it takes."
            )
        if wanted is not None and series.modality != wanted:
            return Acceptance(False, because("modality", modality=series.modality, wanted=wanted))
        if self._model.card.accepts is None:
            return Acceptance(True, f"A {wanted} series, as the model's metadata asks.")
        return _judged(self._model.card.accepts, headers)

    def accepts_input(
        self,
        name: str,
        series: Series,
        instances: Sequence[Instance],
        headers: Sequence[Dataset],
    ) -> Acceptance:
        """By the condition that the card states of one of its inputs; of a prior, without one, by
        that of the input that it is the prior of."""
        one = self._model.card.inputs[name]
        if one.result_of is not None:
            return Acceptance(False, f"{one.title or name} is a result of another pipeline.")
        if one.structures is not None:
            return Acceptance(False, f"{one.title or name} is of a structure set.")
        condition = one.accepts or self._model.card.inputs[one.prior_of].accepts
        if condition is None:
            raise ValueError(f"an input without a condition passed validation: {name}")
        return _judged(condition, headers)

    @property
    def _volumes(self) -> tuple[NamedInput, ...]:
        """The inputs that are volumes or masks."""
        return tuple(one for one in self.inputs if one.has_voxels)

    def _channels(
        self, context: PipelineContext, volume: Volume
    ) -> tuple[list[NDArray[np.float32]], str]:
        """The inputs on the grid of the reference, in the card's order, and how they came there."""
        channels: list[NDArray[np.float32]] = []
        notes = []
        for one in self._volumes:
            given = context.inputs.get(one.name)
            placed = context.placements.get(one.name, "")
            if given is None:
                outside = 0.0 if one.mask_values is None else one.mask_values[0]
                channels.append(np.full(volume.voxels.shape, outside, np.float32))
                empty = f"{outside:g} everywhere" if outside else "zeros"
                notes.append(f"{one.title} {placed or 'not there'}, given as {empty}")
                continue
            if one.mask_values is not None:
                channels.append(mask_onto_grid(given, volume, one.mask_values[0]))
                lies = "on its grid" if on_same_grid(given, volume) else "resampled, nearest voxel"
                notes.append(f"{one.title} {placed}, {lies}")
                continue
            channels.append(onto_grid(given, volume))
            if one.name == self.reference:
                notes.append(f"{one.title} is the reference")
            elif placed:
                notes.append(f"{one.title} {placed}, trilinear")
            elif on_same_grid(given, volume):
                notes.append(f"{one.title} lies on its grid")
            else:
                notes.append(f"{one.title} resampled onto its grid, trilinear")
        if not notes:
            return channels, ""
        by = "by one Frame of Reference, nothing registered"
        if any(
            one.registration == "rigid" and one.name in context.placements for one in self.inputs
        ):
            by = "what was not registered, by one Frame of Reference"
        return channels, f"{', '.join(notes)}; {by}"

    def _segments_of_values(
        self, classes: NDArray[np.integer[Any]]
    ) -> tuple[tuple[Segment, ...], NDArray[np.uint8]]:
        """Of a label map: a segment for each value of a class that occurs, and the masks."""
        top = max(self._model.labels, default=0) + 1
        if classes.min() < 0 or classes.max() > top:
            classes = np.where((classes < 0) | (classes > top), top, classes)
        counts = voxels_of_values(classes, top)
        present = [value for value in self._model.labels if counts[value]]
        self._check_found(present)
        numbers = np.zeros(len(counts), np.uint8)
        numbers[present] = np.arange(1, len(present) + 1)
        return tuple(self._segment(value) for value in present), np.take(numbers, classes)

    def _segments_of_channels(
        self, channels: Mapping[int, NDArray[np.bool_]]
    ) -> tuple[tuple[Segment, ...], NDArray[np.bool_]]:
        """Of a mask for each class, which may overlap."""
        present = [value for value, mask in channels.items() if mask.any()]
        self._check_found(present)
        shape = next(iter(channels.values())).shape
        masks = np.empty((*shape, len(present)), bool)
        for index, value in enumerate(present):
            masks[..., index] = channels[value]
        return tuple(self._segment(value) for value in present), masks

    def _check_found(self, present: Sequence[int]) -> None:
        if not present and not may_find_nothing(self._model):
            raise NothingFound(
                failure("nothing_found", model=self.title), remedy=failure("check_series")
            )
        if len(present) > SEGMENTS_AT_MOST:
            raise ModelUnusable(
                f"{self.title} gives {len(present)} segments; {SEGMENTS_AT_MOST} are the most.",
                remedy=self.fewer_segments,
            )

    def _segment(self, value: int) -> Segment:
        stated = self._model.segment(value)
        return Segment(
            stated.label,
            Code(*stated.category),
            Code(*stated.code),
            self._model.color_rgb(value),
            _SIDES.get(stated.laterality or ""),
            is_measurable=stated.measurable,
        )


def _output_codes(model: ModelDescription) -> tuple[Code, ...]:
    if model.kind == "classification":
        return ()
    segments = (Code(*model.segment(value).code) for value in model.labels)
    maps = (code_of(one.label, one.code) for one in model.maps.values())
    numbers = (code_of(one.label, one.code) for one in model.numbers.values())
    return (*segments, *maps, *numbers)


def _judged(condition: Condition, headers: Sequence[Dataset]) -> Acceptance:
    trace = judge_card(condition, headers)
    if trace is not None and not trace.holds:
        return Acceptance(False, f"The card wants {trace.first_failure()}.")
    return Acceptance(True, "All that the card asks holds.")
