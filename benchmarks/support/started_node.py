"""`mediview up` in a process of its own, as soon as it is ready."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_READY = b"MediViewAI is ready."
_LOOK_S = 0.02
_OUTPUT_AT_MOST = 4000


def node_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """With these settings alone, by their names without MEDIVIEW_, and no disk mark."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MEDIVIEW_")},
        "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
        **{f"MEDIVIEW_{name}": value for name, value in settings.items()},
    }
    # What is compiled is kept, as on a machine where the node runs.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


@contextmanager
def started_node(
    environment: Mapping[str, str], output: Path, within_s: float = 120.0
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A node that is ready, and how many seconds that took. What it prints goes to `output`.

    Raises RuntimeError where it ends, or is not ready in time.
    """
    began_s = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "up"],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=file,
        )
    try:
        while _READY not in output.read_bytes():
            if process.poll() is not None or time.monotonic() - began_s > within_s:
                printed = output.read_text()[-_OUTPUT_AT_MOST:]
                raise RuntimeError(f"The node did not start: {printed}")
            time.sleep(_LOOK_S)
        yield process, time.monotonic() - began_s
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
