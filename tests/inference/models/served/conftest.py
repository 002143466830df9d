"""A model server with a network, and cards that name it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.models.model_cache import WARM
from inference.pipeline import PipelineOutput
from storage.container import Storage
from tests import builders
from tests.inference.models.served.serving import Compute, run
from tests.inference.orchestration import storage_in
from tests.inference.plain_models import onnx_model


@pytest.fixture(scope="module")
def volume() -> Volume:
    mask = np.zeros((24, 40, 36), bool)
    mask[4:18, 6:30, 5:14] = True
    mask[4:10, 6:14, 5:31] = True
    noise = np.random.default_rng(4).integers(0, 300, mask.shape)
    return assemble_volume(
        builders.series(
            (np.where(mask, 900, 40) + noise).astype(np.int16),
            spacing_mm=(2.0, 1.1, 0.9),
            directions=builders.rotation(12, -9, 5),
        )
    )


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onnx_model(tmp_path_factory.mktemp("network") / "spleen")


@pytest.fixture(scope="module")
def compute(network: Path) -> Compute:
    session = onnxruntime.InferenceSession(str(network / "model.onnx"))

    def compute(values: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = session.run(None, {"x": values.astype(np.float32)})[0]
        return found

    return compute


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    # Cards of these tests have one name, and what a process has loaded stays.
    WARM.forget_all()
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture(scope="module")
def local(
    network: Path, volume: Volume, tmp_path_factory: pytest.TempPathFactory
) -> PipelineOutput:
    """What the same ONNX file finds when the node computes it."""
    WARM.forget_all()
    with storage_in(tmp_path_factory.mktemp("local")) as storage:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, network, "petra")
        return run(storage, volume)
