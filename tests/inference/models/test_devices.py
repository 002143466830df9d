"""Memory that does not suffice: smaller tiles, then the CPU, and the result says so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.failures import explain
from inference.models import devices as compute
from inference.models.devices import current, with_fallback
from inference.models.model_cache import WarmModels, free_memory_bytes
from inference.pipelines.brain.meshnet import Layer, Network, classify
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.small import BrightRegion


class Hungry(BrightRegion):
    """Raises what torch raises on a device that is full, until its tiles are small enough."""

    fits = 0.25
    on = "cuda"

    def run(self, context: Any) -> Any:
        now = current()
        if now.device == "cuda" and not (self.on == "cuda" and now.tile_scale <= self.fits):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return super().run(context)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has one; nothing is computed on it here."""
    monkeypatch.setattr(compute, "best_device", lambda: "cuda")


def ran(tmp_path: Path, pipeline: BrightRegion) -> tuple[str, list[str]]:
    with storage_in(tmp_path) as storage:
        (decision,) = schedule_series(storage, complete_series(storage, "s"), [pipeline])
        job = run_job(storage, decision.job_id or "", "w", pipelines=[pipeline])
        assert job is not None
        return job.state, job.result.get("notes", [])


@pytest.mark.usefixtures("gpu")
def test_smaller_tiles_help_and_the_result_says_so(tmp_path: Path) -> None:
    state, notes = ran(tmp_path, Hungry())
    assert state == "COMPLETED"
    assert notes == [
        "Memory did not suffice on the GPU; it was run again on the GPU with tiles of 0.5.",
        "Memory did not suffice on the GPU with tiles of 0.5; it was run again on the GPU with"
        " tiles of 0.25.",
    ]


@pytest.mark.usefixtures("gpu")
def test_the_cpu_comes_last(tmp_path: Path) -> None:
    Hungry.on = "cpu"
    try:
        state, notes = ran(tmp_path, Hungry())
    finally:
        Hungry.on = "cuda"
    assert state == "COMPLETED"
    assert len(notes) == 3
    assert notes[-1].endswith("it was run again on the CPU.")


def test_what_the_cpu_cannot_hold_is_tried_with_tiles_and_then_told() -> None:
    tried = []

    def run() -> None:
        tried.append(current().tile_scale)
        # The real failure of torch's allocator on the CPU: an exbibyte.
        torch.empty(2**60, dtype=torch.uint8)

    with pytest.raises(RuntimeError) as failure:
        with_fallback(run)
    assert tried == [1.0, 0.5, 0.25]
    assert explain(failure.value).sentence == "The machine ran out of memory."
    assert explain(failure.value).retry


@pytest.mark.usefixtures("gpu")
def test_what_has_tiles_of_one_size_goes_from_the_gpu_to_the_cpu_at_once() -> None:
    tried = []

    def run() -> str:
        tried.append((current().device, current().tile_scale))
        if current().device == "cuda":
            raise compute.MemoryExhausted("Too large a patch.", smaller_tiles_help=False)
        return "done"

    assert with_fallback(run) == (
        "done", ("Memory did not suffice on the GPU; it was run again on the CPU.",)
    )  # fmt: skip
    assert tried == [("cuda", 1.0), ("cpu", 1.0)]


def test_another_error_is_not_tried_again() -> None:
    calls = []

    def run() -> None:
        calls.append(1)
        raise ValueError

    with pytest.raises(ValueError):
        with_fallback(run)
    assert calls == [1]


def test_meshnet_in_tiles_gives_the_same_classes() -> None:
    torch.manual_seed(3)
    layers = [
        Layer(dilation, torch.randn(4, channels, 3, 3, 3) / 4, torch.randn(4) / 4)
        for channels, dilation in ((1, 1), (4, 2), (4, 3))
    ]
    network = Network(("a", "b", "c", "d"), tuple(layers))
    voxels = np.random.default_rng(1).random((30, 27, 25), np.float32)
    whole = classify(network, voxels, lambda _: None)
    fractions: list[float] = []
    token = compute._current.set(compute.Compute("cpu", 0.5))
    try:
        tiled = classify(network, voxels, fractions.append)
    finally:
        compute._current.reset(token)
    np.testing.assert_array_equal(tiled, whole)
    assert fractions[-1] == 1.0


def test_the_least_recently_used_model_leaves_when_memory_is_short() -> None:
    free = {"bytes": 8 * 1024**3}
    warm = WarmModels(lambda: free["bytes"])
    loads = []

    def model(name: str) -> str:
        return warm.get(name, lambda: loads.append(name) or name.upper(), 1024**2)

    assert [model(name) for name in ("a", "b", "a")] == ["A", "B", "A"]
    assert loads == ["a", "b"]
    free["bytes"] = 0
    model("c")
    assert warm.keys() == ("c",)
    free["bytes"] = 8 * 1024**3
    model("b")
    assert loads == ["a", "b", "c", "b"]
    assert free_memory_bytes() > 0


def test_a_model_that_cannot_be_loaded_is_not_kept() -> None:
    warm = WarmModels()
    with pytest.raises(OSError, match="no file"):
        warm.get("a", lambda: (_ for _ in ()).throw(OSError("no file")))
    assert warm.keys() == ()
