"""How fast this code receives beside the code of another commit, in pairs of short bursts.

    python -m benchmarks.beside COMMIT [--pairs 30] [--server node] [--cases ct4,small4,each4]

A machine's speed drifts by more within minutes than a change costs, so that runs one after the
other show the drift. Here both nodes run at once, the other in a clone of its own, and are sent to
in turns: the order within a pair is drawn, and what is compared is the pair. Printed are the
median of each and the median ratio with its 95 % interval (bootstrap over the pairs).
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.receive import CASES, Case, Measured, measure
from benchmarks.support.figures import ROOT, Surroundings
from benchmarks.support.sender import Load
from benchmarks.support.servers import SERVERS, Server
from dicom_node.peers import Peer

_DRAWS = 2_000
_ENDS_WITHIN_S = 60
# Runs in the other clone, whose modules may lie elsewhere; ends when nobody listens any more.
_SERVE = """
import json, sys, tempfile
from pathlib import Path
try:
    from benchmarks.support.servers import SERVERS
except ImportError:
    from benchmarks.servers import SERVERS
with tempfile.TemporaryDirectory(prefix="bench-beside-") as folder:
    with SERVERS[sys.argv[1]](Path(folder)) as server:
        print(json.dumps([server.peer.host, server.peer.port, server.pid]), flush=True)
        sys.stdin.read()
"""


@contextmanager
def clone_of(commit: str) -> Iterator[Path]:
    """The code of a commit in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-clone-") as folder:
        clone = Path(folder, "code")
        subprocess.run(["git", "clone", "-q", "--shared", ROOT, clone], check=True)
        subprocess.run(["git", "-C", clone, "checkout", "-q", "--detach", commit], check=True)
        yield clone


@contextmanager
def server_of(clone: Path, name: str) -> Iterator[Server]:
    """A server as the code in `clone` starts it."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, name],
        cwd=clone,
        env={"PYTHONPATH": str(clone), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{name} of {clone} did not start")
        host, port, pid = json.loads(answer)
        yield Server(Peer("MEDIVIEW", host, port), pid)
    finally:
        process.stdin.close()
        try:
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Of the median, 95 %, by drawing the pairs again."""
    drawn = random.Random(1)  # noqa: S311 - the same interval for the same pairs
    medians = sorted(statistics.median(drawn.choices(ratios, k=len(ratios))) for _ in range(_DRAWS))
    return medians[int(0.025 * _DRAWS)], medians[int(0.975 * _DRAWS) - 1]


def pairs(here: Server, there: Server, case: Case, count: int) -> list[tuple[Measured, Measured]]:
    measured = []
    order = random.Random()  # noqa: S311 - which of two is sent to first
    for _ in range(count):
        if order.random() < 0.5:
            mine = measure(here, case.load)
            measured.append((mine, measure(there, case.load)))
        else:
            other = measure(there, case.load)
            measured.append((measure(here, case.load), other))
    return measured


def line(case: Case, measured: Sequence[tuple[Measured, Measured]]) -> str:
    """One row in Markdown: rate and CPU s per 1,000, here, there and their ratio."""
    cells = []
    for figure in ("instances_per_s", "cpu_s_per_1000"):
        both = [(getattr(here, figure), getattr(there, figure)) for here, there in measured]
        ratios = [here / there for here, there in both]
        low, high = interval(ratios)
        digits = ",.0f" if figure == "instances_per_s" else ".2f"
        here, there = (statistics.median(values) for values in zip(*both, strict=True))
        cells.append(
            f"{here:{digits}} | {there:{digits}} | {statistics.median(ratios):.3f} "
            f"({low:.3f}–{high:.3f})"
        )
    return f"| {case.name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--pairs", type=int, default=30, choices=range(1, 1000), metavar="PAIRS")
    parser.add_argument("--server", default="node", choices=[n for n in SERVERS if "node" in n])
    parser.add_argument("--cases", default="ct4,small4,each4", help=f"of {', '.join(CASES)}")
    options = parser.parse_args()
    around = Surroundings()
    print(
        f"{around.commit} beside {options.commit}, {options.server}: {around.processor}, "
        f"{around.cores} cores, load {around.load_before:.1f}, {options.pairs} pairs"
    )
    print(
        "| case | here /s | there /s | ratio | here CPU s per 1,000 | there | ratio |\n"
        "|---|---|---|---|---|---|---|"
    )
    with ExitStack() as stack:
        clone = stack.enter_context(clone_of(options.commit))
        folder = Path(tempfile.mkdtemp(prefix="bench-beside-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        here = stack.enter_context(SERVERS[options.server](folder))
        there = stack.enter_context(server_of(clone, options.server))
        for server in (here, there):
            measure(server, Load(64, 1, 50))
        for name in options.cases.split(","):
            case = CASES[name]
            # A quarter of the usual burst: the shorter, the less the machine drifts within a pair.
            case = replace(case, load=replace(case.load, instances=case.load.instances // 4))
            print(line(case, pairs(here, there, case, options.pairs)), flush=True)


if __name__ == "__main__":
    main()
