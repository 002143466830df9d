"""The self-test in a process of its own, which may crash and gives its memory back."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

import structlog

from inference.self_test.components import CHECKS
from inference.self_test.failure import REINSTALL
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.processes.components import Component
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Some seconds on an idle machine; minutes where all cores are busy and others go first.
_TIMEOUT_S = 900.0


def run_self_test(names: Sequence[str] = tuple(CHECKS), *, niceness: int = 0) -> list[Component]:
    """Test these parts; one at which the process ended has failed. Takes some seconds."""
    program = [sys.executable, "-m", "inference.self_test", *names]
    command = ["nice", "-n", str(niceness), *program]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        output, how = ended.stdout, _how_it_ended(ended.returncode)
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode()
        how = f"did not end within {_TIMEOUT_S:g} s"
    components = [
        Component(**json.loads(line)) for line in output.splitlines() if line.startswith("{")
    ]
    missing = names[len(components) :]
    if missing:
        components.append(Component(missing[0], False, f"Its test {how}.", REINSTALL))
    return components


def start_self_test(settings: Settings) -> None:
    """Test every part beside what this process does, and keep the outcome for /health."""
    threading.Thread(target=_test_and_record, args=(settings,), daemon=True).start()


def _test_and_record(settings: Settings) -> None:
    # Someone who just started a node waits for other things.
    components = run_self_test(niceness=10)
    for one in components:
        if not one.ok:
            log.error("component_failed", component=one.name, detail=one.detail)
    try:
        with open_storage(settings) as storage:
            storage.components.record(socket.gethostname(), components, utcnow())
    except MediViewError as error:
        log.warning("self_test_not_recorded", error=error.code)


def _how_it_ended(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
