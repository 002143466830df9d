"""What the path from bytes to row costs: instances a second and CPU time of `Ingest.accept_dimse`.

    python benchmarks/ingest.py [--instances 2000] [--size 10000] [--database sqlite|postgresql]
                                [--threads 1,4] [--rounds 3] [--profile]

No network: what is measured is the way from received bytes to a durable record
and a committed index row. Each thread fills a series of its own. CPU is that of
this process, user and system; PostgreSQL's own is not in it.
"""

import argparse
import cProfile
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pydicom.uid import ExplicitVRLittleEndian  # noqa: E402

from benchmarks.support.figures import Surroundings, write_figures  # noqa: E402
from storage.container import Storage, open_storage  # noqa: E402
from storage.dicom.part10 import read_header  # noqa: E402
from storage.maintenance.upgrade import upgrade  # noqa: E402
from storage.settings import load_settings  # noqa: E402
from tests.postgres import postgres  # noqa: E402
from tests.storage.instances import part10  # noqa: E402

_MARK = "2.25." + "7" * 34


class Instances:
    """Data sets of one size that differ in their UIDs alone."""

    def __init__(self, size_bytes: int) -> None:
        # PixelData is even and close enough to the size that was asked for.
        pixels = bytes(max(2, (size_bytes - 600) // 2 * 2))
        content = part10(
            SeriesInstanceUID=_MARK + "1", SOPInstanceUID=_MARK + "2", StudyInstanceUID=_MARK + "3",
            Rows=1, Columns=len(pixels) // 2, PixelData=pixels,
        )  # fmt: skip
        header = read_header(content)
        self._data_set = content[header.dataset_offset :]
        self.sop_class_uid = header.sop_class_uid

    def make(self, run: int, series: int, number: int) -> tuple[str, bytes]:
        uids = {
            "1": f"2.25.{run:017d}{series:08d}{0:09d}1",
            "2": f"2.25.{run:017d}{series:08d}{number + 1:09d}2",
            "3": f"2.25.{run:017d}{0:08d}{0:09d}3",
        }
        data_set = self._data_set
        for kind, uid in uids.items():
            data_set = data_set.replace((_MARK + kind).encode(), uid.encode(), 1)
        return uids["2"], data_set


def measure(
    storage: Storage, instances: Instances, run: int, threads: int, count: int
) -> tuple[float, float]:
    """Instances a second, and CPU ms an instance."""
    each = count // threads
    made = [[instances.make(run, series, n) for n in range(each)] for series in range(threads)]

    def send(series: int) -> None:
        for uid, data_set in made[series]:
            storage.ingest.accept_dimse(
                data_set,
                sop_class_uid=instances.sop_class_uid,
                sop_instance_uid=uid,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                calling_ae_title="BENCH",
            )

    with ThreadPoolExecutor(threads) as pool:
        cpu, wall = time.process_time(), time.perf_counter()
        list(pool.map(send, range(threads)))
        wall = time.perf_counter() - wall
        cpu = time.process_time() - cpu
    total = each * threads
    return total / wall, cpu / total * 1000


@contextmanager
def database_url(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with postgres() as server:
        yield server.new_database()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--instances", type=int, default=2000)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--database", default="sqlite,postgresql")
    parser.add_argument("--threads", default="1,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    options = parser.parse_args()
    instances = Instances(options.size)
    run = 0
    around, figures = Surroundings(), {}
    print("| database | threads | instances/s | CPU ms an instance |\n|---|---|---|---|")
    for kind in options.database.split(","):
        with database_url(kind) as url, tempfile.TemporaryDirectory() as folder:
            settings = load_settings(
                data_dir=Path(folder), database_url=url, free_disk_mark_bytes=0
            )
            upgrade(settings)
            with open_storage(settings) as storage:
                for threads in map(int, options.threads.split(",")):
                    results = []
                    for _ in range(options.rounds):
                        run += 1
                        results.append(measure(storage, instances, run, threads, options.instances))
                    rates, cpus = zip(*results, strict=True)
                    name = f"{kind}, {threads} threads"
                    figures[f"{name}, instances/s"] = {"node": rates}
                    figures[f"{name}, CPU ms an instance"] = {"node": cpus}
                    rate, cpu = statistics.median(rates), statistics.median(cpus)
                    print(f"| {kind} | {threads} | {rate:.0f} | {cpu:.3f} |", flush=True)
                if options.profile:
                    profile = cProfile.Profile()
                    made = [instances.make(run + 1, 0, n) for n in range(options.instances)]
                    profile.enable()
                    for uid, data_set in made:
                        storage.ingest.accept_dimse(
                            data_set,
                            sop_class_uid=instances.sop_class_uid,
                            sop_instance_uid=uid,
                            transfer_syntax_uid=ExplicitVRLittleEndian,
                            calling_ae_title="BENCH",
                        )
                    profile.disable()
                    pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    if options.json:
        write_figures(options.json, around, figures)


if __name__ == "__main__":
    main()
