"""Databases at a version's schema without its migrations each time, which take a second or two."""

import atexit
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from storage.maintenance import upgrade as upgrading
from storage.settings import Settings, load_settings

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade(settings: Settings) -> int:
    """As `storage.maintenance.upgrade`; a new SQLite database is a copy of one that it made."""
    prepare(settings)
    return upgrading.upgrade(settings)


def prepare(settings: Settings) -> None:
    """For `mediview migrate`: a new SQLite database is such a copy already."""
    address = make_url(settings.resolved_database_url)
    if address.get_backend_name() == "sqlite":
        path = Path(address.database or "")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_template(), path)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mediview-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = load_settings(data_dir=folder)
    upgrading.upgrade(settings)
    return Path(make_url(settings.resolved_database_url).database or "")


def migrate_new_ones_once() -> None:
    """For this process: an empty database of SQLite gets what the migrations made of another one.

    Restoring, rebuilding and repairing make such databases by themselves.
    """
    from alembic import command

    migrated: dict[tuple[str | None, str], list[str]] = {}
    carry_out = command.upgrade

    def upgrade_once(config: "Config", revision: str, *others: object, **more: object) -> None:
        driver = config.attributes["connection"].connection.dbapi_connection
        wanted = config.get_main_option("script_location"), revision
        if others or more or not isinstance(driver, sqlite3.Connection) or not _is_empty(driver):
            carry_out(config, revision, *others, **more)  # type: ignore[arg-type]
        elif wanted in migrated:
            for statement in migrated[wanted]:
                driver.execute(statement).close()
        else:
            carry_out(config, revision)
            # The transaction is the caller's here.
            migrated[wanted] = [
                one
                for one in driver.iterdump()
                if not one.startswith(("BEGIN", "COMMIT", "PRAGMA foreign_keys"))
            ]

    command.upgrade = upgrade_once


def _is_empty(driver: sqlite3.Connection) -> bool:
    (count,) = driver.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not count
