"""`mediview backup …`: take, list, verify and prune encrypted backups of the whole node."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from api.cli.console import err, out
from api.cli.operator import record_use
from api.cli.progress import progress
from api.cli.starting import start
from storage.audit import Code
from storage.settings import Settings

if TYPE_CHECKING:
    from storage.backup.store import BackupStore

app = typer.Typer(
    name="backup",
    help="Back up the whole node, encrypted, while it works.",
    invoke_without_command=True,
)

_NAMES_SHOWN = 3

Place = Annotated[
    str, typer.Option("--place", help="A folder or s3://bucket/prefix; else MEDIVIEW_BACKUP_TO.")
]
At = Annotated[str, typer.Option("--at", help="Name of the backup; the newest whole one else.")]


@app.callback()
def backup(
    context: typer.Context,
    place: Place = "",
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Remove all but so many of the newest backups afterwards."),
    ] = None,
) -> None:
    """Take a backup: database, instances, objects, keys, models. The node may run meanwhile.

    What is in the store already is not copied again, and a share of it is read again and compared.
    Ends with 1 where the node lacked something, or an earlier backup has lost something; older
    ones are removed all the same, since what they have lost is named until they are gone.
    """
    if context.invoked_subcommand is not None:
        return
    from storage.backup.store import piece_path
    from storage.backup.taking import StoreState, take_backup
    from storage.container import open_storage

    settings = start(log_level="ERROR")
    with open_storage(settings) as storage:
        record_use(storage.audit, Code.EXPORT, "R", command="backup")
        store = open_store(settings, place, create=True)
        found: list[StoreState] = []
        # First of all it waits for what other hosts have not copied to the bucket yet.
        with err.status("Copying"):
            manifest = take_backup(storage, store, found.append)
    out.print(
        f"Backup {manifest.name}: {manifest.instances} instances, {_size(manifest.size_bytes)} in"
        f" all, {_size(manifest.copied_bytes)} copied to {store.place_name}.",
        soft_wrap=True,
    )
    if settings.audit_key.get_secret_value():
        out.print(
            "MEDIVIEW_AUDIT_KEY is not in it: keep it with the backup's key. Without it nobody can"
            " verify the audit trail of the restored node.",
            soft_wrap=True,
        )
    has_lost = False
    for state in found:
        out.print(f"Read again: {state.read} of the {state.stored} pieces that were there.")
        for pieces, what in (
            (state.written_again, "which was written again"),
            (state.damaged, "which earlier backups need"),
        ):
            for piece in pieces:
                err.print(f"[bold red]damaged[/]  {piece_path(piece)}, {what}", soft_wrap=True)
        has_lost = bool(state.damaged)
        if state.written_again or state.damaged:
            err.print(
                f"Check the disk of {store.place_name}, and run 'mediview backup verify', which"
                " reads all of a backup.",
                soft_wrap=True,
            )
    for sentence in manifest.awaited:
        out.print(escape(sentence), soft_wrap=True)
    for sentence in manifest.missing:
        err.print(f"[bold red]missing[/]  {escape(sentence)}", soft_wrap=True)
    if manifest.missing:
        err.print("'mediview storage verify' says more. The backup has everything else.")
    if keep is not None:
        _remove_older(settings, store, keep)
    if manifest.missing or has_lost:
        raise typer.Exit(1)


@app.command("list")
def list_backups(place: Place = "") -> None:
    """The backups there are, the oldest first, and those that were cut off."""
    from storage.backup.entities import BackupDamaged

    store = open_store(start(log_level="ERROR"), place)
    for name in store.whole():
        try:
            manifest = store.manifest(name)
        except BackupDamaged as error:
            out.print(escape(f"{name}  damaged  {error.message}"), soft_wrap=True)
            continue
        state = "lacks what the node had lost" if manifest.missing else "whole"
        out.print(
            f"{name}  {state}  {manifest.instances} instances  {_size(manifest.size_bytes)}"
            f"  version {manifest.program_version}, {manifest.engine}",
            soft_wrap=True,
        )
    for name in store.cut_off():
        out.print(f"{name}  did not end: it was cut off, or is running")


@app.command()
def verify(place: Place = "", at: At = "") -> None:
    """Read a whole backup and compare every piece with its digest; 1 where one is wrong."""
    from storage.backup.verification import verify_backup

    store = open_store(start(log_level="ERROR"), place)
    manifest = store.manifest(at)
    with progress("Reading the backup") as tell:
        problems = list(verify_backup(store, manifest, lambda *state: tell(state)))
    for problem in problems:
        names = ", ".join(problem.affects[:_NAMES_SHOWN])
        more = len(problem.affects) - _NAMES_SHOWN
        affected = f"{names} and {more} more" if more > 0 else names
        affects = f"\n  → affects {affected}" if affected else ""
        out.print(f"[bold red]wrong[/]  {escape(problem.what + affects)}", soft_wrap=True)
    for name in store.cut_off():
        out.print(f"The backup {name} did not end: it was cut off, or is running.")
    if problems:
        out.print(
            f"{len(problems)} parts of the backup {manifest.name} are wrong. Remove the damaged"
            " files from the store, and run 'mediview backup': what the node still has is copied"
            " again.",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    for sentence in manifest.awaited:
        out.print(escape(sentence), soft_wrap=True)
    out.print(f"The backup {manifest.name} is whole: {manifest.instances} instances.")


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest backups stay.")],
    place: Place = "",
) -> None:
    """Remove older backups, and what only they had. The newest that lacks nothing stays."""
    settings = start(log_level="ERROR")
    _remove_older(settings, open_store(settings, place), keep)


def _remove_older(settings: Settings, store: "BackupStore", keep: int) -> None:
    from storage.backup.taking import alone
    from storage.backup.verification import prune as remove

    with alone(settings):
        backups, pieces = remove(store, keep)
    out.print(f"Backups removed: {backups}; pieces that only they had: {pieces}.")


@app.command("new-key")
def new_key() -> None:
    """Print a new key for MEDIVIEW_BACKUP_KEY. Nothing keeps it: write it down elsewhere, too."""
    from storage.backup.key import new_key as make

    typer.echo(make())


def open_store(settings: Settings, place: str, *, create: bool = False) -> "BackupStore":
    """The store that is named, opened with the key of the settings."""
    from storage.backup.key import BackupKey
    from storage.backup.places import open_place
    from storage.backup.store import BackupStore

    key = BackupKey.parse(settings.backup_key.get_secret_value())
    return BackupStore(open_place(settings, place), key, create=create)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f} MiB"
