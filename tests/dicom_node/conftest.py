"""A node of our own for the DICOM tests: real storage, a real socket on a free port."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dicom_node.peers import Peer
from dicom_node.server.scp import Scp, start_scp
from storage.container import Storage, open_storage
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.dicom.file_meta import read_file_meta
from storage.peers.entities import ACTIONS
from storage.settings import Settings
from tests.migrated import upgrade


@dataclass(frozen=True)
class Node:
    storage: Storage
    scp: Scp

    @property
    def port(self) -> int:
        return self.scp.port

    @property
    def peer(self) -> Peer:
        return Peer("MEDIVIEW", "127.0.0.1", self.scp.port)

    def instance(self, sop_instance_uid: str) -> Instance | None:
        try:
            return self.storage.index.instance(sop_instance_uid)
        except NotFound:
            return None

    def data_set(self, sop_instance_uid: str) -> bytes:
        """The stored data set without the part-10 header that the node wrote."""
        content = self.storage.instances.read(self.storage.index.instance(sop_instance_uid))
        return content[read_file_meta(content).dataset_offset :]

    @property
    def instance_count(self) -> int:
        return sum(study.instance_count for study in self.storage.index.studies(1000, 0)[0])


def node_settings(folder: Path, **changes: object) -> Settings:
    """Of a node that lets everyone ask for everything: most tests call by made-up titles."""
    wanted = {"unknown_peers_may": tuple(sorted(ACTIONS)), **changes}
    return Settings(data_dir=folder / "node", dicom_port=0, **wanted)  # type: ignore[arg-type]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return node_settings(tmp_path)


@pytest.fixture
def node(settings: Settings) -> Iterator[Node]:
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Node(storage, scp)
        finally:
            scp.shutdown(grace_s=1.0)
