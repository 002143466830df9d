"""`mediview evaluate`: a pipeline on cases of which the truth is known."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import err, out
from api.cli.models.app import opened
from api.cli.operator import operator
from inference.evaluation.images.box_report import render_boxes
from inference.evaluation.images.boxes import BoxEvaluation, evaluate_boxes, finds_boxes
from inference.evaluation.images.label_report import render_labels
from inference.evaluation.images.labels import LabelEvaluation, classifies_images, evaluate_labels
from inference.evaluation.images.mask_report import render_masks
from inference.evaluation.images.masks import MaskEvaluation, evaluate_masks, segments_images
from inference.evaluation.images.number_report import render_numbers
from inference.evaluation.images.numbers import NumberEvaluation, evaluate_numbers, measures_images
from inference.evaluation.report import render
from inference.evaluation.run import Evaluation
from inference.evaluation.run import evaluate as evaluate_pipeline
from inference.model_registry.status import Standing, standings
from inference.model_registry.transitions import gate_refusals
from inference.pipeline import Pipeline
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.core.errors import NotFound
from storage.model_registry.evaluation import KeptEvaluation
from storage.model_registry.registry import ModelStates
from storage.settings import Settings


def evaluate(
    pipeline: Annotated[str, typer.Argument(help="As `mediview models list` names it.")],
    cases: Annotated[
        Path,
        typer.Option(
            help="A folder of case folders: DICOM, with a SEG or NIfTI each, or a reference.csv,"
            " boxes.csv or masks.csv."
        ),
    ],
    version: Annotated[
        str | None, typer.Option(help="Of the pipeline; without it the newest added.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("evaluation"),
) -> None:
    """Measure a pipeline on cases, write a report, and keep what the gate asks.

    Ends with 2 where the gate of the model's card does not open.
    """
    with opened() as storage:
        standing = _chosen(storage.settings, storage.model_states, pipeline, version)
        card = standing.pipeline.card
        evaluation, page = _evaluated(storage.settings, standing.pipeline, cases)
        summary = evaluation.summary()
        output.mkdir(parents=True, exist_ok=True)
        (output / "evaluation.json").write_text(json.dumps(summary, indent=1, allow_nan=False))
        (output / "evaluation.html").write_text(page, "utf-8")
        kept: KeptEvaluation = {
            "digest": summary["digest"],
            "evaluated_at": summary["evaluated_at"],
            "metrics": summary["metrics"],
            "segments": summary.get("segments", {}),
            "labels": summary.get("labels", {}),
        }
        if not storage.model_states.keep_evaluation(card.name, card.version, kept):
            # Of the release, and not looked at here before.
            storage.model_states.move(
                card.name, card.version, card.digest, standing.state, operator().name
            )
            storage.model_states.keep_evaluation(card.name, card.version, kept)
    for name, value in summary["metrics"].items():
        out.print(f"{name:22} {value:.4g}", markup=False)
    for one in evaluation.failed:
        out.print(f"failed: {one.case}: {one.reason}", markup=False, soft_wrap=True)
    out.print(f"Report: {output / 'evaluation.html'}", markup=False, soft_wrap=True)
    refusals = gate_refusals(card, kept)
    for refusal in refusals:
        out.print(f"The gate does not open: {refusal}.", markup=False, soft_wrap=True)
    if refusals:
        raise typer.Exit(2)


def _evaluated(
    settings: Settings, pipeline: Pipeline, cases: Path
) -> tuple[Evaluation | LabelEvaluation | NumberEvaluation | BoxEvaluation | MaskEvaluation, str]:
    """With the report as HTML."""
    gate = pipeline.card.gate
    if isinstance(pipeline, ImageModelPipeline) and classifies_images(pipeline):
        labels = evaluate_labels(settings, pipeline, cases, _progress)
        return labels, render_labels(labels, gate)
    if isinstance(pipeline, ImageModelPipeline) and measures_images(pipeline):
        numbers = evaluate_numbers(settings, pipeline, cases, _progress)
        return numbers, render_numbers(numbers, gate)
    if isinstance(pipeline, ImageModelPipeline) and finds_boxes(pipeline):
        boxes = evaluate_boxes(settings, pipeline, cases, _progress)
        return boxes, render_boxes(boxes, gate)
    if isinstance(pipeline, ImageModelPipeline) and segments_images(pipeline):
        masks = evaluate_masks(settings, pipeline, cases, _progress)
        return masks, render_masks(masks, gate)
    segments = evaluate_pipeline(settings, pipeline, cases, _progress)
    return segments, render(segments, gate)


def _progress(case: str) -> None:
    err.print(f"{case} …", markup=False)


def _chosen(
    settings: Settings, model_states: ModelStates, pipeline: str, version: str | None
) -> Standing:
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
