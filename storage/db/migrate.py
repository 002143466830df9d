"""Bring the database to this version's schema, by alembic's migrations."""

from typing import TYPE_CHECKING

from sqlalchemy import Engine

from storage.db.engine import reading, writing
from storage.db.schema import MIGRATIONS, newest_revision, revision

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade_schema(engine: Engine) -> None:
    """Bring the database to this version's schema."""
    with reading(engine) as connection:
        if revision(connection) == newest_revision():
            return
    # Here and below, for most databases are at it already.
    from alembic import command

    config = _config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
