"""The node whose studies are late."""

from collections.abc import Iterator

import pytest

from storage.access_groups.entities import Member
from storage.container import Storage
from storage.processes.heartbeats import HANDLED
from tests.inference.orchestration import later, storage_in


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    folder = tmp_path_factory.mktemp("node")
    with storage_in(folder, destinations="pacs=PACS@127.0.0.1:9") as storage:
        storage.access_groups.add("Neuro", "", {"Modality": "CT"})
        storage.access_groups.add_member("Neuro", Member("account", "ada"))
        yield storage


@pytest.fixture(autouse=True)
def _alive(node: Storage) -> None:
    """The node's processes gave a sign of life just now; also by the clock of the tests."""
    for name in (HANDLED, "worker-jobs"):
        node.heartbeats.beat(name, later(5))
