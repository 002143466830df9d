"""`mediview keys`: what programs come in with."""

import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from api.access.audited_changes import access_change, owner_change
from api.cli.access.paused_webhooks import print_paused
from api.cli.access.users import OPERATOR, opened
from api.cli.console import counted, err, out, table_of
from storage.core.callers.roles import checked_roles, checked_scopes
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest

app = typer.Typer(name="keys", help="API keys of programs.", no_args_is_help=True)

_SPAN = re.compile(r"([1-9][0-9]{0,4})([hd])")


@app.command("list")
def list_keys() -> None:
    """Show all keys, without their secrets."""
    with opened() as storage:
        keys = storage.api_keys.all()
    now = utcnow()
    table = table_of("Id", "Name", "Roles", "Scopes", "State", "Last used")
    for one in keys:
        state = "until " + f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "for ever"
        if not one.is_valid(now):
            state = "revoked" if one.revoked_at else "expired"
        last = f"{one.last_used_at:%Y-%m-%d}" if one.last_used_at else "never"
        roles, scopes = ", ".join(sorted(one.roles)), ", ".join(sorted(one.scopes))
        table.add_row(one.key_id, one.name, roles, scopes, state, last)
    if keys:
        out.print(table)
    out.print(f"{counted(len(keys), 'key')}.", markup=False)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the program, such as 'ris'.")],
    role: Annotated[
        list[str],
        typer.Option("--role", help="viewer, radiologist, integrator or admin; repeatable."),
    ],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="dicomweb:read, dicomweb:write, api:read, api:write, fhir:read, fhir:write,"
            " fhircast:read, fhircast:write, metrics:read, admin; repeatable or with commas."
            " None: all that the roles allow.",
        ),
    ] = None,
    expires: Annotated[str, typer.Option(help="Such as 90d or 12h, or never.")] = "90d",
) -> None:
    """Make a key and write it to standard output, this once."""
    with opened() as storage:
        name = name.strip()
        roles = sorted(checked_roles(part for one in role for part in one.split(",")))
        scopes = sorted(checked_scopes(part for one in scope or () for part in one.split(",")))
        with access_change(storage.audit, OPERATOR, "C", "key", name, roles=roles, scopes=scopes):
            key, secret = storage.api_keys.create(
                name, roles, scopes, created_by=OPERATOR.name, expires_at=_end(expires)
            )
    # Alone on standard output, so that a script can take it.
    typer.echo(secret)
    err.print(
        f"This is shown once. Programs send it as 'Authorization: Bearer …';"
        f" `mediview keys revoke {key.key_id}` ends it.",
        markup=False,
        soft_wrap=True,
    )


@app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="Id or name.")]) -> None:
    """End a key; it counts no more within a second."""
    with opened() as storage:
        found = storage.api_keys.get(key)
        with owner_change(storage.audit, OPERATOR, "D", "key", found.name, what="revoked") as ended:
            revoked = storage.api_keys.revoke(found.key_id, utcnow(), ended.append)
        out.print(f"The key {revoked.name} is revoked.", markup=False)
        print_paused(storage.webhooks, ended)


def _end(expires: str) -> datetime | None:
    if expires == "never":
        return None
    span = _SPAN.fullmatch(expires.strip())
    if span is None:
        raise InvalidRequest(f"'{expires}' is not a time span.", remedy="Write 90d, 12h, or never.")
    number = int(span[1])
    return utcnow() + (timedelta(days=number) if span[2] == "d" else timedelta(hours=number))
