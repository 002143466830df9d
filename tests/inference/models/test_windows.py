"""Sliding windows where memory does not suffice: the same voxels from smaller batches, from a
volume stitched in the processor's memory, and otherwise a refusal with its numbers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.inferers import SlidingWindowInferer
from numpy.typing import NDArray

from inference.bundles.installed import add_bundle
from inference.bundles.windows import WindowNetwork, over_windows
from inference.failures import explain
from inference.imaging.volume import Volume, assemble_volume
from inference.models import devices
from inference.models.devices import MemoryExhausted, with_fallback
from inference.models.model_cache import WARM
from inference.pipeline import PipelineContext
from inference.pipelines.catalogue import pipeline_named
from storage.settings import Settings
from tests import builders
from tests.inference.bundles import segmentation_bundle
from tests.inference.orchestration import settings_in

FULL = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has 2 GiB free."


@pytest.fixture(scope="module")
def volume() -> Volume:
    voxels = np.random.default_rng(6).integers(0, 300, (40, 70, 62))
    voxels[8:30, 9:50, 12:41] += 700
    return assemble_volume(
        builders.series(
            voxels.astype(np.int16),
            spacing_mm=(1.9, 1.2, 0.8),
            directions=builders.rotation(0.3, -0.2, 0.15),
        )
    )


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = settings_in(tmp_path)
    add_bundle(settings, segmentation_bundle(tmp_path / "spleen"))
    yield settings
    WARM.forget_all()


class FullAbove(torch.nn.Module):
    """A network on a device that holds so many windows at once."""

    def __init__(self, network: Callable[..., Any], fitting: int) -> None:
        super().__init__()
        self._network, self._fitting = network, fitting
        self.asked: list[int] = []

    def forward(self, windows: torch.Tensor) -> Any:
        self.asked.append(len(windows))
        if len(windows) > self._fitting:
            raise torch.OutOfMemoryError(FULL)
        return self._network(windows)


def spleen(settings: Settings, volume: Volume) -> NDArray[np.bool_]:
    pipeline = pipeline_named(settings, "bundle-spleen-of-phantoms")
    return pipeline.run(PipelineContext(settings, volume)).mask(0)


def full_above(monkeypatch: pytest.MonkeyPatch, fitting: int) -> list[int]:
    """The bundle's network, torch's own convolution, fails for batches of more windows."""
    forward, asked = torch.nn.Conv3d.forward, []

    def limited(self: torch.nn.Conv3d, windows: torch.Tensor) -> torch.Tensor:
        asked.append(len(windows))
        if len(windows) > fitting:
            raise torch.OutOfMemoryError(FULL)
        return forward(self, windows)

    monkeypatch.setattr(torch.nn.Conv3d, "forward", limited)
    return asked


def test_a_series_whose_batch_does_not_fit_gets_the_same_mask_from_smaller_ones(
    settings: Settings, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = spleen(settings, volume)
    asked = full_above(monkeypatch, 1)
    found, notes = with_fallback(lambda: spleen(settings, volume))
    assert expected.any()
    np.testing.assert_array_equal(found, expected)
    # The whole of the windows, and nothing that the result must mention.
    assert notes == ()
    assert asked.count(2) == 1
    assert asked.count(1) > 8


def test_windows_that_never_fit_are_refused_with_their_numbers() -> None:
    with pytest.raises(MemoryExhausted) as failure:
        over_windows(
            SlidingWindowInferer((32, 32, 32), sw_batch_size=4),
            torch.rand(1, 1, 40, 50, 60),
            FullAbove(torch.nn.Identity(), 0),
            "The bundle spleen",
        )
    reason = explain(failure.value)
    assert reason.retry
    assert reason.sentence.startswith(
        "The bundle spleen computes windows of 32 × 32 × 32 voxels in a volume of 40 × 50 × 60."
        " Memory does not suffice for one at a time: 20.00 GiB were asked for, and "
    )
    assert reason.sentence.endswith(" GB are free.")


def test_a_batch_is_halved_until_it_fits_and_stays_so() -> None:
    network = FullAbove(lambda windows: {"mask": windows * 2, "heads": [windows, windows + 1]}, 3)
    taking = WindowNetwork(network, 16)
    windows = torch.rand(11, 1, 4, 4, 4)
    answer = taking(windows)
    torch.testing.assert_close(answer["mask"], windows * 2)
    torch.testing.assert_close(answer["heads"][1], windows + 1)
    assert network.asked == [11, 5, 2, 2, 2, 2, 2, 1]
    taking(windows)
    assert network.asked[8:] == [2, 2, 2, 2, 2, 1]


class Memory:
    """A device of so many bytes, on which each window takes as many as it has values, and each
    value one."""

    def __init__(self, free: int) -> None:
        self._free = free

    def measured(self, run: Callable[[], Any]) -> tuple[Any, int]:
        answer = run()
        return answer, answer.numel()

    def free_bytes(self) -> int:
        return self._free


@pytest.mark.parametrize(
    ("free", "batches"), [(64 * 5, [1, 4, 4, 2]), (10, [1] * 11), (10**9, [1, 8, 2])]
)
def test_the_first_window_says_how_many_fit(free: int, batches: list[int]) -> None:
    network = FullAbove(lambda windows: windows + 1, 100)
    windows = torch.rand(11, 1, 4, 4, 4)
    answer = WindowNetwork(network, 8, Memory(free))(windows)
    torch.testing.assert_close(answer, windows + 1)
    assert network.asked == batches


class OnSmallGpu(SlidingWindowInferer):  # type: ignore[misc]
    """What MONAI raises where the stitched volume does not fit on the device of the image."""

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().__call__(inputs, network, *args, **kwargs)
        if self.device != "cpu":
            raise torch.OutOfMemoryError(FULL)
        assert self.sw_device == torch.device("cpu")
        return answer


@pytest.mark.parametrize("mode", ["constant", "gaussian"])
def test_a_volume_that_does_not_fit_on_the_gpu_is_stitched_on_the_cpu(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it fits after that half of the batch did."""
    monkeypatch.setattr(devices, "best_device", lambda: "cuda")
    image = torch.rand(1, 1, 40, 50, 60)
    torch.manual_seed(3)
    network = torch.nn.Conv3d(1, 3, 3, padding=1).eval()
    with torch.inference_mode():
        expected = SlidingWindowInferer((32, 32, 32), 4, mode=mode)(image, network)
        found = over_windows(
            OnSmallGpu((32, 32, 32), 4, mode=mode), image, FullAbove(network, 2), "The model"
        )
    torch.testing.assert_close(found, expected)
    assert torch.equal(found.argmax(1), expected.argmax(1))


def test_smaller_tiles_do_not_take_the_weights_of_larger_ones() -> None:
    """MONAI keeps them where a bundle says `cache_roi_weight_map`."""
    inferer = SlidingWindowInferer((32, 32, 32), 2, mode="gaussian", cache_roi_weight_map=True)
    image = torch.rand(1, 1, 40, 50, 60)
    token = devices._current.set(devices.Compute("cpu", 0.5))
    try:
        found = over_windows(inferer, image, torch.nn.Identity(), "The model")
    finally:
        devices._current.reset(token)
    torch.testing.assert_close(found, image, rtol=1e-4, atol=1e-5)
    assert inferer.roi_weight_map.shape == (32, 32, 32)


def test_other_failures_of_a_network_are_no_want_of_memory() -> None:
    def broken(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("expected 4 channels")

    with pytest.raises(RuntimeError, match="expected 4 channels"):
        over_windows(
            SlidingWindowInferer((8, 8, 8), 4), torch.rand(1, 1, 20, 20, 20), broken, "The model"
        )
