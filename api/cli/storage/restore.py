"""`mediview restore`: a backup, into an empty data folder and an empty database."""

from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from api.cli.console import err, out
from api.cli.operator import record_use
from api.cli.starting import start
from api.cli.storage.backup import At, Place, open_store
from storage.audit import Code
from storage.core.errors import StateConflict

if TYPE_CHECKING:
    from storage.backup.entities import Manifest
    from storage.backup.store import BackupStore


def restore(place: Place = "", at: At = "") -> None:
    """Restore a backup into an empty data folder, database and bucket, of any kind and host.

    One that is cut off goes on when it is started again. A backup that lacks what the node had
    lost is restored only where --at names it; then this ends with 1.
    """
    from storage.backup.restoring import restore as put_back
    from storage.container import open_storage
    from storage.core.data_folder.unfinished_restore import NAME_LOST, restore_begun

    settings = start(log_level="ERROR")
    store = open_store(settings, place)
    begun = restore_begun(settings.data_dir)
    if begun == NAME_LOST:
        begun = ""  # the newest, if it may
    manifest = store.manifest(at or begun)
    if manifest.missing and not (at or begun):
        raise _lacks(store, manifest)
    done = put_back(settings, store, manifest)
    with open_storage(settings) as storage:
        record_use(storage.audit, Code.IMPORT, "C", command="restore", backup=manifest.name)
    out.print(
        f"The backup {manifest.name} is restored: {manifest.instances} instances"
        f" and {done.indexed} that came while it was taken.",
        soft_wrap=True,
    )
    out.print("Start the node, and run 'mediview doctor'. Everybody signs in again.")
    for sentence in manifest.missing:
        err.print(f"[bold red]missing[/]  {escape(sentence)}", soft_wrap=True)
    if manifest.missing:
        raise typer.Exit(1)


def _lacks(store: "BackupStore", newest: "Manifest") -> StateConflict:
    complete = store.newest_complete()
    other = (
        "no other lacks nothing"
        if complete is None
        else f"the newest that lacks nothing is {complete.name}"
    )
    return StateConflict(
        f"The newest backup, {newest.name}, lacks what the node had lost when it was taken:"
        f" {newest.missing[0]}",
        remedy=f"Name the one that you want with --at: {other}; 'mediview backup verify --at NAME'"
        " says what one lacks.",
    )
