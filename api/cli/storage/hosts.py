"""`mediview hosts`: who stores in a data folder of its own (MEDIVIEW_OWN_DISKS)."""

from contextlib import AbstractContextManager
from typing import Annotated

import typer

from api.cli.console import out, table_of
from api.cli.operator import change_by_operator
from api.cli.starting import start
from api.server.checks.hosts import clock_of, room_of
from storage.audit import Audit, Code, Type
from storage.container import open_storage
from storage.maintenance.own_folder import forget_host_keys

app = typer.Typer(
    name="hosts", help="Hosts with disks of their own on one database.", no_args_is_help=True
)


@app.command("list")
def list_hosts() -> None:
    """Show each host, when it was last there, what it alone has, and the room of its disk."""
    with open_storage(start(log_level="ERROR")) as storage:
        table = table_of(
            "Id", "Name", "", "Last seen (UTC)", "Not in the bucket yet", "Disk", "Clock"
        )
        hosts = storage.hosts.all()
        for one in hosts:
            table.add_row(
                one.host_id,
                one.name,
                one.state,
                f"{one.seen_at:%Y-%m-%d %H:%M:%S}",
                storage.hosts.alone(one) or "0",
                f"{room_of(one)}: receives nothing" if one.is_full else room_of(one),
                "" if one.has_right_clock else clock_of(one),
            )
    if not hosts:
        out.print("All roles share one data folder (MEDIVIEW_OWN_DISKS is not set).")
        return
    out.print(table)


@app.command("remove")
def remove(host: Annotated[str, typer.Argument(help="The id that 'hosts list' shows.")]) -> None:
    """Forget a host whose disk is lost: what it alone had counts as missing from then on."""
    with (
        open_storage(start(log_level="ERROR")) as storage,
        change_by_operator(
            storage.audit, Code.SECURITY_ALERT, "D", type=Type.NETWORK_CONFIGURATION, name=host
        ),
    ):
        storage.hosts.remove(host)
    out.print(f"Removed {host}.", markup=False)


@app.command("forget-keys")
def forget_keys() -> None:
    """Let the host that starts next say which keys all need; after a change on all of them."""

    def recorded(audit: Audit) -> AbstractContextManager[None]:
        return change_by_operator(
            audit,
            Code.SECURITY_ALERT,
            "D",
            type=Type.NETWORK_CONFIGURATION,
            name="keys of all hosts",
        )

    forget_host_keys(start(log_level="ERROR"), recorded)
    out.print("Forgotten. The host that starts next says which they are.", markup=False)
