# Made from _async/waiting.py by scripts/generate.py.
"""Wait for something that the node does."""

import time
from collections.abc import Callable
from typing import TypeVar

from mediview_client._sync.runtime import sleep
from mediview_client.errors import WaitTimeout

T = TypeVar("T")


def wait_until(look: Callable[[], T | None], what: str, timeout_s: float, poll_s: float) -> T:
    """What `look` gives as soon as it gives something. Raises WaitTimeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found is not None:
            return found
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise WaitTimeout(f"There were no {what} within {timeout_s:g} s.")
        sleep(min(poll_s, left_s))
