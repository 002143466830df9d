"""`mediview runs`: a pipeline over many stored studies, a few at a time."""

from datetime import datetime
from typing import Annotated

import typer

from api.cli.console import counted, out, table_of
from api.cli.operator import change_by_operator, operator
from api.cli.starting import start as start_settings
from api.retrospective_runs.schemas import NewRun, StudyConditions
from inference.broker.notify import wake
from inference.retrospective_runs.starting import (
    MOST_AT_ONCE,
    cancel_run,
    check_pipeline,
    start_run,
    studies_that_match,
)
from inference.rules.priority_rule import PRIORITIES
from storage.audit import Code
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.state_words import state_word
from storage.retrospective_runs.entities import RunStudyState

app = typer.Typer(
    name="runs",
    help="Run a pipeline over stored studies: a few at a time, to be paused and cancelled.",
    no_args_is_help=True,
)

RunId = Annotated[str, typer.Argument(help="The run's id, as `mediview runs list` has it.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
Time = Annotated[datetime | None, typer.Option(help="When they were received.")]


@app.command("start")
def start(
    pipeline: Annotated[str, typer.Argument(help="Its name, as `mediview models list` has it.")],
    q: Annotated[
        str, typer.Option("--text", help="Words, as the list of studies finds them.")
    ] = "",
    modality: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    study_date_from: Day = None,
    study_date_to: Day = None,
    received_from: Time = None,
    received_before: Time = None,
    patient_id: str = "",
    accession_number: str = "",
    at_once: Annotated[
        int, typer.Option(min=1, max=MOST_AT_ONCE, help="Of how many studies jobs wait or run.")
    ] = 2,
    priority: Annotated[
        str, typer.Option(help=f"One of {', '.join(PRIORITIES)}.", case_sensitive=False)
    ] = "LOW",
    send_results: Annotated[
        bool, typer.Option("--send-results", help="Results go to destinations as others do.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many match.")] = False,
) -> None:
    """Run a pipeline over all stored studies that match now."""
    conditions = StudyConditions(
        q=q,
        modality=modality or [],
        study_date_from=None if study_date_from is None else study_date_from.date(),
        study_date_to=None if study_date_to is None else study_date_to.date(),
        received_from=None if received_from is None else received_from.astimezone(),
        received_before=None if received_before is None else received_before.astimezone(),
        patient_id=patient_id,
        accession_number=accession_number,
    )
    wanted = NewRun(
        pipeline=pipeline,
        studies=conditions,
        at_once=at_once,
        priority=priority.upper(),
        sends_results=send_results,
    )
    settings = start_settings(log_level="ERROR")
    with open_storage(settings) as storage:
        if dry_run:
            check_pipeline(storage, pipeline)
            total = studies_that_match(storage, q, conditions.filter())[1]
            _print(f"{counted(total, 'study', 'studies')} match.")
            return
        with change_by_operator(storage.audit, Code.PROCEDURE_RECORD, "C", pipeline=pipeline):
            run = start_run(
                storage,
                pipeline,
                q,
                conditions.filter(),
                conditions.model_dump(mode="json", exclude_defaults=True),
                at_once=at_once,
                priority=PRIORITIES[str(wanted.priority)],
                sends_results=send_results,
                started_by=operator().name,
                now=utcnow(),
            )
        total = sum(storage.retrospective_runs.counts([run.run_id])[run.run_id].values())
    wake(settings)
    _print(f"Run {run.run_id} is under way over {counted(total, 'study', 'studies')}.")


@app.command("list")
def list_runs(limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
    """Show runs and how far they are, the newest first."""
    with open_storage(start_settings(log_level="ERROR")) as storage:
        found, total = storage.retrospective_runs.page(limit, 0)
        counts = storage.retrospective_runs.counts([one.run_id for one in found])
    table = table_of("Run", "Pipeline", "State", "At once", "Studies")
    for one in found:
        of_run = counts[one.run_id]
        how_far = ", ".join(f"{count} {state_word(state)}" for state, count in of_run.items())
        table.add_row(one.run_id, one.pipeline, state_word(one.state), str(one.at_once), how_far)
    if found:
        out.print(table)
    _print(f"{len(found)} shown of {total}.")


@app.command("studies")
def list_studies(
    run: RunId,
    state: Annotated[
        RunStudyState | None, typer.Option(case_sensitive=False, help="Only those in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
) -> None:
    """Show the studies of a run: what became of each, with the reason."""
    with open_storage(start_settings(log_level="ERROR")) as storage:
        storage.retrospective_runs.get(run)
        found, total = storage.retrospective_runs.studies(run, state, limit, 0)
    table = table_of("Study", "State", "Reason")
    for one in found:
        table.add_row(one.study_instance_uid, state_word(one.state), one.reason)
    if found:
        out.print(table)
    _print(f"{len(found)} shown of {total}.")


@app.command("pause")
def pause(run: RunId) -> None:
    """Begin nothing new; jobs that are there go on."""
    with (
        open_storage(start_settings(log_level="ERROR")) as storage,
        change_by_operator(storage.audit, Code.PROCEDURE_RECORD, "U", run=run),
    ):
        storage.retrospective_runs.change_state(run, ("RUNNING",), "PAUSED", utcnow())
    _print("The run is paused. `mediview runs resume` goes on.")


@app.command("resume")
def resume(run: RunId) -> None:
    """Go on."""
    settings = start_settings(log_level="ERROR")
    with (
        open_storage(settings) as storage,
        change_by_operator(storage.audit, Code.PROCEDURE_RECORD, "U", run=run),
    ):
        storage.retrospective_runs.change_state(run, ("PAUSED",), "RUNNING", utcnow())
    wake(settings)
    _print("The run goes on.")


@app.command("cancel")
def cancel(run: RunId) -> None:
    """End it: what waits is not begun, and jobs that no worker has begun are cancelled."""
    with (
        open_storage(start_settings(log_level="ERROR")) as storage,
        change_by_operator(storage.audit, Code.PROCEDURE_RECORD, "U", run=run),
    ):
        cancel_run(storage, run, operator().name, utcnow())
    _print("The run is cancelled. Results that are there stay.")


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
