"""Databases at this version's schema without its migrations each time, which take a second."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from storage.maintenance import upgrade as upgrading
from storage.settings import Settings, load_settings


def upgrade(settings: Settings) -> int:
    """As `storage.maintenance.upgrade`; a new SQLite database is a copy of one that it made."""
    address = make_url(settings.resolved_database_url)
    if address.get_backend_name() == "sqlite":
        path = Path(address.database or "")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_template(), path)
    return upgrading.upgrade(settings)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mediview-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = load_settings(data_dir=folder)
    upgrading.upgrade(settings)
    return Path(make_url(settings.resolved_database_url).database or "")
