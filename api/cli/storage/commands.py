"""`mediview storage …`: verify, repair, rebuild, compact, count, export, delete."""

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from api.cli.console import counted, err, out, table_of
from api.cli.operator import change_by_operator, record_use
from api.cli.progress import progress
from api.cli.starting import start
from storage.audit import Code
from storage.core.errors import StorageUnavailable

if TYPE_CHECKING:
    from storage.settings import Settings

app = typer.Typer(
    name="storage",
    help="Verify, repair, rebuild, compact, count, export and delete stored data.",
    no_args_is_help=True,
)

_LOCK_PATIENCE_S = 30.0
_MIB = 1 << 20

Study = Annotated[str, typer.Argument(help="StudyInstanceUID", metavar="STUDY")]


@app.command()
def verify(
    repair: Annotated[
        bool,
        typer.Option(
            help="Upload again what the bucket lacks and a volume has, write records again"
            " that a deletion covers although they came after it, and let the index name the"
            " records of another volume where it names one that is gone."
        ),
    ] = False,
    objects: Annotated[
        bool,
        typer.Option(
            "--objects",
            help="Fetch every object from the bucket, too, and compare what it holds with its"
            " digest.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per problem.")] = False,
) -> None:
    """Check every record's digest, every row's record, and the size of every object in the bucket.

    What objects hold is read with --objects, else by the running node within MEDIVIEW_SCRUB_DAYS.
    Ends with 0 where all is well, with 1 where something is not.
    """
    from storage.container import open_storage
    from storage.maintenance.verify import verify_storage
    from storage.maintenance.verify_repair import (
        copy_again,
        move_rows,
        note_damage,
        note_objects,
        renew_records,
    )

    with open_storage(start(log_level="ERROR")) as storage:
        problems = []
        with progress("Reading volumes") as tell:
            for problem in verify_storage(
                storage.engine,
                storage.index,
                storage.objects,
                storage.volumes,
                tell,
                read_objects=objects,
                is_elsewhere=storage.hosts.is_elsewhere,
            ):
                problems.append(problem)
                if as_json:
                    typer.echo(json.dumps(dataclasses.asdict(problem)))
        note_damage(storage.index, storage.instances, problems)
        note_objects(storage.index, storage.damaged, storage.volumes, problems)
        moved = move_rows(storage.engine, storage.volumes, problems) if repair else 0
        repaired = copy_again(storage.engine, storage.volumes, problems) if repair else 0
        renewed = renew_records(storage.engine, storage.volumes, problems) if repair else 0
    if not as_json:
        for problem in problems:
            what = problem.kind.replace("_", " ")
            instance = f"  instance {problem.sop_instance_uid}" if problem.sop_instance_uid else ""
            where = escape(f"{problem.place}{instance}\n  → {problem.remedy}")
            out.print(f"[bold red]{what}[/]  {where}")
        out.print(
            f"{counted(len(problems), 'problem')}."
            if problems
            else _all_well(storage.settings, objects)
        )
        if moved:
            out.print(f"{moved} instances are found in another volume again.")
        if repaired:
            out.print(f"{repaired} instances will be copied to the bucket again.")
        if renewed:
            out.print(f"{renewed} records were written again.")
    raise typer.Exit(1 if problems else 0)


def _all_well(settings: "Settings", were_objects_read: bool) -> str:
    if were_objects_read or settings.object_store != "s3":
        return "Everything is there and whole."
    return (
        "Everything is there; all volumes are whole. Objects in the bucket have the right size:"
        " --objects reads them, too."
    )


@app.command()
def reindex(
    source: Annotated[
        Literal["volumes", "bucket"], typer.Option("--from", help="Where the instances are.")
    ] = "volumes",
) -> None:
    """Rebuild the index into an empty database, from the volumes or the bucket alone.

    The node must not run meanwhile.
    """
    from storage.maintenance.reindexing.reindex import reindex as rebuild
    from storage.objects.opening import open_objects

    settings = start()
    bucket = open_objects(settings) if settings.object_store == "s3" else None
    with progress("Indexing") as tell:
        done = rebuild(settings, source, bucket, lambda count, total: tell((count, total)))
    out.print(
        f"{done.instances} instances indexed; {done.duplicates} duplicates, {done.conflicts}"
        f" conflicts, {done.deleted} deleted, {done.refused} unreadable."
    )
    if done.torn:
        out.print(
            f"{done.torn} volumes end within a record: nothing is lost where the node was killed"
            " at that time."
        )
    raise typer.Exit(1 if done.refused else 0)


