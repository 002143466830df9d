"""A node with real studies for tests that only read, and an empty one for those that write."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.api.dicomweb.node import DicomwebNode, dicomweb_node

_FOLDERS = ("odd", "seg_sr", "charsets", "wsi", "cxr")
_SLICES = 12


@pytest.fixture(scope="session")
def nodes(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[DicomwebNode]]:
    """Hold a part of the shared data; tests read from them and leave them as they are.

    Re-encodings of one image share its UID, so each node has one of them.
    """
    left = [
        path
        for folder in ("mr_t1_head", "ct_chest_LIDC-IDRI-0001")
        for path in sorted((shared_data / folder).glob("*.dcm"))[:_SLICES]
    ]
    for folder in _FOLDERS:
        left += sorted((shared_data / folder).glob("*.dcm"))
    with ExitStack() as stack:
        opened = []
        while left:
            folder = tmp_path_factory.mktemp("dicomweb")
            opened.append(stack.enter_context(dicomweb_node(folder)))
            left = opened[-1].keep(left)
        yield opened


@pytest.fixture
def node(nodes: list[DicomwebNode]) -> DicomwebNode:
    """The node that holds most of the data."""
    return nodes[0]


@pytest.fixture
def empty_node(tmp_path: Path) -> Iterator[DicomwebNode]:
    with dicomweb_node(tmp_path) as opened:
        yield opened
