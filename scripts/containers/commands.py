"""Running commands, and waiting for what they bring about."""

import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMIT_S = 900.0


def run(*command: object, **options: Any) -> str:
    """What a command prints. Raises SystemExit with its errors where it fails."""
    words = [str(word) for word in command]
    answer = subprocess.run(words, check=False, capture_output=True, text=True, **options)
    if answer.returncode:
        raise SystemExit(f"{shlex.join(words)}\n{answer.stdout[-3000:]}{answer.stderr[-3000:]}")
    return answer.stdout


def until(done: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> float:
    """Wait for it; how long it took, in seconds."""
    begun_s = time.monotonic()
    while not done():
        if time.monotonic() - begun_s > limit_s:
            raise SystemExit(f"{what} did not come within {limit_s:.0f} s.")
        time.sleep(1)
    return time.monotonic() - begun_s
