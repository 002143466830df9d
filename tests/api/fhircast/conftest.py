"""The node as a hub where nothing is open."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from storage import tables as t
from storage.db.engine import writing
from tests.api.client import ApiNode, api_node, node_settings
from tests.api.fhircast.hubs import MORE


@pytest.fixture(scope="module")
def hub_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    settings = node_settings(tmp_path_factory.mktemp("hub") / "data", **MORE)
    with api_node(settings) as node:
        yield node


@pytest.fixture
def hub(hub_node: ApiNode) -> ApiNode:
    """Where nothing is open and nobody listens."""
    with writing(hub_node.storage.engine) as connection:
        for table in (t.fhircast_context, t.fhircast_event, t.fhircast_subscription):
            connection.execute(delete(table))
    return hub_node
