"""One node for all tests of this folder, and a study that went through it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mediview_client import MediView
from tests import builders
from tests.api.client import part10
from tests.clients.python.node import ClosedNode, closed_node

SHAPE = (9, 30, 24)


@pytest.fixture(scope="package")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    folder = tmp_path_factory.mktemp("client")
    with closed_node(folder, tick_s=1.0, webhook_hosts="ris.example.org,127.0.0.1") as node:
        yield node


@pytest.fixture(scope="package")
def node(closed: ClosedNode) -> Iterator[MediView]:
    with MediView(closed.url, closed.key) as node:
        yield node


@pytest.fixture(scope="package")
def voxels() -> NDArray[np.int16]:
    """Bright where the asymmetric mask is, which the node's small pipeline finds."""
    made = np.random.default_rng(3).integers(0, 400, SHAPE, dtype=np.int16)
    made[builders.asymmetric_mask(SHAPE)] = 900
    return made


@pytest.fixture(scope="package")
def study_folder(tmp_path_factory: pytest.TempPathFactory, voxels: NDArray[np.int16]) -> Path:
    """Oblique, anisotropic, not square, and named in another order than that of space."""
    folder = tmp_path_factory.mktemp("study")
    series = builders.series(
        voxels,
        spacing_mm=(3.5, 1.7, 1.1),
        directions=builders.rotation(20, -35, 75),
        modality="MR",
        seed=5,
    )
    for name, number in enumerate(np.random.default_rng(4).permutation(len(series))):
        (folder / f"IM{name:04}").write_bytes(part10(series[number]))
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return folder


@pytest.fixture(scope="package")
def study_instance_uid(node: MediView, study_folder: Path) -> str:
    started = node.uploads.analyze(study_folder)
    (found,) = started["study_instance_uids"]
    assert node.studies.wait(found, poll_s=0.1)["state"] == "results"
    return found
