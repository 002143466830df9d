"""One node for all tests of workitems, which name their own patients and subscribers."""

from collections.abc import Iterator

import pytest

from dicom_node.server.scp import start_scp
from storage.container import open_storage
from tests.dicom_node.conftest import Node, node_settings
from tests.migrated import upgrade


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = node_settings(tmp_path_factory.mktemp("workitems"))
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)
