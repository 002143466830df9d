"""What waiting and reading files mean here. `_async/runtime.py` is the other half."""

import time
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def in_thread(function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    return function(*arguments)
