"""`mediview projects export` and what is asked of exports afterwards."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import out
from api.cli.operator import change_by_operator, operator, record_use
from api.cli.starting import start
from inference.broker.notify import wake
from inference.projects.certificate import verify_export, verify_folder
from inference.projects.export import export_due
from inference.projects.targets import WantedTarget, check_new, target_of
from storage.audit import Code
from storage.container import open_storage
from storage.core.state_words import state_word
from storage.projects.entities import ExportFormat, ProjectExport
from storage.projects.exports import ProjectExports

Name = Annotated[str, typer.Argument(help="Name of the project.")]


def export(
    name: Name,
    folder: Annotated[
        str, typer.Argument(help="A new folder below MEDIVIEW_EXPORT_DIR, or of the bucket.")
    ],
    export_format: Annotated[
        ExportFormat, typer.Option("--format", help="nifti: volumes in the layout of BIDS.")
    ] = "dicom",
    destination: Annotated[
        str, typer.Option(help="A peer that is an S3 bucket or a STOW-RS archive.")
    ] = "",
    here: Annotated[
        bool, typer.Option("--here", help="Do it in this command, and wait for it.")
    ] = False,
) -> None:
    """Export the studies of a project, de-identified and checked, with a certificate."""
    settings = start(log_level="ERROR")
    with open_storage(settings) as storage:
        project = storage.projects.get(name)
        check_new(storage, WantedTarget(destination, folder), export_format)
        studies, _ = storage.projects.studies(project)
        uids = tuple(one.study_instance_uid for one in studies)
        with change_by_operator(
            storage.audit,
            Code.EXPORT,
            "E",
            studies=uids,
            project=name,
            folder=folder,
            destination=destination,
        ):
            asked = storage.project_exports.add(
                project, folder, operator().name, export_format, destination
            )
        if here:
            export_due(storage, f"{socket.gethostname()}:{os.getpid()}")
            _show(storage.project_exports, storage.project_exports.get(asked.export_id))
            return
    wake(settings)
    out.print(f"Export {asked.export_id} is on its way.", markup=False, soft_wrap=True)


def exports(name: Name) -> None:
    """Show the exports of a project, and how far they are; the newest first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, _ = storage.project_exports.of_project(storage.projects.get(name), 50)
        for one in found:
            _show(storage.project_exports, one)


def refused(
    export_id: Annotated[str, typer.Argument(help="Identifier of an export.")],
) -> None:
    """Show which instances did not leave, by their original UIDs, and why."""
    with open_storage(start(log_level="ERROR")) as storage:
        storage.project_exports.get(export_id)
        found = storage.project_exports.instances(export_id, refused=True)
        studies = tuple(dict.fromkeys(one.study_instance_uid for one in found))
        record_use(storage.audit, Code.QUERY, "E", studies=studies)
    for one in found:
        out.print(f"{one.sop_instance_uid}: {one.reason}", markup=False, soft_wrap=True)


def retry(export_id: Annotated[str, typer.Argument(help="Identifier of an export.")]) -> None:
    """Go on with an export that failed, where it stopped."""
    settings = start(log_level="ERROR")
    with (
        open_storage(settings) as storage,
        change_by_operator(storage.audit, Code.EXPORT, "E", export_id=export_id),
    ):
        storage.project_exports.retry(export_id)
    wake(settings)
    out.print(f"Export {export_id} goes on.", markup=False, soft_wrap=True)


def verify(
    folder: Annotated[
        str,
        typer.Argument(help="A folder that an export made, as it was named."),
    ],
    destination: Annotated[
        str, typer.Option(help="The peer that has the export; asked from the node.")
    ] = "",
    public_key: Annotated[
        str, typer.Option(help="The node's key, if you know it by another way.")
    ] = "",
) -> None:
    """Check an export against its certificate: a folder on any machine, or what a peer has."""
    if destination:
        with open_storage(start(log_level="ERROR")) as storage:
            target = target_of(storage, WantedTarget(destination, folder))
            problems = verify_export(target, public_key, at_archive=bool(target.transfer))
    else:
        problems = verify_folder(Path(folder), public_key)
    for sentence in problems:
        out.print(sentence, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    out.print(f"{folder} is as it was signed.", markup=False, soft_wrap=True)


def _show(project_exports: ProjectExports, export: ProjectExport) -> None:
    counts = project_exports.counts(export.export_id)
    out.print(
        f"{export.export_id} {state_word(export.state)} {_where(export)}:"
        f" {counts.exported} exported, {counts.refused} refused. {export.last_error}".rstrip(),
        markup=False,
        soft_wrap=True,
    )


def _where(export: ProjectExport) -> str:
    return f"{export.destination}: {export.folder}" if export.destination else export.folder
