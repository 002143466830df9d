"""What a node costs that has nothing to do, and how long it takes to start.

    python -m benchmarks.idle --seconds 120

`mediview up` on a data folder of its own with SQLite; nothing arrives. Measured are all of its
processes together: CPU time, wake-ups (times a thread gave up the processor to wait), and the
proportional set size, once the self-test of the start has ended. The start is counted from the
command to the line that says that the node is ready; the first one also makes the database.
`--by-process` says more of the last round.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.started_node import node_environment, started_node
from tests.services import free_port

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_SELF_TEST = "inference.self_test"
_SELF_TEST_BEGINS_S = 10.0
_SELF_TEST_S = 300.0


@dataclass
class _Cost:
    """Of a process since it began."""

    name: str
    cpu_s: float
    wake_ups: int
    pss_mb: float


def main() -> None:
    arguments = _arguments()
    surroundings = Surroundings()
    rounds: dict[str, dict[str, list[float]]] = {}

    def note(name: str, value: float) -> None:
        rounds.setdefault(name, {}).setdefault("node", []).append(value)
        print(f"{name}: {value:.2f}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            with _node(Path(folder)) as (process, start_s):
                note("first start (s)" if not number else "start (s)", start_s)
                _settle(process.pid, arguments.settle)
                before, began = _costs(process.pid), time.monotonic()
                time.sleep(arguments.seconds)
                seconds, after = time.monotonic() - began, _costs(process.pid)
            stayed = [(before[pid], after[pid]) for pid in before if pid in after]
            cpu_s = sum(late.cpu_s - early.cpu_s for early, late in stayed)
            wake_ups = sum(late.wake_ups - early.wake_ups for early, late in stayed)
            note("processes", len(after))
            note("idle CPU (% of a core)", 100 * cpu_s / seconds)
            note("idle wake-ups (1/s)", wake_ups / seconds)
            note("idle PSS (MB)", sum(one.pss_mb for one in after.values()))
    if arguments.by_process:
        for early, late in stayed:
            cpu = 100 * (late.cpu_s - early.cpu_s) / seconds
            wakes = (late.wake_ups - early.wake_ups) / seconds
            print(f"{late.name:36} {cpu:5.2f} % {wakes:6.2f} /s {late.pss_mb:6.1f} MB")
    print(f"load {surroundings.load_before:.2f} before, {os.getloadavg()[0]:.2f} after")
    if arguments.json:
        write_figures(arguments.json, surroundings, rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="measured in each round")
    parser.add_argument("--settle", type=float, default=90.0, help="seconds before")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--by-process", action="store_true")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


@contextmanager
def _node(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A node that is ready, and how many seconds that took."""
    environment = node_environment(
        {
            "DATA_DIR": str(folder / "data"),
            "DICOM_PORT": str(free_port()),
            "HTTP_PORT": str(free_port()),
        }
    )
    with started_node(environment, folder / "output") as started:
        yield started


def _settle(pid: int, settle_s: float) -> None:
    """Until so long after the self-test of the start, whose outcome is the last thing written."""
    time.sleep(_SELF_TEST_BEGINS_S)
    deadline = time.monotonic() + _SELF_TEST_S
    while any(_SELF_TEST in cost.name for cost in _costs(pid).values()):
        if time.monotonic() > deadline:
            raise RuntimeError("The self-test did not end.")
        time.sleep(1)
    time.sleep(settle_s)


def _costs(pid: int) -> dict[int, _Cost]:
    """Of a process and all that descend from it."""
    found = {}
    with suppress(FileNotFoundError, ProcessLookupError):  # It ended meanwhile.
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        found[pid] = _cost(pid, tasks)
        for task in tasks:
            for child in (task / "children").read_text().split():
                found |= _costs(int(child))
    return found


def _cost(pid: int, tasks: list[Path]) -> _Cost:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    wake_ups = sum(
        int(line.split()[1])
        for task in tasks
        for line in (task / "status").read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    pss_kib = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    cpu_s = (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
    return _Cost(command, cpu_s, wake_ups, pss_kib / 1024)


if __name__ == "__main__":
    main()
