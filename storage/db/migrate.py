"""Bring the database to this version's schema, by alembic's migrations."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.core.errors import StateConflict
from storage.db.driver_errors import lacks_schema
from storage.db.engine import reading, writing
from storage.db.schema import MIGRATIONS, check_not_newer, newest_revision, revision

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade_schema(engine: Engine) -> None:
    """Bring the database to this version's schema.

    Raises StorageUnavailable where a newer version has changed it, StateConflict where something
    else has.
    """
    with reading(engine) as connection:
        current = revision(connection)
    if current == newest_revision():
        return
    check_not_newer(current)
    with writing(engine) as connection:
        try:
            upgrade_to(connection, "head")
        except DBAPIError as error:
            if lacks_schema(error):
                raise _does_not_fit(error) from error
            raise


def _does_not_fit(error: DBAPIError) -> StateConflict:
    frames = traceback.extract_tb(error.__traceback__)
    names = [Path(one.filename).stem for one in frames if MIGRATIONS in Path(one.filename).parents]
    sentence = str(error.orig).partition("\n")[0]
    return StateConflict(
        f"The migration {names[-1] if names else ''} does not fit this database: {sentence}. Its"
        " schema stays as it was.",
        remedy="Something else than a released version has changed it. Open it with the version"
        " that last did, or restore a backup that a release took.",
    )


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
