"""`mediview users`: who may sign in with a password."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated

import typer

from api.access.audited_changes import access_change, owner_change
from api.cli.access.paused_webhooks import print_paused
from api.cli.console import counted, out, table_of
from api.cli.starting import start
from storage.accounts.names import checked_name
from storage.audit import Action, Actor, Audit
from storage.container import Storage, open_storage
from storage.core.callers.roles import checked_roles
from storage.core.errors import InvalidRequest
from storage.maintenance.upgrade import prepare_if_new
from storage.webhooks.owner_ends import EndedOwner

app = typer.Typer(name="users", help="Local user accounts.", no_args_is_help=True)
OPERATOR = Actor("operator", "operator")

Name = Annotated[str, typer.Argument(help="Up to 80 of a-z, 0-9 and . _ @ -")]
Roles = Annotated[
    list[str], typer.Option("--role", help="viewer, radiologist, integrator or admin; repeatable.")
]
IsOwn = Annotated[
    bool,
    typer.Option(
        "--own", help="It is the person's own password, which need not be changed at the sign-in."
    ),
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@contextmanager
def opened() -> Iterator[Storage]:
    settings = start(log_level="ERROR")
    # The first administrator may be made before the node runs for the first time.
    prepare_if_new(settings)
    with open_storage(settings) as storage:
        yield storage


@app.command("list")
def list_users() -> None:
    """Show all accounts."""
    with opened() as storage:
        accounts = storage.accounts.all()
        required = storage.settings.auth == "required"
        with_factor = storage.second_factors.accounts_with()
    table = table_of("Name", "Roles", "State", "Second factor", "Last sign-in")
    for one in accounts:
        last = f"{one.last_sign_in_at:%Y-%m-%d %H:%M} UTC" if one.last_sign_in_at else "never"
        state = "disabled" if one.disabled else "enabled"
        factor = "yes" if one.name in with_factor else "no"
        table.add_row(one.name, ", ".join(sorted(one.roles)), state, factor, last)
    if accounts:
        out.print(table)
    rule = (
        "Everyone has to sign in (MEDIVIEW_AUTH=required)"
        if required
        else "Nobody has to sign in at this machine (MEDIVIEW_AUTH=none)"
    )
    out.print(f"{counted(len(accounts), 'account')}. {rule}.", markup=False)


@app.command("add")
def add(name: Name, role: Roles, password_stdin: FromStdin = False, own: IsOwn = False) -> None:
    """Add an account; its initial password is asked for, and changed at the first sign-in."""
    checked, roles = checked_name(name), sorted(checked_roles(role))
    with opened() as storage:
        password = _password(password_stdin)
        with _change(storage.audit, "C", checked, roles=roles):
            account = storage.accounts.add(checked, password, roles, must_change_password=not own)
    out.print(f"{account.name} may sign in as {', '.join(sorted(account.roles))}.", markup=False)


@app.command("set-password")
def set_password(name: Name, password_stdin: FromStdin = False, own: IsOwn = False) -> None:
    """Give an account another password, to be changed at the next sign-in; its sessions end."""
    with opened() as storage:
        account = storage.accounts.get(name)
        password = _password(password_stdin)
        with _change(storage.audit, "U", account.name, what="password"):
            storage.accounts.set_password(account.name, password, must_change_password=not own)
    out.print(f"{account.name} has another password now.", markup=False)


@app.command("set-roles")
def set_roles(name: Name, role: Roles) -> None:
    """Give an account other roles; they count within a second."""
    with opened() as storage:
        roles = sorted(checked_roles(role))
        with _owner_change(storage.audit, name, roles=roles) as ended:
            account = storage.accounts.set_roles(name, roles, ended.append)
        out.print(f"{account.name} is {', '.join(sorted(account.roles))} now.", markup=False)
        print_paused(storage.webhooks, ended)


@app.command("set-name")
def set_name(
    name: Name,
    person_name: Annotated[str, typer.Argument(help="Family^Given^Middle^Prefix^Suffix")],
) -> None:
    """Say who the person is: the name stands in the reports that the account signs."""
    with opened() as storage, _change(storage.audit, "U", name, what="person name"):
        account = storage.accounts.set_person_name(name, person_name)
    out.print(f"{account.name} signs as {account.person_name or account.name}.", markup=False)


@app.command("reset-second-factor")
def reset_second_factor(name: Name) -> None:
    """Remove the second factors and recovery codes that somebody has lost; sessions end."""
    with opened() as storage:
        account = storage.accounts.get(name)
        with _change(storage.audit, "U", account.name, what="second factors removed"):
            removed = storage.second_factors.reset(account.name)
    out.print(f"{account.name} had {removed} second factors, and has none now.", markup=False)


@app.command("disable")
def disable(name: Name) -> None:
    """Let an account sign in no more; its sessions end."""
    _switch(name, disabled=True)


@app.command("enable")
def enable(name: Name) -> None:
    """Let a disabled account sign in again."""
    _switch(name, disabled=False)


@app.command("sign-out")
def sign_out(
    who: Annotated[
        str, typer.Argument(help="The account; with --provider the person's subject there (sub).")
    ] = "",
    provider: Annotated[
        bool, typer.Option("--provider", help="Somebody whom the identity provider signed in.")
    ] = False,
    everybody: Annotated[bool, typer.Option("--everybody", help="All sessions.")] = False,
) -> None:
    """End sessions, as of somebody who has left or whose computer was stolen. To keep an account
    from signing in again, disable it; a person of the provider is shut out there."""
    if everybody == bool(who):
        raise InvalidRequest("It is not clear whose sessions.", remedy="Name one, or --everybody.")
    with opened() as storage:
        if who and not provider:
            who = storage.accounts.get(who.strip().lower()).name
        whose = f"{who} of the provider" if provider else who or "everybody"
        with access_change(storage.audit, OPERATOR, "U", "account", whose, what="sessions ended"):
            if everybody:
                ended = storage.sessions.end_everybodys()
            else:
                kind = "oidc" if provider else "account"
                ended = storage.sessions.end_all_of_subject(kind, who)
    out.print(f"{counted(ended, 'session')} ended.", markup=False)


def _switch(name: str, *, disabled: bool) -> None:
    word = "disabled" if disabled else "enabled"
    with opened() as storage:
        with _owner_change(storage.audit, name, what=word) as ended:
            account = storage.accounts.set_disabled(name, disabled, ended.append)
        out.print(f"{account.name} is {word} now.", markup=False)
        print_paused(storage.webhooks, ended)


def _change(
    audit: Audit, action: Action, name: str, **detail: str | Sequence[str]
) -> AbstractContextManager[None]:
    return access_change(audit, OPERATOR, action, "account", name.strip().lower(), **detail)


def _owner_change(
    audit: Audit, name: str, **detail: str | Sequence[str]
) -> AbstractContextManager[list[EndedOwner]]:
    return owner_change(audit, OPERATOR, "U", "account", name.strip().lower(), **detail)


def _password(from_stdin: bool) -> str:
    """Asked for twice, or the first line of standard input; never an option, which others see."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidRequest(
            "There is no terminal to ask for a password at.",
            remedy="Use --password-stdin and write the password to standard input.",
        )
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
