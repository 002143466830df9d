"""Nodes that stand what several files of tests do to them."""

from collections.abc import Iterator

import pytest

from tests.attacks.support.measured import OPEN_TO_ALL, AttackedNode, attacked_node


@pytest.fixture(scope="session")
def shared_attacked_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedNode]:
    """With the settings that a node has by itself."""
    with attacked_node(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.fixture(scope="session")
def open_attacked_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedNode]:
    """One that lets strangers do all over DICOM."""
    with attacked_node(tmp_path_factory.mktemp("open"), OPEN_TO_ALL) as running:
        yield running
