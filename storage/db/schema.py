"""Which schema a database is at, without alembic, which only those who change it need."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, column, select, table, text

from storage.core.errors import StorageUnavailable
from storage.db.driver_errors import damaged_index
from storage.db.engine import make_engine, reading

MIGRATIONS = Path(__file__).parents[1] / "migrations"

# Alembic's own table, with one row.
_VERSION = table("alembic_version", column("version_num"))


def check_schema(engine: Engine) -> None:
    """Raise StorageUnavailable unless the database is at this version's schema.

    An index that was lost is IndexDamaged.
    """
    with reading(engine) as connection:
        current = revision(connection)
    if current is None and _has_volumes(engine):
        raise damaged_index(engine, "holds nothing, while volumes hold instances")
    check_not_newer(current)
    if current != newest_revision():
        raise StorageUnavailable(
            f"The database is at schema {current or 'none'}; this version needs"
            f" {newest_revision()}.",
            remedy="Run 'mediview migrate'.",
        )


def check_not_newer(current: str | None) -> None:
    """Raise StorageUnavailable for a schema that this version does not know yet."""
    if current is not None and current > newest_revision():
        raise StorageUnavailable(
            f"The database is at schema {current}, which a newer version has made; this one knows"
            f" none after {newest_revision()}.",
            remedy="Run the newer version. To go back, restore the backup from before the upgrade.",
        )


def _has_volumes(engine: Engine) -> bool:
    """Whether SQLite's file lies beside volumes: then it was lost, and is not new."""
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    return bool(path) and any((Path(str(path)).parent / "volumes").glob("*.mvv"))


def check_database(database_url: str) -> None:
    """Raise StorageUnavailable, or what the driver raises, unless a database is there as needed."""
    engine = make_engine(database_url)
    try:
        check_schema(engine)
    finally:
        engine.dispose()


def check_answers(engine: Engine) -> None:
    """Ask the database for nothing. Raises StorageUnavailable, or what the driver raises."""
    with reading(engine) as connection:
        connection.execute(text("SELECT 1 FROM study WHERE 1 = 0"))


def revision(connection: Connection) -> str | None:
    """The migration that the database is at, None where it has had none."""
    if not connection.dialect.has_table(connection, _VERSION.name):
        return None
    found: str | None = connection.scalar(select(_VERSION.c.version_num))
    return found


def newest_revision() -> str:
    """The last migration there is: the number that its file's name begins with."""
    return max(known_revisions())


@cache
def known_revisions() -> frozenset[str]:
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return frozenset(file.name.partition("_")[0] for file in files)
