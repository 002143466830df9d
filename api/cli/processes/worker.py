"""`mediview worker`: runs what one queue holds."""

from enum import StrEnum
from typing import Annotated

import typer

from api.cli.computing import check_computes
from api.cli.starting import start_role
from inference.pipelines.checks.reference_values import report_reference_values
from inference.pipelines.checks.rules import check_at_start


class Queue(StrEnum):
    JOBS = "jobs"
    GPU = "gpu"
    CONTROL = "control"
    LANGUAGE = "language"
    INTERACTIVE = "interactive"


def worker(
    queue: Annotated[
        Queue,
        typer.Option(
            help="[b]jobs[/b] runs models, [b]gpu[/b] those of MEDIVIEW_GPU_PIPELINES;"
            " [b]control[/b] schedules and delivers; [b]language[/b] answers questions;"
            " [b]interactive[/b] serves those who segment by clicks."
        ),
    ] = Queue.JOBS,
) -> None:
    """Work on one queue."""
    from inference.worker.app import run_worker

    if queue is not Queue.CONTROL:
        check_computes()
    settings = start_role()
    check_at_start(settings)
    report_reference_values(settings)
    raise typer.Exit(run_worker(settings, queue.value))
