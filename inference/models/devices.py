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

from inference.models.model_cache import WARM

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

_TILE_SCALES = (1.0, 0.5, 0.25)


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
    for number, step in enumerate(steps):
        token = _current.set(step if "torch" in sys.modules else None)
        try:
            return run(), tuple(notes)
        except Exception as error:
            if not is_out_of_memory(error) or number == len(steps) - 1:
                raise
            following = steps[number + 1]
            notes.append(
                f"Memory did not suffice on {step.text}; it was run again on {following.text}."
            )
            log.warning("out_of_memory", ran_on=step.text, next=following.text)
        finally:
            _current.reset(token)
        # Outside of the handler: the error's frames hold the tensors that filled the memory.
        WARM.forget_all()
    raise AssertionError("unreachable: the last step returns or raises")


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
