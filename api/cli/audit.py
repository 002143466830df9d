"""`mediview audit …`: list, export, verify and anchor the audit trail."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import counted, err, out, table_of
from api.cli.operator import record_use
from api.cli.starting import start
from storage.audit import Action, Code
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest

app = typer.Typer(
    name="audit",
    help="List, export, verify and anchor the audit trail.",
    no_args_is_help=True,
)


class Form(StrEnum):
    XML = "xml"
    JSONL = "jsonl"


Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="UTC.")
]
_LISTED = 50


@contextmanager
def _storage(action: Action, what: str) -> Iterator[Storage]:
    """The storage; that the trail was used is written into it."""
    with open_storage(start(log_level="ERROR")) as storage:
        record_use(storage.audit, Code.AUDIT_LOG_USED, action, what="audit trail", command=what)
        yield storage


@app.command("list")
def list_events(
    since: Since = None,
    until: Since = None,
    actor: Annotated[str, typer.Option()] = "",
    code: Annotated[str, typer.Option(help="Event id or type, for example 110103.")] = "",
    study: Annotated[str, typer.Option(help="StudyInstanceUID")] = "",
    patient: Annotated[str, typer.Option(help="Patient ID")] = "",
    request: Annotated[str, typer.Option(help="Request id")] = "",
    failures: Annotated[bool, typer.Option("--failures", help="Only failures.")] = False,
    text: Annotated[str, typer.Option(help="Within actor, address and details.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = _LISTED,
) -> None:
    """Show the newest events that fit. Patient IDs are shown: mind who reads along."""
    from storage.audit.messages import meaning
    from storage.audit.query import AuditFilter, find_events

    wanted = AuditFilter(
        since=_utc(since),
        until=_utc(until),
        actor=actor,
        code=code,
        study_instance_uid=study,
        patient_id=patient,
        request_id=request,
        failures=failures,
        text=text,
    )
    with _storage("R", "list") as storage:
        found, total = find_events(storage.engine, wanted, limit, 0)
    table = table_of("At (UTC)", "Who", "From", "What", "Patient", "Studies", "Times")
    for one in found:
        what = meaning(one.type_code or one.code)
        table.add_row(
            f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            one.actor_name or one.actor_kind,
            one.actor_address,
            f"{what} ({one.action})" + (" failed" if one.outcome else ""),
            ", ".join(one.patient_ids),
            ", ".join(one.study_instance_uids),
            str(one.occurrences),
        )
    if found:
        out.print(table)
    out.print(f"{len(found)} of {total} events.", markup=False)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Output file; - for standard output.")],
    form: Annotated[Form, typer.Option(help="PS3.15 messages, or JSON lines.")] = Form.XML,
    since: Since = None,
    until: Since = None,
) -> None:
    """Write events to a file, the oldest first, one a line."""
    from storage.audit.keeper import audit_source
    from storage.audit.messages import audit_message
    from storage.audit.query import AuditFilter, all_events, as_json
    from storage.audit.spool import private_file

    wanted = AuditFilter(since=_utc(since), until=_utc(until))
    count = 0
    with _storage("R", "export") as storage:
        source = audit_source(storage.settings)
        target = typer.get_text_stream("stdout") if str(file) == "-" else private_file(file)
        try:
            for record in all_events(storage.engine, wanted):
                line = (
                    as_json(record)
                    if form is Form.JSONL
                    else audit_message(record, source).decode()
                )
                target.write(line + "\n")
                count += 1
        finally:
            target.flush()
            if str(file) != "-":
                target.close()
    err.print(f"{counted(count, 'event')} written.", markup=False)


@app.command()
def verify(
    anchor: Annotated[
        Path | None, typer.Option(help="Anchors stored elsewhere, one JSON object per line.")
    ] = None,
) -> None:
    """Check the chain and name the first event that was changed, removed or inserted.

    It is always compared with the anchors in <data>/audit/anchors.jsonl of this machine.

    Ends with 0 where it holds, with 1 where it does not.
    """
    from storage.audit.anchors import local_anchors, read_anchors, unreadable
    from storage.audit.chain import Link
    from storage.audit.keys import audit_keys
    from storage.audit.sinks import sink_names
    from storage.audit.verify import verify_chain

    anchors: list[Link] = []
    if anchor is not None:
        try:
            anchors = read_anchors(anchor.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise unreadable(anchor) from error
    with _storage("R", "verify") as storage:
        settings = storage.settings
        local = local_anchors(settings)
        check = verify_chain(
            storage.engine, audit_keys(settings), [*local, *anchors], sink_names(settings)
        )
    if not check.holds:
        out.print(f"The chain is broken. {check.problem}", markup=False, soft_wrap=True)
        raise typer.Exit(1)
    keyed = (
        f" sealed with a key from event {check.keyed_from} on"
        if check.keyed_from is not None
        else " sealed without a key: who can write to the database could rewrite all of it"
    )
    compared = (
        f"{len(local)} anchors of this machine and {len(anchors)} given ones agree."
        if check.anchors
        else "There are no anchors to compare it with: nothing shows whether its end was cut off."
    )
    if settings.own_disks:
        compared += (
            " Other hosts have anchors of the time when their control worker sealed the trail:"
            " verify it there as well."
        )
    out.print(
        f"The chain holds: {check.checked} events to {check.head.position},{keyed}."
        f" {check.unsealed} are not sealed yet. {compared}",
        markup=False,
        soft_wrap=True,
    )


@app.command("rotate-key")
def rotate_key() -> None:
    """Make a new key for the chain; those before it stay, to verify what they sealed."""
    from storage.audit.keys import key_file, rotate

    with _storage("U", "rotate-key") as storage:
        if storage.settings.audit_key.get_secret_value():
            raise InvalidRequest(
                "MEDIVIEW_AUDIT_KEY seals the chain, not the file.",
                remedy="Write the new key before the old one there: new,old.",
            )
        keys = rotate(storage.settings)
        out.print(
            f"The key {keys.current} in {key_file(storage.settings)} seals from now on.",
            markup=False,
            soft_wrap=True,
        )


@app.command()
def anchor() -> None:
    """Print the head of the chain, to be kept where nobody can change it."""
    from storage.audit.chain import head_of

    with _storage("R", "anchor") as storage:
        head = head_of(storage.engine)
    typer.echo(
        json.dumps({"position": head.position, "hash": head.hash, "at": utcnow().isoformat()})
    )


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)
