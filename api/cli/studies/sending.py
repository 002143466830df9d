"""`mediview studies`: send stored studies to peers, by name or by the site's rules."""

from typing import Annotated

import typer

from api.cli.client_commands import PASSED_ON, REMOTE, passed_on
from api.cli.console import counted, out
from api.cli.operator import record_use
from api.cli.starting import start
from api.cli.studies.received import Time, received_studies
from inference.broker.notify import wake
from inference.routing.send import send_study
from inference.routing.service import plan_study, send_plan
from inference.rules.file import current_rules
from storage.audit import Code
from storage.container import open_storage
from storage.core.errors import StateConflict

app = typer.Typer(name="studies", help="Stored studies: send them to peers.", no_args_is_help=True)
for _verb, _help in (
    ("list", "List the studies of the node that `mediview login` named."),
    ("show", "Show a study of it."),
    ("wait", "Wait until the jobs of a study of it have ended."),
    ("upload", "Upload files or a folder to it, and start pipelines."),
    ("complete", "Say that nothing more comes for a study of it."),
    ("transfer", "Have it send studies to its peers."),
    ("delete", "Delete studies of it for good."),
):
    app.command(_verb, rich_help_panel=REMOTE, context_settings=PASSED_ON)(
        passed_on(_help, "studies", _verb)
    )


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
        record_use(storage.audit, Code.EXPORT, "E", studies=(study,), to=to)
        sent = send_study(storage, study, to, series or ())
        wake(storage.settings)
    for name, count in sent.items():
        _print(f"On the way to {name}: {counted(count, 'instance')}.")


@app.command("route")
def route(
    received_from: Time = None,
    received_before: Time = None,
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Ask the rules of routing about studies that were received before the rules were there."""
    settings = start(log_level="ERROR")
    rules = current_rules(settings)
    sent = 0
    with open_storage(settings) as storage:
        for study_instance_uid in received_studies(storage.index, received_from, received_before):
            plan = plan_study(
                storage.index, storage.instances, storage.worklist, study_instance_uid, rules
            )
            for rule, instances in plan:
                _print(
                    f"{study_instance_uid}: {len(instances)} instances to"
                    f" {', '.join(rule.to)} by rule '{rule.name}'"
                )
            if plan and not dry_run:
                record_use(storage.audit, Code.EXPORT, "E", studies=(study_instance_uid,))
                sent += send_plan(storage.deliveries, storage.peers, plan)
        if sent:
            wake(storage.settings)
    _print("Nothing was sent." if dry_run else f"{sent} instances are on their way.")


@app.command("try-again")
def try_again(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")],
    series: Annotated[str, typer.Argument(help="SeriesInstanceUID that is set aside.")],
) -> None:
    """Have a series decided on again that was set aside; `mediview doctor` names those."""
    with open_storage(start(log_level="ERROR")) as storage:
        if not storage.series_tries.try_again(study, series):
            raise StateConflict(
                f"The series {series} of that study is not set aside.",
                remedy="`mediview why` says what a study waits for.",
            )
        record_use(
            storage.audit, Code.APPLICATION_ACTIVITY, "E", studies=(study,), tried_again=series
        )
        wake(storage.settings)
    _print("It is decided on again within seconds.")


def _print(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
