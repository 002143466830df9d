"""Bring the database to this version's schema, by alembic's migrations."""

from typing import TYPE_CHECKING

from sqlalchemy import Engine

from storage.core import disk_reserve, private_folder
from storage.db.engine import make_engine, reading, writing
from storage.db.replacement import finish
from storage.db.schema import MIGRATIONS, newest_revision, revision
from storage.index.crash_recovery import CrashRecovery
from storage.search.vectors import PassageVectors
from storage.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade(settings: Settings) -> int:
    """Make database and bucket ready, and index what a crash left unindexed.

    Returns how many index rows were restored. Safe to run at every start, and
    by several processes at once on PostgreSQL, whose migrations take a lock.
    """
    private_folder.prepare(settings.data_dir)
    disk_reserve.check_room(settings.data_dir)
    finish(settings)
    engine = make_engine(settings.resolved_database_url)
    try:
        upgrade_schema(engine)
        if settings.passage_search == "pgvector":
            PassageVectors(engine).prepare()
        if settings.object_store == "s3":
            from storage.objects.s3 import S3Objects

            S3Objects(settings).create_bucket()
        return CrashRecovery(engine, settings.data_dir / "volumes").run()
    finally:
        engine.dispose()


def upgrade_schema(engine: Engine) -> None:
    """Bring the database alone to this version's schema."""
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
