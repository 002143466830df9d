"""Models that stay loaded from job to job, and leave when memory is short.

One place in a process: a worker works on one job at a time, and the next one is likely to
want the same model.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

Loaded = TypeVar("Loaded")

# Of weights on disk: what loading needs beside them.
_FACTOR = 2
# What the volume of a job and the work on it should find free.
_RESERVE_BYTES = 1024**3
_MEMINFO = Path("/proc/meminfo")
_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def free_memory_bytes() -> int:
    """What this process may still take: of the machine, or of its container if that is less.

    As large as can be where the system does not tell.
    """
    free = sys.maxsize
    try:
        lines = _MEMINFO.read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration, ValueError):
        pass
    for limit, used in _LIMITS:
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            # Not this kind of container, or one without a limit, which reads "max".
            continue
    return max(free, 0)


class WarmModels:
    """Loads each model once, and drops the least recently used ones where memory is short."""

    def __init__(self, free_bytes: Callable[[], int] = free_memory_bytes) -> None:
        self._free_bytes = free_bytes
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()
        self.loading_s = 0.0
        """Spent on loading models since the process began."""

    def get(self, key: Hashable, load: Callable[[], Loaded], size_bytes: int = 0) -> Loaded:
        """The model under `key`, loaded by `load` where it is not there.

        `size_bytes` is that of its weights; others leave until there is room for it.
        Whatever `load` raises is raised, and nothing is kept.
        """
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                found: Loaded = self._held[key]
                return found
            began_s = time.monotonic()
            self._make_room(_FACTOR * size_bytes + _RESERVE_BYTES)
            loaded = load()
            self.loading_s += time.monotonic() - began_s
            self._held[key] = loaded
            return loaded

    def forget_all(self) -> None:
        """Drop every model: the next job loads its own again."""
        with self._lock:
            self._held.clear()
            _give_back()

    def keys(self) -> tuple[Hashable, ...]:
        """The least recently used first."""
        with self._lock:
            return tuple(self._held)

    def _make_room(self, wanted_bytes: int) -> None:
        while self._held and self._free_bytes() < wanted_bytes:
            key, _ = self._held.popitem(last=False)
            _give_back()
            log.info("model_unloaded", model=str(key), reason="memory is short")


def _give_back() -> None:
    """Networks hold each other in circles; CUDA keeps what was freed until released."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


WARM = WarmModels()
"""The models of this process."""


def weights_bytes(*paths: Path) -> int:
    """What files of weights take on disk."""
    return sum(path.stat().st_size for path in paths if path.is_file())
