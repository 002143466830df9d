"""`mediview projects`: studies for research, and how they leave without their patients."""

import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.operator import change_by_operator, operator, record_use
from api.cli.starting import start
from inference.broker.notify import wake
from inference.deidentification.profile import Option
from inference.projects.certificate import verify_folder
from inference.projects.export import export_due
from inference.projects.folder import check_empty, checked_folder
from inference.projects.reidentification import reidentify
from inference.projects.selection import (
    add_studies,
    checked_split,
    create_project,
    matching_studies,
)
from storage.audit import Code
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.state_words import state_word
from storage.projects.entities import ExportFormat, ProjectExport
from storage.projects.exports import ProjectExports
from storage.studies.filter import StudyFilter

app = typer.Typer(
    name="projects",
    help="Research projects: de-identified exports of chosen studies.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Name of the project.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command("create")
def create(
    name: Name,
    option: Annotated[
        list[Option] | None, typer.Option(help="An option of PS3.15 E.3; may be repeated.")
    ] = None,
    needs_consent: Annotated[
        bool, typer.Option("--needs-consent", help="Only studies with recorded consent leave.")
    ] = False,
    split: Annotated[
        str, typer.Option(help="Training, validation and test in percent of the patients.")
    ] = "100,0,0",
) -> None:
    """Create a project with a key of its own for its pseudonyms."""
    shares = checked_split([int(one) if one.isdecimal() else -1 for one in split.split(",")])
    with open_storage(start(log_level="ERROR")) as storage:
        options = ",".join(option or ())
        with change_by_operator(storage.audit, Code.EXPORT, "C", project=name, options=options):
            project = create_project(
                storage.projects,
                name,
                option or (),
                needs_consent=needs_consent,
                split=shares,
                created_by=operator().name,
                now=utcnow(),
            )
    out.print(f"Project {project.name} is there; add studies to it.", markup=False)


@app.command("list")
def list_projects() -> None:
    """Show the projects, by name."""
    table = table_of("Project", "Studies", "Options", "Consent")
    with open_storage(start(log_level="ERROR")) as storage:
        found, _ = storage.projects.page(1000, 0)
        for project in found:
            _, studies = storage.projects.studies(project, 0)
            consent = "needed" if project.needs_consent else "not needed"
            table.add_row(project.name, str(studies), ", ".join(project.options), consent)
    out.print(table)


@app.command("add")
def add(
    name: Name,
    studies: Annotated[list[str] | None, typer.Argument(help="StudyInstanceUIDs.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="Studies with such a series.")] = None,
    study_date_from: Day = None,
    study_date_to: Day = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="The patients' consent is recorded.")
    ] = False,
) -> None:
    """Add studies by UID, or all that meet the conditions now."""
    with open_storage(start(log_level="ERROR")) as storage:
        uids = list(studies or ())
        if modality or study_date_from or study_date_to or not uids:
            wanted = StudyFilter(
                modalities=frozenset(modality or ()),
                study_date_from=study_date_from.date() if study_date_from else None,
                study_date_to=study_date_to.date() if study_date_to else None,
            )
            uids += matching_studies(storage.index, wanted)
        project = storage.projects.get(name)
        stated = "recorded" if consent else "not recorded"
        with change_by_operator(
            storage.audit, Code.EXPORT, "U", studies=tuple(uids), project=name, consent=stated
        ):
            added = add_studies(
                storage.projects,
                storage.index,
                project,
                uids,
                has_consent=consent,
                added_by=operator().name,
                now=utcnow(),
            )
    out.print(f"{added} of {len(uids)} studies are new in {name}.", markup=False)


@app.command("remove")
def remove(name: Name, study: Annotated[str, typer.Argument(help="StudyInstanceUID.")]) -> None:
    """Take a study out of a project; what was exported stays where it is."""
    with open_storage(start(log_level="ERROR")) as storage:
        project = storage.projects.get(name)
        with change_by_operator(storage.audit, Code.EXPORT, "U", studies=(study,), project=name):
            storage.projects.remove(project, study)
    out.print(f"The study {study} is no longer in {name}.", markup=False, soft_wrap=True)


@app.command("export")
def export(
    name: Name,
    folder: Annotated[str, typer.Argument(help="A new folder below MEDIVIEW_EXPORT_DIR.")],
    export_format: Annotated[
        ExportFormat, typer.Option("--format", help="nifti: volumes in the layout of BIDS.")
    ] = "dicom",
    here: Annotated[
        bool, typer.Option("--here", help="Do it in this command, and wait for it.")
    ] = False,
) -> None:
    """Export the studies of a project, de-identified and checked, with a certificate."""
    settings = start(log_level="ERROR")
    with open_storage(settings) as storage:
        project = storage.projects.get(name)
        check_empty(checked_folder(settings, folder))
        studies, _ = storage.projects.studies(project)
        uids = tuple(one.study_instance_uid for one in studies)
        with change_by_operator(
            storage.audit, Code.EXPORT, "E", studies=uids, project=name, folder=folder
        ):
            asked = storage.project_exports.add(project, folder, operator().name, export_format)
        if here:
            export_due(storage, f"{socket.gethostname()}:{os.getpid()}")
            _show(storage.project_exports, storage.project_exports.get(asked.export_id))
            return
    wake(settings)
    out.print(f"Export {asked.export_id} is on its way.", markup=False, soft_wrap=True)


@app.command("exports")
def exports(name: Name) -> None:
    """Show the exports of a project, and how far they are; the newest first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, _ = storage.project_exports.of_project(storage.projects.get(name), 50)
        for one in found:
            _show(storage.project_exports, one)


@app.command("refused")
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


@app.command("retry")
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


@app.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that an export made.")],
    public_key: Annotated[
        str, typer.Option(help="The node's key, if you know it by another way.")
    ] = "",
) -> None:
    """Check an exported folder against its certificate, on any machine."""
    problems = verify_folder(folder, public_key)
    for sentence in problems:
        out.print(sentence, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    out.print(f"{folder} is as it was signed.", markup=False, soft_wrap=True)


@app.command("reidentify")
def reidentify_pseudonym(
    name: Name,
    pseudonym: Annotated[str, typer.Argument(help="Of a patient, or a UID of the export.")],
    reason: Annotated[str, typer.Option(help="Why; the audit trail has it.")],
) -> None:
    """Show which studies are behind a pseudonym."""
    with open_storage(start(log_level="ERROR")) as storage:
        found = reidentify(storage.projects, storage.index, storage.projects.get(name), pseudonym)
        uids = found.study_instance_uids
        record_use(
            storage.audit,
            Code.PATIENT_RECORD,
            "R",
            studies=uids,
            project=name,
            pseudonym=pseudonym,
            reason=reason,
        )
    for uid in uids:
        out.print(uid, markup=False, soft_wrap=True)


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a project with its key: nobody can re-identify what it exported any more."""
    if not yes:
        typer.confirm(f"Delete project {name} and its key for good?", abort=True)
    with open_storage(start(log_level="ERROR")) as storage:
        project = storage.projects.get(name)
        with change_by_operator(storage.audit, Code.EXPORT, "D", project=name):
            storage.projects.delete(project)
    out.print(f"Project {name} and its key are deleted.", markup=False)


def _show(project_exports: ProjectExports, export: ProjectExport) -> None:
    counts = project_exports.counts(export.export_id)
    out.print(
        f"{export.export_id} {state_word(export.state)} {export.folder}:"
        f" {counts.exported} exported, {counts.refused} refused. {export.last_error}".rstrip(),
        markup=False,
        soft_wrap=True,
    )
