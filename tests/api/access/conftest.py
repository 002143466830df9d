"""A node with sign-in, over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.settings import Settings
from tests.api.access.closed import ClosedNode, closed_node, closed_settings


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    with closed_node(closed_settings(tmp_path)) as node:
        yield node


@pytest.fixture
def stored_closed(storage_settings: Settings) -> Iterator[ClosedNode]:
    """The same over each kind of database."""
    from tests.services import free_port

    settings = storage_settings.model_copy(update={"http_port": free_port(), "auth": "required"})
    with closed_node(settings) as node:
        yield node
