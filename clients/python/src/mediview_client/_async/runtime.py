"""What waiting and reading files mean here. `_sync/runtime.py` is the other half."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def sleep(seconds: float) -> None:
    await anyio.sleep(seconds)


async def in_thread(function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Call what reads files without holding up other tasks."""
    return await anyio.to_thread.run_sync(function, *arguments)
