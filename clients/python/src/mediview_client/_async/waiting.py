"""Wait for something that the node does."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mediview_client._async.runtime import sleep
from mediview_client.errors import WaitTimeout

T = TypeVar("T")


async def wait_until(
    look: Callable[[], Awaitable[T | None]], what: str, timeout_s: float, poll_s: float
) -> T:
    """What `look` gives as soon as it gives something. Raises WaitTimeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = await look()
        if found is not None:
            return found
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise WaitTimeout(f"There were no {what} within {timeout_s:g} s.")
        await sleep(min(poll_s, left_s))
