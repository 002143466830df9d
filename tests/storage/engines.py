"""An engine on the database of some settings, without the storage above it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from storage.db.engine import make_engine
from storage.settings import Settings


@contextmanager
def opened_engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.resolved_database_url)
    try:
        yield engine
    finally:
        engine.dispose()
