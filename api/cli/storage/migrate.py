"""`mediview migrate`: the database as this version needs it."""

from typing import Annotated

import typer

from api.cli.console import out
from api.cli.starting import start_role


def migrate(
    grants: Annotated[
        bool,
        typer.Option(
            help="Also give the PostgreSQL accounts mediview_scp, mediview_api, mediview_worker and"
            " mediview_control the rights that these roles need, and no others."
        ),
    ] = False,
) -> None:
    """Bring database and bucket to this version's schema."""
    from storage.maintenance.upgrade import grant_accounts, upgrade

    settings = start_role()
    restored = upgrade(settings)
    out.print("The database is at this version's schema.")
    if restored:
        out.print(f"{restored} instances were indexed again after a crash.")
    if grants:
        accounts = grant_accounts(settings)
        out.print(f"Rights were given to {', '.join(accounts) or 'no account: there is none'}.")
