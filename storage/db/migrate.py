"""Bring the database to this version's schema, by alembic's migrations."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from storage.db.engine import reading, writing
from storage.db.schema import MIGRATIONS, newest_revision, revision

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade_schema(engine: Engine) -> None:
    """Bring the database to this version's schema."""
    with reading(engine) as connection:
        if revision(connection) == newest_revision():
            return
    with writing(engine) as connection:
        upgrade_to(connection, "head")


def upgrade_to(connection: Connection, revision: str) -> None:
    """Bring an older or empty database to one migration, within the caller's transaction."""
    # Here and below, for most databases are at the newest already.
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
