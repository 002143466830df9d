"""`mediview patients`: whose studies are, where that was corrected."""

from typing import Annotated

import typer

from api.access.audited_changes import patient_change
from api.cli.console import out, table_of
from api.cli.operator import operator, record_use
from api.cli.starting import start
from storage.audit import Code
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.patient_identity.entities import (
    Demographics,
    Origin,
    PatientChange,
    PatientKey,
    Statement,
)
from storage.patient_identity.repository import Recorded

app = typer.Typer(
    name="patients", help="Corrected, merged, linked and moved patients.", no_args_is_help=True
)

Reason = Annotated[str, typer.Option(help="Why; the audit trail has it, too.")]


@app.command("list")
def list_changes(
    patient: Annotated[str, typer.Option(help="Only changes to or from this patient ID.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 100,
) -> None:
    """Show what messages and administrators stated, the newest first."""
    with open_storage(start(log_level="ERROR")) as storage:
        found, total = storage.patient_changes.page(limit, 0, patient)
    table = table_of("Change", "Since", "By", "What", "State")
    for one in found:
        state = "in force" if one.undone_at is None else f"undone by {one.undone_by}"
        table.add_row(one.change_id, f"{one.stated_at:%Y-%m-%d}", one.stated_by, _what(one), state)
    if found:
        out.print(table)
    out.print(f"{len(found)} shown of {total}.", markup=False)


@app.command("move")
def move(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID of a stored study.")],
    patient_id: Annotated[str, typer.Argument(help="Of the patient to whom it belongs.")],
    reason: Reason,
    issuer: Annotated[str, typer.Option(help="Who issued the patient ID.")] = "",
    name: Annotated[
        str | None, typer.Option(help="Of a patient whom the node does not know: FAMILY^GIVEN.")
    ] = None,
    birth_date: Annotated[str | None, typer.Option(help="YYYYMMDD, with --name.")] = None,
    sex: Annotated[str | None, typer.Option(help="F, M or O, with --name.")] = None,
) -> None:
    """Give one study the patient to whom it belongs. The stored bytes stay as they came."""
    actor = operator()
    with open_storage(start(log_level="ERROR")) as storage:
        statement = Statement(
            "move",
            PatientKey(patient_id, issuer),
            Demographics(name, birth_date, sex),
            study_instance_uid=study,
            site_issuer=storage.settings.patient_id_issuer,
        )
        origin = Origin(actor.name, actor.id, reason=reason.strip())
        with patient_change(storage.audit, actor, "move", origin.reason, (patient_id,), study):
            _print_changed(storage.patient_changes.move(statement, origin, utcnow()))


@app.command("link")
def link(
    patient_id: Annotated[str, typer.Argument(help="One ID of the patient.")],
    other_id: Annotated[str, typer.Argument(help="Another ID of the same patient.")],
    reason: Reason,
    issuer: Annotated[str, typer.Option(help="Who issued the first ID.")] = "",
    other_issuer: Annotated[str, typer.Option(help="Who issued the other one.")] = "",
) -> None:
    """Count two IDs as one patient for priors, trends and search; both stay in use."""
    actor = operator()
    with open_storage(start(log_level="ERROR")) as storage:
        statement = Statement(
            "link",
            PatientKey(patient_id, issuer),
            prior=PatientKey(other_id, other_issuer),
            site_issuer=storage.settings.patient_id_issuer,
        )
        origin = Origin(actor.name, actor.id, reason=reason.strip())
        ids = (patient_id, other_id)
        with patient_change(storage.audit, actor, "link", origin.reason, ids):
            recorded = storage.patient_changes.record([statement], origin, utcnow())
    if recorded is None or not recorded.change_ids:
        out.print("The two are linked already.", markup=False)
        return
    count = len(recorded.study_instance_uids)
    studies = "1 study counts" if count == 1 else f"{count} studies count"
    shown = f"{studies} with those of the other ID now (change {recorded.change_ids[0]})."
    out.print(shown, markup=False, soft_wrap=True)


@app.command("find")
def find(
    patient_id: Annotated[str, typer.Option("--id", help="Patient ID.")] = "",
    issuer: Annotated[str, typer.Option(help="Who issued the ID.")] = "",
    family: Annotated[str, typer.Option(help="Family name.")] = "",
    given: Annotated[str, typer.Option(help="Given name.")] = "",
    birth_date: Annotated[str, typer.Option(help="YYYYMMDD.")] = "",
    sex: Annotated[str, typer.Option(help="F, M or O.")] = "",
) -> None:
    """Look a patient up in the hospital's register (IHE PDQ, MEDIVIEW_PDQ_URL)."""
    # With what speaks FHIR, which the other commands need not load.
    from dicom_node.patient_identity.entities import Traits
    from dicom_node.patient_identity.systems import demographics_supplier

    traits = Traits(patient_id, issuer, family, given, birth_date, sex)
    if not (patient_id or family or birth_date):
        raise InvalidRequest("Nothing is asked.", remedy="State --id, --family or --birth-date.")
    with open_storage(start(log_level="ERROR")) as storage:
        found = demographics_supplier(storage.settings).find(traits)
        ids = tuple(key.patient_id for one in found for key in one.keys)
        record_use(storage.audit, Code.QUERY, "E", patients=ids)
    table = table_of("ID", "Name", "Birth date", "Sex")
    for one in found:
        named = "\n".join(_named(key) for key in one.keys)
        table.add_row(named, one.patient_name, one.patient_birth_date, one.patient_sex)
    if found:
        out.print(table)
    out.print(f"{len(found)} found.", markup=False)


@app.command("undo")
def undo(
    change_id: Annotated[str, typer.Argument(help="As `mediview patients list` shows it.")],
    reason: Reason,
) -> None:
    """Undo a correction, a merge or a move; what came after it stays in force."""
    actor = operator()
    with open_storage(start(log_level="ERROR")) as storage:
        change = storage.patient_changes.get(change_id)
        origin = Origin(actor.name, actor.id, reason=reason.strip())
        patients = tuple(sorted(key.patient_id for key in change.keys))
        with patient_change(
            storage.audit, actor, "undo", origin.reason, patients, change.study_instance_uid
        ):
            _print_changed(storage.patient_changes.undo(change_id, origin, utcnow()))


def _what(change: PatientChange) -> str:
    if change.kind == "merge":
        return f"{_named(change.prior)} merged into {_named(change.key)}"
    if change.kind == "link":
        return f"{_named(change.prior)} linked with {_named(change.key)}"
    if change.kind == "move":
        return f"study {change.study_instance_uid} moved to {_named(change.key)}"
    return f"{_named(change.key)} corrected"


def _named(key: PatientKey) -> str:
    issuer = f" of {key.issuer_of_patient_id}" if key.issuer_of_patient_id else ""
    return f"{key.patient_id}{issuer}"


def _print_changed(recorded: Recorded) -> None:
    count = len(recorded.study_instance_uids)
    studies = "1 study has" if count == 1 else f"{count} studies have"
    out.print(
        f"{studies} another patient now (change {recorded.change_ids[0]}).",
        markup=False,
        soft_wrap=True,
    )
