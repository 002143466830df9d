"""`mediview migrate`: the database as this version needs it."""

from api.cli.console import out
from api.cli.roles.starting import start_role


def migrate() -> None:
    """Bring database and bucket to this version's schema."""
    from storage.maintenance.upgrade import upgrade

    restored = upgrade(start_role())
    out.print("The database is at this version's schema.")
    if restored:
        out.print(f"{restored} instances were indexed again after a crash.")
