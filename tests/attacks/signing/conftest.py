"""A node with accounts and an identity provider, and a drafted report."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.access.closed import (
    ClosedNode,
    closed_node,
    closed_settings,
)
from tests.api.access.openid_connect.provider import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    provider,
)


@pytest.fixture
def identity() -> Iterator[Provider]:
    with provider() as running:
        running.claims = {"sub": "4711", "preferred_username": "jane", "groups": ["radiologist"]}
        yield running


@pytest.fixture
def node(tmp_path: Path, identity: Provider) -> Iterator[ClosedNode]:
    settings = closed_settings(
        tmp_path,
        oidc_issuer=identity.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_roles_claim="groups",
        oidc_audience=AUDIENCE,
    )
    with closed_node(settings) as running:
        yield running
