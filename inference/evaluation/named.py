"""A pipeline that the registry names, evaluated in a process of its own.

Models that the node did not make, and servers that others run, answer there: what they take of
time and memory is bounded as that of a job (`run_bounded`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.evaluation.case_guard import evaluating
from inference.evaluation.images.box_report import render_boxes
from inference.evaluation.images.boxes import BoxEvaluation, evaluate_boxes, finds_boxes
from inference.evaluation.images.label_report import render_labels
from inference.evaluation.images.labels import LabelEvaluation, classifies_images, evaluate_labels
from inference.evaluation.images.mask_report import render_masks
from inference.evaluation.images.masks import MaskEvaluation, evaluate_masks, segments_images
from inference.evaluation.images.number_report import render_numbers
from inference.evaluation.images.numbers import NumberEvaluation, evaluate_numbers, measures_images
from inference.evaluation.report import render
from inference.evaluation.run import Evaluation, evaluate
from inference.model_registry.apart import run_bounded
from inference.model_registry.status import Standing, standings
from inference.pipeline import Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.container import open_storage
from storage.core.errors import NotFound
from storage.model_registry.registry import ModelStates
from storage.settings import Settings

AnyEvaluation = Evaluation | LabelEvaluation | NumberEvaluation | BoxEvaluation | MaskEvaluation
OnCase = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationAnswer:
    """As it travels between processes: the summary as JSON, and the report as HTML."""

    summary: str
    page: str

    def read_summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.summary)
        return found


def evaluate_apart(
    settings: Settings, pipeline: Pipeline, cases: Path, on_case: OnCase
) -> EvaluationAnswer:
    """Raises what the evaluation raises, and ModelUnusable where its process ends, takes more
    memory than a job may, or longer over one case."""
    what = f"The evaluation of {pipeline.name} {pipeline.version}"
    return run_bounded(
        settings, what, on_case, evaluate_named, settings, pipeline.name, pipeline.version, cases
    )


def evaluate_named(
    on_case: OnCase, settings: Settings, name: str, version: str, cases: Path
) -> EvaluationAnswer:
    with open_storage(settings) as storage, evaluating(storage):
        pipeline = standing_of(settings, storage.model_states, name, version).pipeline
        evaluation, page = _evaluated(settings, pipeline, cases, on_case)
    return EvaluationAnswer(json.dumps(evaluation.summary(), indent=1, allow_nan=False), page)


def standing_of(
    settings: Settings, model_states: ModelStates, pipeline: str, version: str | None
) -> Standing:
    """Of that version of a pipeline, or of the newest added. Raises NotFound."""
    everything = standings(settings, model_states)
    found = [
        one
        for one in everything
        if one.pipeline.name == pipeline and version in (None, one.pipeline.version)
    ]
    if not found:
        known = ", ".join(f"{one.pipeline.name} {one.pipeline.version}" for one in everything)
        wanted = f"{pipeline} {version or ''}".strip()
        raise NotFound(f"There is no pipeline {wanted}.", remedy=f"Use one of: {known}.")
    return found[-1]


def _evaluated(
    settings: Settings, pipeline: Pipeline, cases: Path, on_case: OnCase
) -> tuple[AnyEvaluation, str]:
    """With the report as HTML."""
    gate = pipeline.card.gate
    if isinstance(pipeline, ImageModelPipeline) and classifies_images(pipeline):
        labels = evaluate_labels(settings, pipeline, cases, on_case)
        return labels, render_labels(labels, gate)
    if isinstance(pipeline, ImageModelPipeline) and measures_images(pipeline):
        numbers = evaluate_numbers(settings, pipeline, cases, on_case)
        return numbers, render_numbers(numbers, gate)
    if isinstance(pipeline, ImageModelPipeline) and finds_boxes(pipeline):
        boxes = evaluate_boxes(settings, pipeline, cases, on_case)
        return boxes, render_boxes(boxes, gate)
    if isinstance(pipeline, ImageModelPipeline) and segments_images(pipeline):
        masks = evaluate_masks(settings, pipeline, cases, on_case)
        return masks, render_masks(masks, gate)
    segments = evaluate(settings, pipeline, cases, on_case)
    return segments, render(segments, gate)
