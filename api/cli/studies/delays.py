"""`mediview why STUDY`: in one sentence, what a study waits for."""

import dataclasses
import json
from typing import Annotated

import typer

from api.cli.console import out
from api.cli.operator import record_use
from api.cli.starting import start
from inference.delays.service import delay_of
from storage.audit import Code
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.traces.spans import TraceIds


def why(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID", metavar="STUDY")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Say in one sentence why a study has no result yet, or why nobody else has it."""
    with open_storage(start(log_level="ERROR")) as storage:
        record_use(storage.audit, Code.INSTANCES_ACCESSED, "R", studies=(study,), command="why")
        delay = delay_of(storage, study, utcnow())
        settings = storage.settings
        trace = TraceIds(settings.data_dir).name_of_study(study) if settings.traces_url else ""
    if as_json:
        traced = {"trace_id": trace} if trace else {}
        typer.echo(json.dumps({**dataclasses.asdict(delay), **traced}, default=str))
    else:
        out.print(delay.sentence, soft_wrap=True, markup=False)
        if trace:
            out.print(f"Trace: {trace}", markup=False)
