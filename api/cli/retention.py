"""`mediview retention`: which studies stay, and for how long."""

from typing import Annotated

import typer
from rich.table import Table

from api.access.changes import legal_hold_changed
from api.cli.console import out
from api.cli.operator import operator
from api.cli.roles.starting import start
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.retention.legal_holds import LegalHold

app = typer.Typer(
    name="retention", help="Which studies stay, and for how long.", no_args_is_help=True
)

Study = Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")]


@app.command("hold")
def hold(
    study: Study, reason: Annotated[str, typer.Option(help="Why the study has to stay.")]
) -> None:
    """Put a study on legal hold: nothing of it is deleted until somebody releases it."""
    actor = operator()
    with open_storage(start(log_level="ERROR")) as storage:
        placed = LegalHold(study, reason.strip(), actor.name, actor.id, utcnow())
        storage.legal_holds.place(placed)
        legal_hold_changed(storage, actor, "C", study, placed.reason)
    out.print(f"The study {study} is on legal hold.", markup=False, soft_wrap=True)


@app.command("release")
def release(study: Study) -> None:
    """Release a legal hold; the rules decide on the study again."""
    with open_storage(start(log_level="ERROR")) as storage:
        storage.legal_holds.release(study, utcnow())
        legal_hold_changed(storage, operator(), "D", study)
    out.print(f"The study {study} is no longer on legal hold.", markup=False, soft_wrap=True)


@app.command("list")
def list_holds(
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 100,
) -> None:
    """Show the studies on legal hold, the newest hold first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, total = storage.legal_holds.page(limit, 0)
    table = Table("StudyInstanceUID", "Since", "By", "Reason", box=None, pad_edge=False)
    for one in found:
        table.add_row(
            one.study_instance_uid, f"{one.placed_at:%Y-%m-%d}", one.placed_by, one.reason
        )
    if found:
        out.print(table)
    out.print(f"{len(found)} shown of {total}.", markup=False)
