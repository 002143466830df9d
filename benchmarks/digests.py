"""What it costs to compare an instance with its digest before it is given.

    python -m benchmarks.digests [--rounds 7]

Instances lie in a volume that is in the page cache. CPU time, the median of the rounds: other
programs beside it matter less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydicom.uid import generate_uid

from storage.container import Storage, open_storage
from storage.core.entities import Instance
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings
from tests.dicom_node.builders import ct_instance, encoded

_SIDES = (64, 512, 4096)
_AT_ONCE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", free_disk_mark_bytes=0)
        upgrade(settings)
        with open_storage(settings) as storage:
            print("| instance | only read | read and compared | compared, in constant memory |")
            print("|---|---|---|---|")
            for side in _SIDES:
                print(_row(storage, side, rounds))


def _row(storage: Storage, side: int, rounds: int) -> str:
    study = generate_uid()
    for number in range(_AT_ONCE if side < 4096 else 5):
        dataset = ct_instance(size=side, seed=number, study_instance_uid=study)
        storage.ingest.accept(encoded(dataset), "stow")
    instances = storage.index.instances_of(study)
    size_bytes = instances[0].size_bytes
    ways: list[Callable[[Instance], object]] = [
        # A part, of which nothing is compared, that is all but a byte.
        lambda one: storage.instances.read(one, 0, size_bytes - 1),
        storage.instances.read,
        storage.instances.checked,
    ]
    times = [_median_ms(instances, way, rounds) for way in ways]
    return f"| {size_bytes / 1e6:.2f} MB | " + " | ".join(f"{one:.3f} ms" for one in times) + " |"


def _median_ms(instances: list[Instance], way: Callable[[Instance], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        for one in instances:
            way(one)
        taken.append((time.process_time() - started) / len(instances) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
