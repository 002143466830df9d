"""An open, migrated storage on each kind of database and object store."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from storage.container import Storage, open_storage
from storage.db.engine import make_engine
from storage.settings import Settings
from tests.postgres import PostgresServer


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def reading_storage(reading_settings: Settings) -> Iterator[Storage]:
    """One of each kind for those tests of a module that change nothing."""
    with open_storage(reading_settings) as opened:
        yield opened


@pytest.fixture
def postgres_engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    """For what PostgreSQL alone does."""
    url = postgres_server.migrated_database()
    engine = make_engine(url)
    yield engine
    engine.dispose()
    postgres_server.drop(url)
