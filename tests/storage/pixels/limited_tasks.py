"""What `test_limited` has done in a limited process."""

import os
import time
from typing import Any

from storage.core.errors import InvalidRequest

Answer = tuple[dict[str, Any], bytes]


def echo(data: bytes) -> Answer:
    return {"length": len(data)}, data


def refuse() -> Answer:
    raise InvalidRequest("There is no such page.", remedy="Count from 1.")


def fail(text: str) -> Answer:
    raise ValueError(text)


def take(size_bytes: int) -> Answer:
    return {"taken": len(bytearray(size_bytes))}, b""


def sleep(seconds: float) -> Answer:
    time.sleep(seconds)
    return {}, b""


def spin(seconds: float) -> Answer:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return {}, b""


def spin_over(data: bytes, _how: float) -> Answer:
    return spin(3600.0) if data.startswith(b"poison") else ({}, b"")


def die(number: int) -> Answer:
    os.kill(os.getpid(), number)
    time.sleep(10)
    return {}, b""


def environment() -> Answer:
    return {"names": list(os.environ)}, b""
