"""`mediview notify`: people who are notified of events, by mail or in a chat."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Literal, cast, get_args

import typer

from api.cli.console import counted, err, out, table_of
from api.cli.operator import change_by_operator, operator
from api.cli.starting import start
from api.webhooks.people import warning_of
from storage.audit import Audit, Code, Type
from storage.container import Storage, open_storage
from storage.core.callers.visibility import Caller
from storage.core.errors import InvalidRequest
from storage.core.interface_languages import InterfaceLanguage
from storage.webhooks.people import (
    DEFAULT_WAIT_S,
    PEOPLE_EVENTS,
    PROGRAMS,
    ForPeople,
    WebhookKind,
)
from storage.webhooks.repository import CHATS, Webhook, Webhooks

app = typer.Typer(
    name="notify",
    help="People who are notified of events, by mail or in a chat.",
    no_args_is_help=True,
)
_DEFAULT_EVENTS = ("alert.*", "job.failed", "delivery.failed", "destination.*", "node.*")
_KINDS = tuple(kind for kind in get_args(WebhookKind) if kind != "webhook")
_ONLY_FIRST = 1000
_ADDRESS_VARIABLE = "MEDIVIEW_NOTIFY_ADDRESS"


@contextmanager
def _storage() -> Iterator[Storage]:
    with open_storage(start(log_level="ERROR")) as storage:
        yield storage


@app.command("events")
def events() -> None:
    """List the events that people can be notified of."""
    from storage.webhooks.payloads import EVENT_TYPES

    table = table_of("Event", "Meaning")
    for name in PEOPLE_EVENTS:
        table.add_row(name, EVENT_TYPES[name])
    out.print(table)


@app.command("list")
def list_receivers() -> None:
    """Show the receivers, what they get, and what waits or failed."""
    with _storage() as storage:
        receivers = _receivers(storage.webhooks)
        counts = storage.webhook_outbox.counts([one.webhook_id for one in receivers])
    table = table_of("Id", "Kind", "Address", "Events", "Waits", "Quiet", "Waiting", "Failed")
    for one in receivers:
        wanted, count = one.for_people, counts[one.webhook_id]
        table.add_row(
            one.webhook_id[:8],
            one.kind,
            one.url.removeprefix("mailto:") + ("" if one.is_active else " (off)"),
            ", ".join(one.events) + (" with patients' names" if wanted.names_patients else ""),
            f"{wanted.wait_s} s",
            wanted.quiet_hours,
            str(count.get("PENDING", 0)),
            str(count.get("DEAD", 0)),
        )
    if receivers:
        out.print(table)
    out.print(f"{counted(len(receivers), 'receiver')}.")


@app.command("add")
def add(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(_KINDS)}.")],
    address: Annotated[
        str,
        typer.Argument(
            help="A mail address, or the address of an incoming webhook, which is a secret:"
            f" leave it out, and it is read from {_ADDRESS_VARIABLE} or asked for."
        ),
    ] = "",
    event: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Event, as `mediview notify events` lists them, or job.*; repeatable;"
            f" none: {', '.join(_DEFAULT_EVENTS)}."
        ),
    ] = None,
    language: Annotated[str, typer.Option(help="en or de.")] = "en",
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds that an event waits for others.")
    ] = DEFAULT_WAIT_S,
    quiet: Annotated[str, typer.Option(help="Quiet hours, such as 22:00-06:00.")] = "",
    name_patients: Annotated[
        bool, typer.Option("--name-patients", help="Name patients, their IDs and orders.")
    ] = False,
    description: Annotated[str, typer.Option(help="A note for yourself.")] = "",
) -> None:
    """Notify somebody from now on. Try it with `mediview notify test`."""
    if kind not in _KINDS:
        raise InvalidRequest(
            f"There is no kind of receiver '{kind[:40]}'.", remedy=f"Choose {', '.join(_KINDS)}."
        )
    if language not in get_args(InterfaceLanguage):
        raise InvalidRequest(
            f"There are no messages in '{language[:40]}'.",
            remedy=f"Choose {', '.join(get_args(InterfaceLanguage))}.",
        )
    for_people = ForPeople(cast(InterfaceLanguage, language), wait, quiet, name_patients)
    address = address or _address_of(kind)
    actor = operator()
    with _storage() as storage, _change(storage.audit, "C", kind, for_people):
        added = storage.webhooks.add(
            address,
            tuple(event or _DEFAULT_EVENTS),
            description,
            created_by=Caller("operator", actor.id),
            sends_everything=True,
            kind=cast(WebhookKind, kind),
            for_people=for_people,
        )
    if warning := warning_of(for_people):
        err.print(warning, markup=False, soft_wrap=True)
    out.print(
        f"Added. `mediview notify test {added.webhook_id[:8]}` tries it.",
        markup=False,
        soft_wrap=True,
    )


@app.command("set")
def change(
    receiver: Annotated[str, typer.Argument(help="Id, or how it begins.")],
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether it is notified.")] = None,
    wait: Annotated[int | None, typer.Option(min=0, help="Seconds to wait for others.")] = None,
    quiet: Annotated[str | None, typer.Option(help="Quiet hours; '' for none.")] = None,
    name_patients: Annotated[
        bool | None, typer.Option("--name-patients/--no-name-patients", help="Name patients.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="Its events, in place of those before.")
    ] = None,
) -> None:
    """Change a receiver; what is left out stays."""
    with _storage() as storage:
        found = _receiver(storage.webhooks, receiver)
        given = {"wait_s": wait, "quiet_hours": quiet, "names_patients": name_patients}
        wanted = replace(
            found.for_people,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )
        with _change(storage.audit, "U", found.kind, wanted):
            storage.webhooks.change(
                found.webhook_id,
                is_active=on,
                for_people=wanted,
                events=tuple(event) if event else None,
            )
    if warning := warning_of(wanted):
        err.print(warning, markup=False, soft_wrap=True)
    out.print("Changed.")


@app.command("remove")
def remove(receiver: Annotated[str, typer.Argument(help="Id, or how it begins.")]) -> None:
    """Remove a receiver, with all that was on its way to it."""
    with _storage() as storage:
        found = _receiver(storage.webhooks, receiver)
        with _change(storage.audit, "D", found.kind, found.for_people):
            storage.webhooks.remove(found.webhook_id)
    out.print("Removed.")


@app.command("test")
def test(receiver: Annotated[str, typer.Argument(help="Id, or how it begins.")]) -> None:
    """Send a test message now."""
    from inference.webhooks.service import ping

    with _storage() as storage:
        answered = ping(storage.settings, _receiver(storage.webhooks, receiver))
    out.print(answered.sentence, markup=False, soft_wrap=True)
    raise typer.Exit(0 if answered.ok else 1)


def _address_of(kind: str) -> str:
    """What was no argument: the list of processes and the shell's history show those."""
    if kind not in CHATS:
        return str(typer.prompt("Address"))
    return os.environ.get(_ADDRESS_VARIABLE, "") or typer.prompt("Address", hide_input=True)


def _receivers(webhooks: Webhooks) -> list[Webhook]:
    hooks, _ = webhooks.list(_ONLY_FIRST, 0)
    return [one for one in hooks if one.kind not in PROGRAMS]


def _receiver(webhooks: Webhooks, beginning: str) -> Webhook:
    found = [one for one in _receivers(webhooks) if one.webhook_id.startswith(beginning)]
    if not beginning or len(found) != 1:
        how_many = "none" if not found else "more than one"
        raise InvalidRequest(
            f"There is {how_many} whose id begins with '{beginning[:40]}'.",
            remedy="`mediview notify list` shows the ids.",
        )
    return found[0]


@contextmanager
def _change(
    audit: Audit, action: Literal["C", "U", "D"], kind: str, for_people: ForPeople
) -> Iterator[None]:
    with change_by_operator(
        audit,
        Code.SECURITY_ALERT,
        action,
        type=Type.NETWORK_CONFIGURATION,
        kind=kind,
        names_patients="yes" if for_people.names_patients else "no",
    ):
        yield
