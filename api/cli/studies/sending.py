"""`mediview studies`: send stored studies to peers, by name or by the site's rules."""

from datetime import datetime
from typing import Annotated

import typer

from api.cli.console import out
from api.cli.operator import record_use
from api.cli.roles.starting import start
from inference.routing.send import send_study
from inference.routing.service import plan_study, send_plan
from inference.rules.file import current_rules
from inference.worker.broker_notify import wake
from storage.audit import Code
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.studies.filter import StudyFilter

app = typer.Typer(name="studies", help="Stored studies: send them to peers.", no_args_is_help=True)
_AT_ONCE = 100
_Time = Annotated[datetime | None, typer.Option(help="When they were received.")]


@app.command("send")
def send(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")],
    to: Annotated[list[str], typer.Option(help="Name of a peer; repeatable.")],
    series: Annotated[
        list[str] | None, typer.Option(help="SeriesInstanceUID; repeatable; none: all.")
    ] = None,
) -> None:
    """Send a study to peers, results too. What a peer has already is sent again."""
    with open_storage(start(log_level="ERROR")) as storage:
        record_use(storage, Code.EXPORT, "E", studies=(study,), to=to)
        sent = send_study(storage, study, to, series or ())
        wake(storage.settings)
    for name, count in sent.items():
        _print(f"{count} instances are on their way to {name}.")


@app.command("route")
def route(
    received_from: _Time = None,
    received_before: _Time = None,
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Ask the rules of routing about studies that were received before the rules were there."""
    settings = start(log_level="ERROR")
    rules = current_rules(settings)
    sent = 0
    with open_storage(settings) as storage:
        for study_instance_uid in _received(storage, received_from, received_before):
            plan = plan_study(storage, study_instance_uid, rules)
            for rule, instances in plan:
                _print(
                    f"{study_instance_uid}: {len(instances)} instances to"
                    f" {', '.join(rule.to)} by rule '{rule.name}'"
                )
            if plan and not dry_run:
                record_use(storage, Code.EXPORT, "E", studies=(study_instance_uid,))
                sent += send_plan(storage, plan)
        if sent:
            wake(storage.settings)
    _print("Nothing was sent." if dry_run else f"{sent} instances are on their way.")


def _received(
    storage: Storage, received_from: datetime | None, received_before: datetime | None
) -> list[str]:
    """Times are those of this machine. What arrives meanwhile is routed by itself."""
    wanted = StudyFilter(
        received_from=None if received_from is None else received_from.astimezone(),
        received_before=utcnow() if received_before is None else received_before.astimezone(),
    )
    found: list[str] = []
    while True:
        studies, total = storage.index.studies(_AT_ONCE, len(found), where=wanted.conditions())
        found += [study.study_instance_uid for study in studies]
        if len(found) >= total or not studies:
            return found


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
