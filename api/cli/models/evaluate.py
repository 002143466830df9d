"""`mediview evaluate`: a pipeline on cases of which the truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import err, out
from api.cli.models.app import opened
from api.cli.operator import operator
from inference.evaluation.named import evaluate_apart, standing_of
from inference.model_registry.transitions import gate_refusals
from storage.model_registry.evaluation import KeptEvaluation


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
        standing = standing_of(storage.settings, storage.model_states, pipeline, version)
        card = standing.pipeline.card
        answer = evaluate_apart(storage.settings, standing.pipeline, cases, _progress)
        summary = answer.read_summary()
        output.mkdir(parents=True, exist_ok=True)
        (output / "evaluation.json").write_text(answer.summary)
        (output / "evaluation.html").write_text(answer.page, "utf-8")
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
    for one in summary["failures"]:
        out.print(f"failed: {one['case']}: {one['reason']}", markup=False, soft_wrap=True)
    out.print(f"Report: {output / 'evaluation.html'}", markup=False, soft_wrap=True)
    refusals = gate_refusals(card, kept)
    for refusal in refusals:
        out.print(f"The gate does not open: {refusal}.", markup=False, soft_wrap=True)
    if refusals:
        raise typer.Exit(2)


def _progress(case: str) -> None:
    err.print(f"{case} …", markup=False)
