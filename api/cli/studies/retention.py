"""`mediview retention`: which studies stay, and for how long."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from api.access.audited_changes import legal_hold_change
from api.cli.console import out, table_of
from api.cli.operator import operator
from api.cli.starting import start
from api.retention.serializers import planned_payload, removed_payload
from inference.retention.departure import removals
from inference.retention.dry_run import PlannedStudy, plan, plan_all
from inference.retention.outlook import disk_outlook
from inference.rules.file import read_rules
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
        with legal_hold_change(storage.audit, actor, "C", study, placed.reason):
            storage.legal_holds.place(placed)
    out.print(f"The study {study} is on legal hold.", markup=False, soft_wrap=True)


@app.command("release")
def release(study: Study) -> None:
    """Release a legal hold; the rules decide on the study again."""
    with (
        open_storage(start(log_level="ERROR")) as storage,
        legal_hold_change(storage.audit, operator(), "D", study),
    ):
        storage.legal_holds.release(study, utcnow())
    out.print(f"The study {study} is no longer on legal hold.", markup=False, soft_wrap=True)


@app.command("list")
def list_holds(
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 100,
) -> None:
    """Show the studies on legal hold, the newest hold first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, total = storage.legal_holds.page(limit, 0)
    table = table_of("StudyInstanceUID", "Since", "By", "Reason")
    for one in found:
        table.add_row(
            one.study_instance_uid, f"{one.placed_at:%Y-%m-%d}", one.placed_by, one.reason
        )
    if found:
        out.print(table)
    out.print(f"{len(found)} shown of {total}.", markup=False)


@app.command("dry-run")
def dry_run(
    days: Annotated[float, typer.Option(min=0, help="Also what leaves within so many days.")] = 0,
    file: Annotated[
        Path | None, typer.Option("--file", help="Try this rules file instead of those in force.")
    ] = None,
    study: Annotated[str, typer.Option(help="Only this StudyInstanceUID.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON a study.")] = False,
) -> None:
    """Show which studies would leave, and why each other stays. Nothing is removed."""
    rules = None if file is None else read_rules(file).retention
    with open_storage(start(log_level="ERROR")) as storage:
        planned: Iterable[PlannedStudy]
        if study:
            storage.index.study(study)
            planned = plan(storage, [study], utcnow(), days, rules)
        else:
            planned = plan_all(storage, utcnow(), days, rules)
        if as_json:
            for one in planned:
                typer.echo(planned_payload(one).model_dump_json())
        else:
            _print_plan(planned)


@app.command("status")
def status() -> None:
    """Show the disk, when it will be full, and what could not be freed."""
    with open_storage(start(log_level="ERROR")) as storage:
        outlook = disk_outlook(
            storage.settings, storage.volumes, storage.retention, storage.disk_samples, utcnow()
        )
    marks = outlook.marks
    table = table_of("Free", "Warning below", "Early removal below", "Refusal below")
    sizes = (outlook.free_bytes, marks.warn_bytes, marks.evict_bytes, marks.refuse_bytes)
    table.add_row(*(f"{size >> 20} MiB" for size in sizes))
    out.print(table)
    for sentence in filter(None, (outlook.warning(), outlook.quotas(), outlook.stuck())):
        out.print(sentence, markup=False, soft_wrap=True)


@app.command("log")
def log_of_removals(
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON a study.")] = False,
) -> None:
    """Show what has left by rule, the newest first, as far back as the audit trail reaches."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, total = removals(storage.engine, limit, 0)
    removed = [removed_payload(one) for one in found]
    if as_json:
        for one in removed:
            typer.echo(one.model_dump_json())
        return
    table = table_of("When", "StudyInstanceUID", "Rule", "Cause", "MiB")
    for one in removed:
        size = f"{one.size_bytes / (1 << 20):.1f}"
        table.add_row(f"{one.at:%Y-%m-%d %H:%M}", one.study_instance_uid, one.rule, one.cause, size)
    if removed:
        out.print(table)
    out.print(f"{len(removed)} shown of {total}.", markup=False)


_OUTCOMES = {"leaves": "leaves now", "leaves_later": "leaves", "stays": "stays"}


def _print_plan(planned: Iterable[PlannedStudy]) -> None:
    table = table_of("Study", "MiB", "Rule", "Outcome", "Why")
    counts = dict.fromkeys(_OUTCOMES, 0)
    freed_bytes = 0
    for one in planned:
        assessment, study = one.assessment, one.assessment.study
        counts[one.outcome] += 1
        freed_bytes += 0 if one.outcome == "stays" else study.size_bytes
        at = f" on {assessment.leaves_at:%Y-%m-%d}" if one.outcome == "leaves_later" else ""
        table.add_row(
            study.study_instance_uid,
            f"{study.size_bytes / (1 << 20):.1f}",
            "" if assessment.rule is None else assessment.rule.name,
            f"{_OUTCOMES[one.outcome]}{at}",
            " ".join(reason.text for reason in one.reasons),
        )
    if table.row_count:
        out.print(table)
    out.print(
        f"{counts['leaves']} leave now, {counts['leaves_later']} leave later,"
        f" {counts['stays']} stay; {freed_bytes / (1 << 20):.1f} MiB become free.",
        markup=False,
        soft_wrap=True,
    )
