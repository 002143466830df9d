"""`mediview projects`: studies for research, and how they leave without their patients."""

from datetime import datetime
from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.operator import change_by_operator, operator, record_use
from api.cli.starting import start
from api.cli.studies import project_exports
from inference.deidentification.profile import Option
from inference.projects.finding_criteria import read_criterion
from inference.projects.reidentification import reidentify
from inference.projects.selection import (
    add_studies,
    checked_split,
    cohort,
    create_project,
    preview,
)
from storage.audit import Code
from storage.container import open_storage
from storage.core.clock import utcnow
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
    finding: Annotated[
        list[str] | None,
        typer.Option(
            help="Studies with a finding, as 'label=Brain volume; from=900; to=1200; unit=cm3';"
            " also code=, scheme= and pipeline=. Repeated: with all of them."
        ),
    ] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="The patients' consent is recorded.")
    ] = False,
    preview_alone: Annotated[
        bool, typer.Option("--preview", help="Say how many they are, and add none.")
    ] = False,
) -> None:
    """Add studies by UID, or all that meet the conditions now."""
    with open_storage(start(log_level="ERROR")) as storage:
        uids = list(studies or ())
        criteria = [read_criterion(one) for one in finding or ()]
        if modality or study_date_from or study_date_to or criteria or not uids:
            wanted = StudyFilter(
                modalities=frozenset(modality or ()),
                study_date_from=study_date_from.date() if study_date_from else None,
                study_date_to=study_date_to.date() if study_date_to else None,
            )
            uids += cohort(storage, wanted, criteria)
        project = storage.projects.get(name)
        if preview_alone:
            counted = preview(storage.projects, project, uids)
            out.print(f"{counted.found} studies, of which {counted.new} would be new in {name}.")
            return
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


for name, command in (
    ("export", project_exports.export),
    ("exports", project_exports.exports),
    ("refused", project_exports.refused),
    ("retry", project_exports.retry),
    ("verify", project_exports.verify),
):
    app.command(name)(command)
