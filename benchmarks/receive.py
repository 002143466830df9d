"""How fast instances are received: this node, Orthanc and DCMTK's storescp, interleaved.

    python benchmarks/receive.py [--rounds 3] [--only node,orthanc] [--cases ct1,ct4]
    python benchmarks/receive.py --only node-pg,orthanc-pg --cases ct4,small4
    python benchmarks/receive.py --only node --cases ct4,sustained --rounds 1 (10 GB of disk)

Ours answers after fdatasync, digest and index row; Orthanc after its SQLite
index without sync; storescp writes a file and neither syncs nor indexes.
Rounds are interleaved and medians shown, with the CPU seconds that the server
spent on 1,000 instances (for storescp, whose children do the work, none).
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pydicom.uid import JPEGLSLossless  # noqa: E402

from benchmarks.support.figures import Surroundings, write_figures  # noqa: E402
from benchmarks.support.sender import Load, Template, next_number, send  # noqa: E402
from benchmarks.support.servers import SERVERS, Server  # noqa: E402

_BESIDE = "node,node-1,orthanc,storescp"
CT, SMALL, HALF_GIGABYTE = 512, 68, 16_000  # rows and columns of 16-bit pixels


@dataclass(frozen=True)
class Measured:
    instances_per_s: float
    cpu_s_per_1000: float
    mb_per_s: float
    peak_memory_mb: float


@dataclass(frozen=True)
class Case:
    name: str
    load: Load
    run: Callable[[Server, Load], Measured]


def measure(server: Server, load: Load) -> Measured:
    """Send with the native-speed sender."""
    seconds = 0.0
    cpu_s = 0.0

    def timed(sending: Callable[[], None]) -> None:
        nonlocal seconds, cpu_s
        time.sleep(0.2)
        cpu_before, before = server.cpu_s(), time.perf_counter()
        sending()
        seconds, cpu_s = time.perf_counter() - before, server.cpu_s() - cpu_before

    send(server.peer, load, timed)
    return _measured(server, load, seconds, cpu_s)


def measure_dcmsend(server: Server, load: Load) -> Measured:
    """Send with DCMTK's dcmsend as it is shipped, Nagle's algorithm on: a usual modality."""
    with tempfile.TemporaryDirectory() as folder:
        shares = []
        for share in range(load.associations):
            first = next_number()
            template = Template(load, first)
            target = Path(folder, str(share))
            target.mkdir()
            for n in range(load.instances // load.associations):
                (target / f"{n}.dcm").write_bytes(template.file(first + n, first))
            shares.append(target)
        peer = server.peer
        cpu_before, before = server.cpu_s(), time.perf_counter()
        senders = [
            subprocess.Popen(
                ["dcmsend", "-aec", peer.ae_title, peer.host, str(peer.port), "+sd", str(share)]
            )
            for share in shares
        ]
        if sum(sender.wait() for sender in senders):
            raise RuntimeError(f"{peer} did not store everything of {load}")
        seconds, cpu_s = time.perf_counter() - before, server.cpu_s() - cpu_before
    return _measured(server, load, seconds, cpu_s)


def _measured(server: Server, load: Load, seconds: float, cpu_s: float) -> Measured:
    megabytes = 2 * load.size**2 * load.instances / 1e6
    return Measured(
        load.instances / seconds,
        cpu_s / load.instances * 1000,
        megabytes / seconds,
        server.peak_memory_mb(),
    )


CASES = {
    "ct1": Case("512×512 CT, 1 association", Load(CT, 1, 400), measure),
    "ct4": Case("512×512 CT, 4 associations", Load(CT, 4, 800), measure),
    "small4": Case("10 KB, 4 associations", Load(SMALL, 4, 3200), measure),
    "small16": Case("10 KB, 16 associations", Load(SMALL, 16, 6400), measure),
    "jpegls4": Case("JPEG-LS CT, 4 associations", Load(CT, 4, 800, JPEGLSLossless), measure),
    "each4": Case(
        "an association an instance, 4 in parallel",
        Load(16, 4, 400, association_each=True),
        measure,
    ),
    "each1": Case(
        "an association an instance",
        Load(16, 1, 200, association_each=True),
        measure,
    ),
    "dcmsend2": Case(
        "CT from dcmsend with Nagle, 2 associations", Load(CT, 2, 400), measure_dcmsend
    ),
    "large": Case("one multi-frame of 512 MB", Load(HALF_GIGABYTE, 1, 1), measure),
    "sustained": Case("20,000 CT without a pause, 4 associations", Load(CT, 4, 20_000), measure),
}
_SHORT = [name for name in CASES if name != "sustained"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=_BESIDE, help=f"of {', '.join(SERVERS)}")
    parser.add_argument("--cases", default=",".join(_SHORT), help=f"of {', '.join(CASES)}")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    options = parser.parse_args()
    names = options.only.split(",")
    cases = [CASES[name] for name in options.cases.split(",")]
    results: dict[str, dict[str, list[Measured]]] = {
        case.name: {name: [] for name in names} for case in cases
    }
    around = Surroundings()
    print(
        f"{around.processor}, {around.cores} cores, load {around.load_before:.1f}, "
        f"{options.rounds} rounds"
    )
    for _ in range(options.rounds):
        for name in names:
            folder = Path(tempfile.mkdtemp(prefix="bench-receive-"))
            try:
                with SERVERS[name](folder) as server:
                    measure(server, Load(64, 1, 20))
                    for case in cases:
                        results[case.name][name].append(case.run(server, case.load))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    print(table(results))
    if options.json:
        rounds = {
            f"{case}, {figure}": {
                name: [getattr(one, figure) for one in many] for name, many in by_name.items()
            }
            for case, by_name in results.items()
            for figure in ("instances_per_s", "cpu_s_per_1000")
        }
        write_figures(options.json, around, rounds)


def table(results: dict[str, dict[str, list[Measured]]]) -> str:
    """Medians in Markdown, with our ratio to each of the others."""
    names = list(next(iter(results.values())))
    lines = [
        f"| instances/s (CPU s per 1,000) | {' | '.join(names)} | {names[0]} is |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for case, by_name in results.items():
        is_large = case == CASES["large"].name
        speed = {
            name: statistics.median(m.mb_per_s if is_large else m.instances_per_s for m in measured)
            for name, measured in by_name.items()
        }
        cells = []
        for name, measured in by_name.items():
            if is_large:
                peak = max(m.peak_memory_mb for m in measured)
                cells.append(f"{speed[name]:,.0f} MB/s, peak {peak:,.0f} MB")
            else:
                cpu_s = statistics.median(m.cpu_s_per_1000 for m in measured)
                cells.append(f"{speed[name]:,.0f} ({cpu_s:.2f})")
        ours = names[0]
        ratios = [
            f"{speed[ours] / other:.2f} × {name}" for name, other in speed.items() if name != ours
        ]
        lines.append(f"| {case} | {' | '.join(cells)} | {', '.join(ratios)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
