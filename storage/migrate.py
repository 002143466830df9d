"""Bring the database to this version's schema, by alembic's migrations."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from storage.database import make_engine, reading, writing
from storage.errors import StorageUnavailable
from storage.passage_vectors import PassageVectors
from storage.reconcile import reconcile
from storage.settings import Settings

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(settings: Settings) -> int:
    """Make database and bucket ready, and index what a crash left unindexed.

    Returns how many index rows were restored. Safe to run at every start, and
    by several processes at once on PostgreSQL, whose migrations take a lock.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.resolved_database_url)
    try:
        upgrade_schema(engine)
        if settings.passage_search == "pgvector":
            PassageVectors(engine).prepare()
        if settings.object_store == "s3":
            from storage.s3 import S3Objects

            S3Objects(settings).create_bucket()
        return reconcile(engine, settings.data_dir / "volumes")
    finally:
        engine.dispose()


def upgrade_schema(engine: Engine) -> None:
    """Bring the database alone to this version's schema."""
    with reading(engine) as connection:
        if _revision(connection) == _head():
            return
    config = _config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema(engine: Engine) -> None:
    """Raise StorageUnavailable unless the database is at this version's schema."""
    with reading(engine) as connection:
        current = _revision(connection)
    if current != _head():
        raise StorageUnavailable(
            f"The database is at schema {current or 'none'}; this version needs {_head()}.",
            remedy="Run 'mediview migrate'.",
        )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
