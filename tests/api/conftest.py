"""The whole API as its users meet it: real storage, real uvicorn, real HTTP."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fastapi import FastAPI

from api.openapi import description
from api.openapi.description import _describe
from storage.container import Storage, open_storage
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, node_settings
from tests.patience import PATIENCE_S
from tests.services import free_port


@pytest.fixture(scope="session", autouse=True)
def _describe_once() -> Iterator[None]:
    """All apps have the same routes, whose description takes two seconds to make."""
    made: dict[str, Any] = {}

    def describe(app: FastAPI) -> dict[str, Any]:
        made.update(made or _describe(app))
        return deepcopy(made)

    with patch.object(description, "_describe", describe):
        yield


@pytest.fixture
def api_settings(tmp_path: Path) -> Settings:
    """Small limits, so that tests can pass them."""
    settings = node_settings(tmp_path / "data", language_wait_s=PATIENCE_S)
    return settings


@pytest.fixture(scope="session")
def reading_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    """One node for all tests that change nothing on it."""
    settings = node_settings(tmp_path_factory.mktemp("reading") / "data")
    with api_node(settings) as node:
        yield node


@pytest.fixture
def api(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(api_settings) as node:
        yield node


@pytest.fixture
def stored_api(storage_settings: Settings) -> Iterator[ApiNode]:
    """The same over each kind of storage: SQLite with files, PostgreSQL with S3."""
    with api_node(storage_settings.model_copy(update={"http_port": free_port()})) as node:
        yield node


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    """Without a server: an open storage of each kind."""
    with open_storage(storage_settings) as opened:
        yield opened
