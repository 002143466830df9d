"""The decoding processes of this process, and the limits that they are started with.

Process-wide like the log's settings: `configure` is called where the storage is opened, and
the processes begin with the first frame that needs them.
"""

import atexit
import os
import threading
from dataclasses import dataclass
from typing import Any

from storage.pixels.budget import DEFAULT_MAX_FRAME_PIXELS, PixelBudget
from storage.processes.limited import LimitedProcesses, Limits

_MIB = 1024 * 1024
LARGE_PIXELS = 48_000_000
"""More takes seconds. A mammogram of 4,096 by 5,120 pixels, read and drawn, has fewer."""
_preload: list[str] = ["storage.pixels.tasks"]


@dataclass(frozen=True)
class DecodingLimits:
    """As `storage.settings.LimitSettings` has them."""

    max_frame_pixels: int = DEFAULT_MAX_FRAME_PIXELS
    processes: int = 2
    memory_bytes: int = 2048 * _MIB
    time_s: float = 30.0


class _State:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.limits = DecodingLimits()
        self.processes: LimitedProcesses | None = None


_state = _State()


def configure(limits: DecodingLimits) -> None:
    """Set the limits of this process; decoding processes with other limits are ended."""
    with _state.lock:
        if limits == _state.limits:
            return
        _state.limits = limits
        ended, _state.processes = _state.processes, None
    if ended is not None:
        ended.close()


def preload(module: str) -> None:
    """Have decoding processes that are started from now on import it before their first task."""
    if module not in _preload:
        _preload.append(module)


def budget() -> PixelBudget:
    """Of frames, pages and pictures."""
    return PixelBudget(_state.limits.max_frame_pixels)


def run(
    task: str, *arguments: Any, answer_bytes: int, pixels: int = 0
) -> tuple[dict[str, Any], bytearray]:
    """Run `module:function` in a decoding process. `pixels`: how many it reads and makes.

    Raises LimitExceeded, StorageUnavailable, TaskFailed, and the MediViewError of the task.
    """
    return _processes().run(
        task, *arguments, answer_bytes=answer_bytes, is_large=pixels > LARGE_PIXELS
    )


def _processes() -> LimitedProcesses:
    with _state.lock:
        if _state.processes is None:
            limits = _state.limits
            _state.processes = LimitedProcesses(
                Limits(
                    processes=limits.processes,
                    memory_bytes=limits.memory_bytes,
                    time_s=limits.time_s,
                    what="decoding",
                    memory_setting="MEDIVIEW_DECODER_MEMORY_BYTES",
                    time_setting="MEDIVIEW_DECODER_TIMEOUT_S",
                    preload=tuple(_preload),
                )
            )
        return _state.processes


def close() -> None:
    """End the decoding processes of this process; the next frame starts new ones."""
    with _state.lock:
        ended, _state.processes = _state.processes, None
    if ended is not None:
        ended.close()


def _forget() -> None:
    _state.lock = threading.Lock()
    if _state.processes is not None:
        _state.processes.forget()
        _state.processes = None


atexit.register(close)
os.register_at_fork(after_in_child=_forget)
