"""The node as a hub where nothing is open."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from storage import tables as t
from storage.db.engine import writing
from storage.settings import load_settings
from tests.api.client import ApiNode, api_node
from tests.api.fhircast.hubs import MORE
from tests.migrated import upgrade
from tests.services import free_port


@pytest.fixture(scope="module")
def hub_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("hub") / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
        **MORE,
    )
    upgrade(settings)
    with api_node(settings) as node:
        yield node


@pytest.fixture
def hub(hub_node: ApiNode) -> ApiNode:
    """Where nothing is open and nobody listens."""
    with writing(hub_node.storage.engine) as connection:
        for table in (t.fhircast_context, t.fhircast_event, t.fhircast_subscription):
            connection.execute(delete(table))
    return hub_node
