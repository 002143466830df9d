"""What it costs to acknowledge only what the bucket has: both values of MEDIVIEW_ACKNOWLEDGE, and
beside them a receiver whose instances nobody copies.

    python -m benchmarks.acknowledge [--rounds 3] [--cases ct1,ct4]
    python -m benchmarks.acknowledge --copies 200

The node's receiver with a disk of its own, PostgreSQL that syncs each commit, and Ceph's gateway,
in memory, as the bucket; they and the sender share the machine. Rounds are interleaved and medians
shown: instances a second, milliseconds for which each was waited for (the mean, since an
association has one under way), and CPU seconds of the receiver for 1,000, in which copying to the
bucket counts, and so does what the node does meanwhile: the slower the machine, the more. The
second form copies so many CT one after another in one process: the CPU time of that alone.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.receive import CASES, CT, Measured, measure
from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.sender import Load, Template, next_number
from benchmarks.support.servers import node_server
from storage.container import open_storage
from storage.integrity.bucket_copy import BucketCopy
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings
from tests.postgres import PostgresServer, postgres
from tests.servers import S3Server, ceph_s3

UNCOPIED = "nothing copied"
MODES = (UNCOPIED, "disk", "bucket")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default="ct1,ct4", help=f"of {', '.join(CASES)}")
    parser.add_argument("--copies", type=int, default=0, help="copy so many, and nothing else")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    options = parser.parse_args()
    names = options.cases.split(",")
    results: dict[str, dict[str, list[Measured]]] = {
        name: {mode: [] for mode in MODES} for name in names
    }
    around = Surroundings()
    print(
        f"{around.processor}, {around.cores} cores, load {around.load_before:.1f},"
        f" {options.rounds} rounds",
        flush=True,
    )
    with postgres(is_durable=True) as database, ceph_s3() as bucket:
        if options.copies:
            _copy(database, bucket, options.copies)
            return
        for _ in range(options.rounds):
            for mode in MODES:
                _run(mode, database, bucket, names, results)
    print(table(results))
    if options.json:
        rounds = {
            f"{CASES[name].name}, instances_per_s": {
                mode: [one.instances_per_s for one in many] for mode, many in by_mode.items()
            }
            for name, by_mode in results.items()
        }
        write_figures(options.json, around, rounds)


def _run(
    mode: str,
    database: PostgresServer,
    bucket: S3Server,
    names: list[str],
    results: dict[str, dict[str, list[Measured]]],
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-acknowledge-"))
    url = database.new_database()
    settings = _settings(url, bucket)
    settings["acknowledge"] = "bucket" if mode == "bucket" else "disk"
    # Each host copies what it has; else the control worker does, which does not run here.
    settings["own_disks"] = mode != UNCOPIED
    try:
        with node_server(folder, **settings) as server:
            measure(server, Load(64, 1, 20))
            for name in names:
                results[name][mode].append(measure(server, CASES[name].load))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    database.drop(url)


def _settings(database_url: str, bucket: S3Server) -> dict[str, Any]:
    return {
        "audit_key": "ab" * 32,
        "database_url": database_url,
        "broker_url": "redis://127.0.0.1:1/0",
        "object_store": "s3",
        "s3_endpoint_url": bucket.endpoint_url,
        "s3_bucket": bucket.new_bucket(),
        "s3_access_key_id": bucket.access_key_id,
        "s3_secret_access_key": bucket.secret_access_key,
    }


def _copy(database: PostgresServer, bucket: S3Server, count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-acknowledge-") as folder:
        url = database.new_database()
        settings = Settings(data_dir=Path(folder, "node"), **_settings(url, bucket))
        upgrade(settings)
        template, first = Template(Load(CT, 1, count), next_number()), next_number()
        with open_storage(settings) as storage:
            received = [
                storage.ingest.accept(template.file(first + n, first), "stow") for n in range(count)
            ]
            copying = BucketCopy(
                storage.engine, storage.instances, storage.objects, several_write_objects=True
            )
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            for one in received:
                copying.bring(one)
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    print(
        f"{count} CT copied one after another: {1000 * cpu_s / count:.2f} CPU s for 1,000,"
        f" {1000 * wall_s / count:.1f} ms each"
    )


def table(results: dict[str, dict[str, list[Measured]]]) -> str:
    """Medians in Markdown."""
    lines = [
        f"| | {' | '.join(MODES)} | bucket is |",
        f"|---|{'---|' * (len(MODES) + 1)}",
    ]
    for name, by_mode in results.items():
        case = CASES[name]
        rates = {
            mode: statistics.median(one.instances_per_s for one in many)
            for mode, many in by_mode.items()
        }
        cells = [
            f"{rates[mode]:,.0f}/s, {1000 * case.load.associations / rates[mode]:.1f} ms"
            f" ({statistics.median(one.cpu_s_per_1000 for one in many):.2f})"
            for mode, many in by_mode.items()
        ]
        ratio = rates["bucket"] / rates["disk"]
        lines.append(f"| {case.name} | {' | '.join(cells)} | {ratio:.2f} × disk |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
