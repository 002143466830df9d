"""Where models compute, and what happens when its memory does not suffice.

A pipeline that runs out of memory is run again with smaller tiles, then on the CPU. Tiles are
for those that work by tiles; for others the CPU comes next in effect, since they fail alike.
"""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import structlog

from inference.models.gpu_memory import free_for_jobs_bytes
from inference.models.model_cache import WARM, free_memory_bytes

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

_TILE_SCALES = (1.0, 0.5, 0.25)


class MemoryExhausted(MemoryError):
    """A model in numbers: what it computes at once, how much was asked for, and what is free.

    The sentence is stored and shown. `smaller_tiles_help`: whether it works by tiles of any size.
    """

    def __init__(self, sentence: str, *, smaller_tiles_help: bool = True) -> None:
        super().__init__(sentence)
        self.smaller_tiles_help = smaller_tiles_help


@dataclass(frozen=True)
class Compute:
    """`tile_scale`: how much of its tiles' edge a pipeline should use, from 0 to 1."""

    device: str
    tile_scale: float = 1.0

    @property
    def text(self) -> str:
        where = "the CPU" if self.device == "cpu" else "the GPU"
        return where if self.tile_scale == 1.0 else f"{where} with tiles of {self.tile_scale:g}"


_current: ContextVar[Compute | None] = ContextVar("compute", default=None)


def best_device() -> str:
    """The first CUDA device where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def current() -> Compute:
    """How the work at hand should compute."""
    return _current.get() or Compute(best_device())


def device() -> str:
    """Where the work at hand should compute, as torch names it."""
    return current().device


def free_memory_text() -> str:
    """What is free where the work at hand computes, as sentences state it."""
    torch = sys.modules.get("torch")
    if torch is not None and device() != "cpu" and torch.cuda.is_available():
        return f"{free_for_jobs_bytes() / 1e9:.1f} GB of the GPU are free"
    return f"{free_memory_bytes() / 1e9:.1f} GB are free"


def with_fallback(run: Callable[[], Result]) -> tuple[Result, tuple[str, ...]]:
    """What `run` gives, and a sentence for each time that memory did not suffice.

    The last of the out-of-memory errors is raised where nothing helps.
    """
    notes: list[str] = []
    # Without torch nothing can compute on a GPU, and its import would be for nothing.
    start = best_device() if "torch" in sys.modules else "cpu"
    steps = [Compute(start, scale) for scale in _TILE_SCALES]
    if start != "cpu":
        steps += [Compute("cpu", scale) for scale in _TILE_SCALES]
    while True:
        step = steps.pop(0)
        token = _current.set(step if "torch" in sys.modules else None)
        try:
            return run(), tuple(notes)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if isinstance(error, MemoryExhausted) and not error.smaller_tiles_help:
                steps = [one for one in steps if one.device != step.device]
            if not steps:
                raise
            following = steps[0]
            notes.append(
                f"Memory did not suffice on {step.text}; it was run again on {following.text}."
            )
            log.warning("out_of_memory", ran_on=step.text, next=following.text)
        finally:
            _current.reset(token)
        # Outside of the handler: the error's frames hold the tensors that filled the memory.
        WARM.forget_all()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: of Python, of CUDA, or of torch on the CPU, which reports
    it as a plain RuntimeError."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (
        torch is not None and isinstance(error, torch.OutOfMemoryError)
    ):
        return True
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(one in str(error) for one in words)
