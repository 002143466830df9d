"""A provider whom a node believes, by which people of two groups come."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.access.closed import ClosedNode, closed_node
from tests.api.access.openid_connect.provider import Provider, provider, settings_with


@pytest.fixture
def identity() -> Iterator[Provider]:
    with provider() as running:
        running.claims = {"sub": "4711", "preferred_username": "ada", "groups": ["Radiology"]}
        yield running


@pytest.fixture
def closed(tmp_path: Path, identity: Provider) -> Iterator[ClosedNode]:
    roles = "Radiology=radiologist,IT=admin"
    settings = settings_with(
        identity, tmp_path, oidc_role_map=roles, webhook_hosts=("ris.example",)
    )
    with closed_node(settings) as node:
        yield node
