"""`mediview conflicts`: other contents that came under known UIDs, and which of the two stays."""

from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.operator import record_use
from api.cli.starting import start
from storage.audit import Code
from storage.container import open_storage
from storage.core.errors import InvalidRequest
from storage.ingest.bulk_decisions import ConflictDecision, Decided, decide_all

app = typer.Typer(
    name="conflicts",
    help="Other contents that came under known UIDs, and which of the two stays.",
    no_args_is_help=True,
)

_BATCH = 500

Study = Annotated[str, typer.Option(help="Only those of this StudyInstanceUID.")]
Source = Annotated[str, typer.Option(help="Only those that came this way, as dimse:CT1 or stow.")]


@app.command("list")
def list_conflicts(
    study: Study = "",
    source: Source = "",
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 100,
) -> None:
    """Show what waits for a decision, the oldest first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found = storage.conflicts.waiting(study_instance_uid=study, source=source, limit=limit)
        total = storage.conflicts.page(1, 0)[1]
    table = table_of("No.", "SOPInstanceUID", "Came by", "Received")
    for one in found:
        table.add_row(
            str(one.conflict_id), one.sop_instance_uid, one.source, f"{one.received_at:%F %T}"
        )
    if found:
        out.print(table)
    out.print(f"{len(found)} shown of {total}.", markup=False)


@app.command("decide")
def decide(
    decision: Annotated[
        ConflictDecision, typer.Argument(help="accept: what came later. discard: keep the first.")
    ],
    study: Study = "",
    source: Source = "",
    number: Annotated[list[int] | None, typer.Option(help="One conflict; may be repeated.")] = None,
) -> None:
    """Decide all conflicts of a study or a source, or those of the numbers, alike."""
    if not (study or source or number):
        raise InvalidRequest(
            "No conflicts are named.",
            remedy="Give --study, --source or --number; `mediview conflicts list` shows them.",
        )
    whole = Decided()
    with open_storage(start(log_level="ERROR")) as storage:
        conflicts = storage.conflicts
        while True:
            found = conflicts.waiting(
                conflict_ids=number or (),
                study_instance_uid=study,
                source=source,
                limit=_BATCH + len(whole.left),
            )
            chosen = [one for one in found if one.conflict_id not in whole.left]
            if not chosen:
                break
            existing = (conflicts.existing(one) for one in chosen)
            studies = tuple(dict.fromkeys(one.study_instance_uid for one in existing if one))
            record_use(
                storage.audit,
                Code.INSTANCES_ACCESSED,
                "U" if decision == "accept" else "D",
                studies=studies,
                conflicts=[one.conflict_id for one in chosen],
                decision=decision,
            )
            done = decide_all(conflicts, chosen, decision)
            whole.conflict_ids += done.conflict_ids
            whole.left.update(done.left)
            whole.gone += done.gone
    for conflict_id, reason in whole.left.items():
        out.print(f"{conflict_id} is left: {reason}", markup=False, soft_wrap=True)
    gone = {*whole.gone, *(() if study or source else number or ())}
    gone -= {*whole.conflict_ids, *whole.left}
    for conflict_id in sorted(gone):
        out.print(f"{conflict_id} no longer waits: it is decided or deleted.", markup=False)
    out.print(f"{len(whole.conflict_ids)} decided.", markup=False)
