"""The node against MLServer and KServe: make model-servers.

Each runs in an environment of its own, whose folder MEDIVIEW_TEST_MODEL_SERVERS names.
"""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.models.model_cache import WARM
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from storage.container import Storage
from storage.settings import load_settings
from tests import builders
from tests.inference.orchestration import storage_in
from tests.inference.plain_models import onnx_model, plain_card

ENVIRONMENTS = os.environ.get("MEDIVIEW_TEST_MODEL_SERVERS", "")
# A server's start, and a language model on a busy machine.
pytestmark = pytest.mark.timeout(1800)
PROGRAMS = Path(__file__).parent / "programs"
REPORT = (
    "Findings:\nA large left hydropneumothorax is noted. The heart is of normal size.\n\n"
    "Impression:\n1. Left hydropneumothorax."
)
SHAPE, SCORES = [1, 1, 32, 32, 32], [1, 2, 32, 32, 32]
START_S = 600.0


def python_of(name: str) -> Path:
    """The interpreter of a server's environment; skips the test where there is none."""
    if not ENVIRONMENTS:
        pytest.skip("Real model servers are tried by: make model-servers")
    return Path(ENVIRONMENTS) / name / "bin" / "python"


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str | Path], cwd: Path, ready: str) -> Iterator[None]:
    """A server from the answer at `ready` on to the end of the block."""
    log = cwd / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(one) for one in command],
            cwd=cwd,
            env={
                "PATH": f"{Path(command[0]).parent}:/usr/bin:/bin",
                "HOME": str(cwd),
                "HF_HUB_OFFLINE": "1",
                "OMP_NUM_THREADS": "2",
            },
            stdout=output,
            stderr=output,
        )
        try:
            until = time.monotonic() + START_S
            while not _answers(ready):
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < until, log.read_text()[-3000:]
                time.sleep(0.5)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).status_code == 200
    except httpx.HTTPError:
        return False


def at(storage: Storage, **settings: Any) -> Storage:
    changed = load_settings(data_dir=storage.settings.data_dir, free_disk_mark_bytes=0, **settings)
    return dataclasses.replace(storage, settings=changed)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    WARM.forget_all()
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture(scope="module")
def volume() -> Volume:
    mask = builders.asymmetric_mask((24, 40, 36))
    noise = np.random.default_rng(4).integers(0, 300, mask.shape)
    return assemble_volume(
        builders.series(
            (np.where(mask, 900, 40) + noise).astype(np.int16),
            spacing_mm=(2.0, 1.1, 0.9),
            directions=builders.rotation(12, -9, 5),
        )
    )


def segmented(node: Storage, name: str, volume: Volume) -> PipelineOutput:
    pipeline = pipeline_named(node.settings, name)
    return pipeline.run(PipelineContext(node.settings, volume))


def as_computed_here(
    storage: Storage, folder: Path, volume: Volume, url: str, **served: Any
) -> PipelineOutput:
    """The server's result, once it equals that of the same ONNX file, voxel by voxel."""
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    here = segmented(storage, "model-plain-spleen", volume)
    card = folder.parent / "served"
    card.mkdir()
    stated = {
        "server": "served",
        "model": "spleen",
        "input": {"name": "x", "shape": SHAPE},
        "output": {"name": "scores", "shape": SCORES},
        **served,
    }
    text = json.dumps({**plain_card(name="Served spleen"), "served": stated})
    (card / "mediview.json").write_text(text)
    node = at(storage, model_servers=f"served={url}")
    assert (
        add_model(node.settings, node.model_states, node.shadow_runs, card, "petra").standing.state
        == "active"
    )
    there = segmented(node, "model-served-spleen", volume)
    assert here.masks is not None
    assert np.count_nonzero(here.masks) > 100
    np.testing.assert_array_equal(there.masks, here.masks)
    return there


@pytest.mark.parametrize("way", ["http", "grpc", "grpc, typed values"])
def test_mlserver(storage: Storage, tmp_path: Path, volume: Volume, way: str) -> None:
    """JSON tensors over HTTP and bytes over gRPC, and a version that the server states."""
    python = python_of("mlserver")
    network = onnx_model(tmp_path / "network")
    folder = tmp_path / "mlserver"
    folder.mkdir()
    shutil.copy(PROGRAMS / "onnx_model.py", folder)
    port, grpc_port = free_port(), free_port()
    (folder / "settings.json").write_text(
        json.dumps(
            {
                "host": "127.0.0.1",
                "http_port": port,
                "grpc_port": grpc_port,
                "metrics_port": free_port(),
                "parallel_workers": 0,
            }
        )
    )
    (folder / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "spleen",
                "implementation": "onnx_model.OnnxModel",
                "parameters": {"uri": str(network / "model.onnx"), "version": "2"},
                "inputs": [{"name": "x", "datatype": "FP32", "shape": SHAPE}],
                "outputs": [{"name": "scores", "datatype": "FP32", "shape": SCORES}],
            }
        )
    )
    url = f"http://127.0.0.1:{port}"
    command = [python.parent / "mlserver", "start", folder]
    with running(command, folder, f"{url}/v2/models/spleen/ready"):
        binary = False if way == "grpc, typed values" else None
        address = url if way == "http" else f"grpc://127.0.0.1:{grpc_port}"
        found = as_computed_here(storage, network, volume, address, version="2", binary=binary)
    assert found.notes == (
        "Computed by the model server served (mlserver 1.7.1): model spleen, version 2.",
    )


@pytest.mark.parametrize("way", ["http", "grpc"])
def test_kserve(storage: Storage, tmp_path: Path, volume: Volume, way: str) -> None:
    """Tensors as bytes behind the JSON, and over gRPC."""
    python = python_of("kserve")
    network = onnx_model(tmp_path / "network")
    port, grpc_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [python, PROGRAMS / "kserve_server.py", network / "model.onnx"]
    command += ["--http_port", str(port), "--grpc_port", str(grpc_port)]
    with running(command, tmp_path, f"{url}/v2/models/spleen/ready"):
        address = url if way == "http" else f"grpc://127.0.0.1:{grpc_port}"
        found = as_computed_here(storage, network, volume, address, binary=True)
    (note,) = found.notes
    assert note.startswith("Computed by the model server served (kserve 0.21")
