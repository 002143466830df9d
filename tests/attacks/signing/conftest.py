"""A node with accounts and an identity provider, and a drafted report."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.access.closed import (
    ClosedNode,
    closed_node,
)
from tests.api.access.openid_connect.provider import (
    Provider,
    provider,
    settings_with,
)


@pytest.fixture
def identity() -> Iterator[Provider]:
    with provider() as running:
        running.claims = {"sub": "4711", "preferred_username": "jane", "groups": ["radiologist"]}
        yield running


@pytest.fixture
def node(tmp_path: Path, identity: Provider) -> Iterator[ClosedNode]:
    with closed_node(settings_with(identity, tmp_path)) as running:
        yield running
