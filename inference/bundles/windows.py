"""Sliding windows: as many at once as fit, and what happens where memory does not suffice.

The batch is halved, then the stitched volume goes to the processor's memory; both leave the voxels
as they are. What does not fit even so is refused with its numbers.
"""

from __future__ import annotations

import copy
import gc
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from inference.bundles.half_precision import HalfNetwork
from inference.models.devices import (
    MemoryExhausted,
    current,
    device,
    free_memory_text,
    is_out_of_memory,
)
from inference.models.gpu_memory import free_for_jobs_bytes

if TYPE_CHECKING:
    import torch

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

_TILE_STEP = 16
_ON_GPU_AT_MOST = 8
"""Windows at once of networks that are known to take any number; others get what is stated."""
_SHARE_OF_FREE = 0.8
_WANTED = re.compile(r"[Tt]r(?:ied|ying) to allocate (\d[\d.]* ?\w+)")


class DeviceMemory(Protocol):
    """The memory in which a network computes."""

    def measured(self, run: Callable[[], Answer]) -> tuple[Answer, int]:
        """What `run` gives, and how many bytes it took at its peak."""
        ...

    def free_bytes(self) -> int: ...


class CudaMemory:
    """That of the GPU at hand; what torch has reserved and does not use counts as free."""

    def measured(self, run: Callable[[], Answer]) -> tuple[Answer, int]:
        import torch

        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        answer = run()
        torch.cuda.synchronize()
        return answer, torch.cuda.max_memory_allocated() - before

    def free_bytes(self) -> int:
        return free_for_jobs_bytes()


class WindowNetwork:
    """A network that is given a batch of windows and takes as many of them at once as fit.

    With `memory` the first window goes alone and is measured. Where an allocation fails the batch
    is halved, and stays so.
    """

    def __init__(self, network: Any, at_once: int, memory: DeviceMemory | None = None) -> None:
        self._network = network
        self._memory = memory
        self.at_once = max(1, at_once)

    def __call__(self, windows: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            # What goes beside the windows may belong to each of them.
            return self._network(windows, *args, **kwargs)
        answers: list[Any] = []
        done = 0
        while done < len(windows):
            part = windows[done : done + (1 if self._memory is not None else self.at_once)]
            try:
                answers.append(self._answer(part))
                done += len(part)
                continue
            except Exception as error:
                if not is_out_of_memory(error) or len(part) == 1:
                    raise
            # Outside of the handler: the error's frames hold the tensors that filled the memory.
            release()
            self.at_once = len(part) // 2
            log.warning("windows_halved", at_once=self.at_once)
        return _joined(answers)

    def _answer(self, part: torch.Tensor) -> Any:
        memory = self._memory
        if memory is None:
            return self._network(part)
        answer, took_bytes = memory.measured(lambda: self._network(part))
        fitting = int(_SHARE_OF_FREE * memory.free_bytes() / max(1, took_bytes))
        self.at_once = max(1, min(self.at_once, fitting))
        self._memory = None
        return answer


def over_windows(inferer: Any, image: torch.Tensor, network: Any, subject: str) -> Any:
    """What a bundle's inferer gives for an image of shape (1, channels, …); where it goes by
    windows, with as many at once as fit. It may be on the CPU although the image is not.

    Raises MemoryExhausted, in which `subject` is whose network it is.
    """
    if getattr(inferer, "roi_size", None) is None or not hasattr(inferer, "sw_batch_size"):
        return inferer(image, network)
    windows = copy.copy(inferer)
    if current().tile_scale != 1.0:
        windows.roi_size = _scaled(inferer.roi_size, current().tile_scale)
        # Of windows of the stated size.
        windows.roi_weight_map = None
    memory = CudaMemory() if image.device.type == "cuda" else None
    if memory is not None and _is_monais(network):
        windows.sw_batch_size = max(windows.sw_batch_size, _ON_GPU_AT_MOST)
    taking = WindowNetwork(network, windows.sw_batch_size, memory)
    answer, asked = _tried(windows, image, taking)
    if asked is not None and device() != "cpu" and _may_stitch_elsewhere(windows):
        log.warning("windows_stitched_on_cpu")
        windows.sw_device, windows.device = windows.sw_device or image.device, "cpu"
        answer, asked = _tried(windows, image.cpu(), taking)
    if asked is None:
        return answer
    raise MemoryExhausted(
        f"{subject} computes windows of {_by(windows.roi_size)} voxels in a volume of"
        f" {_by(image.shape[2:])}. Memory does not suffice for one at a time: {asked}"
        f"{free_memory_text()}."
    )


def _tried(inferer: Any, image: torch.Tensor, network: Any) -> tuple[Any, str | None]:
    """The answer; or, where memory did not suffice, how much was asked for, if that is known."""
    try:
        return inferer(image, network), None
    except Exception as error:
        # MONAI names another cause where its map of weights does not fit.
        lacking = [one for one in (error, error.__cause__) if one and is_out_of_memory(one)]
        if not lacking:
            raise
        found = _WANTED.search(str(lacking[0]))
        asked = f"{found[1]} were asked for, and " if found else ""
        lacking.clear()
    release()
    return None, asked


def _may_stitch_elsewhere(inferer: Any) -> bool:
    return hasattr(inferer, "sw_device") and str(inferer.device) != "cpu"


def _is_monais(network: Any) -> bool:
    own = network.network if isinstance(network, HalfNetwork) else network
    return type(own).__module__.startswith("monai.")


def release() -> None:
    """Give back what an allocation that failed left behind."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _scaled(roi_size: Sequence[int] | int, scale: float) -> list[int]:
    sizes = roi_size if isinstance(roi_size, list | tuple) else (roi_size,) * 3
    return [
        max(_TILE_STEP, int(size * scale) // _TILE_STEP * _TILE_STEP) if size > 0 else size
        for size in sizes
    ]


def _by(sizes: Any) -> str:
    return " × ".join(str(int(one)) for one in (sizes if hasattr(sizes, "__len__") else [sizes]))


def _joined(answers: list[Any]) -> Any:
    """The answers for parts of a batch as one: tensors, or those in lists and by name."""
    import torch

    first = answers[0]
    if len(answers) == 1:
        return first
    if isinstance(first, dict):
        return {key: _joined([one[key] for one in answers]) for key in first}
    if isinstance(first, list | tuple):
        return type(first)(_joined(list(parts)) for parts in zip(*answers, strict=True))
    return torch.cat(answers)