@app.command()
def repair(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Find out what is wrong with the index, and put it right; the old files are kept.

    The node must not run meanwhile. Ends with 0 where all is well in the end.
    """
    from api.cli.processes.up import alone_on
    from api.cli.storage.repair_report import lost_words, print_findings, print_repaired
    from storage.core.data_folder import private_folder
    from storage.objects.opening import open_objects
    from storage.recovery.diagnosis import diagnose
    from storage.recovery.repair import repair as put_right

    settings = start(log_level="ERROR")
    private_folder.prepare(settings.data_dir)
    with alone_on(settings.data_dir):
        diagnosis = diagnose(settings)
        if not diagnosis.findings:
            out.print("Nothing is wrong. 'mediview storage verify' reads every record as well.")
            return
        print_findings(diagnosis)
        if not yes:
            typer.confirm("Do that?", abort=True)
        bucket = open_objects(settings) if settings.object_store == "s3" else None
        with progress("Indexing") as tell:
            done = put_right(settings, diagnosis, bucket, lambda *state: tell(state))
        print_repaired(done)
        left = diagnose(settings)
    if left.findings:
        out.print("What is left:", style="bold")
        print_findings(left)
    raise typer.Exit(1 if left.findings or lost_words(done) else 0)


@app.command()
def compact(
    dead_ratio: Annotated[
        float | None,
        typer.Option(min=0.0001, max=1, help="Rewrite volumes of which this fraction is deleted."),
    ] = None,
) -> None:
    """Rewrite volumes that are mostly deleted; the old files go after the grace time."""
    from storage.container import open_storage
    from storage.core.clock import utcnow
    from storage.db.locks.advisory_lock import housekeeping_lock
    from storage.maintenance.compaction import compact as rewrite
    from storage.maintenance.retired_volumes import remove_retired

    settings = start()
    with open_storage(settings) as storage:
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            with housekeeping_lock(storage.engine, settings.data_dir) as mine:
                if mine:
                    ratio = dead_ratio or settings.compact_dead_ratio
                    done = rewrite(storage.engine, storage.volumes, ratio, utcnow())
                    folder, grace_s = storage.volumes.folder, settings.volume_grace_s
                    remove_retired(storage.engine, folder, grace_s, utcnow())
                    break
            if time.monotonic() > deadline:
                raise StorageUnavailable(
                    "Maintenance is still running.",
                    remedy="Try again later; the node also compacts by itself.",
                )
            time.sleep(0.2)
    out.print(f"{done.volumes} volumes rewritten, {_size(done.freed_bytes)} given free.")


@app.command()
def stats(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """How much is stored, and where."""
    from storage.container import open_storage
    from storage.maintenance.statistics import statistics

    with open_storage(start(log_level="ERROR")) as storage:
        found = statistics(storage.settings, storage.engine, storage.volumes)
    values = dataclasses.asdict(found) | {"dead_bytes": found.dead_bytes}
    if as_json:
        typer.echo(json.dumps(values))
        return
    table = table_of()
    table.add_column()
    table.add_column(justify="right")
    for name, value in values.items():
        text = _size(value) if name.endswith("_bytes") else str(value)
        table.add_row(name.removesuffix("_bytes").replace("_", " "), text)
    out.print(table)


@app.command()
def export(
    study: Study,
    to: Annotated[Path, typer.Option(help="A new folder, or a file that ends in .zip.")],
    dicomdir: Annotated[bool, typer.Option(help="Write a DICOMDIR (PS3.10).")] = True,
) -> None:
    """Write a study as a folder or ZIP, with a DICOMDIR that other systems read."""
    from storage.container import open_storage
    from storage.maintenance.export import plan_export, write_folder, write_zip

    with open_storage(start()) as storage:
        record_use(storage.audit, Code.EXPORT, "R", studies=(study,), command="storage export")
        plan = plan_export(storage.index, storage.instances, study, dicomdir=dicomdir)
        if to.suffix.lower() == ".zip":
            write_zip(storage.instances, plan, to)
        else:
            write_folder(storage.instances, plan, to)
    out.print(f"{len(plan.entries)} instances written to {to}.", soft_wrap=True)
    if plan.filled:
        err.print(
            f"The instances lack {', '.join(plan.filled)}; the DICOMDIR alone has a value there."
        )


@app.command()
def delete(
    study: Study,
    series: Annotated[str, typer.Option(help="Only this series.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a study, or one series of it, for good: everywhere the node keeps it."""
    from storage.container import open_storage

    with open_storage(start()) as storage:
        if not yes:
            typer.confirm("Delete it for good, with all results?", abort=True)
        code = Code.INSTANCES_ACCESSED if series else Code.STUDY_DELETED
        storage.audit.check()
        patients = storage.audit.patients_of([study])
        deletions = storage.deletions
        # A refused deletion, as of a study on legal hold, is none.
        with change_by_operator(
            storage.audit, code, "D", studies=(study,), patients=patients, command="storage delete"
        ):
            done = deletions.series(study, series) if series else deletions.study(study)
    out.print(f"{done.instance_count} instances deleted, {_size(done.size_bytes)}.")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.1f} MiB"
