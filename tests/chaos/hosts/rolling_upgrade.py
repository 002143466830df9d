"""Three hosts go from another version to this one, one after the other, while studies arrive.

    python -m tests.chaos.hosts.rolling_upgrade --from COMMIT [--seconds 30] [--seed 1]

As docs/operations.md has it for several hosts: the database is migrated while the former version
runs, then each host is stopped and started with the new one. Needs root.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.hosts.controller import Controller
from tests.chaos.hosts.group import Group, group
from tests.chaos.hosts.scans import Scans
from tests.chaos.hosts.steady import Steady
from tests.chaos.tally import Tally
from tests.patience import be_patient

_ROOT = Path(__file__).parents[3]


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with that version."""
    with tempfile.TemporaryDirectory(prefix="mediview-former-") as folder:
        archive = subprocess.Popen(
            ["git", "-C", str(_ROOT), "archive", commit], stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
        assert archive.wait() == 0, f"There is no commit {commit}."
        yield Path(folder)


class Arriving:
    """An instance every two seconds at each host, and series for a pipeline."""

    def __init__(self, opened: Group, rng: random.Random) -> None:
        self._group = opened
        ports = [host.parts.port for host in opened.hosts]
        self._steady = [Steady(port, opened.ledger, random.Random(rng.random())) for port in ports]
        self._scans = Scans(ports, opened.scanned, random.Random(rng.random()))

    @property
    def acknowledged(self) -> int:
        return len(self._group.ledger.instances) + len(self._group.scanned.instances)

    def start(self) -> None:
        for one in self._steady:
            one.start()
        self._scans.start()

    def stop(self) -> None:
        self._scans.stop()
        for one in self._steady:
            one.stop()
        self._group.hosts[0].parts.wait_for(
            lambda: not self._scans.is_running(), "all slices to be sent"
        )
        self._group.scans += self._scans.sent

    def longest_gaps_s(self) -> list[float]:
        return [one.longest_gap_s(0.0, time.monotonic()) for one in self._steady]


def upgrade(opened: Group, seconds: float, rng: random.Random) -> Arriving:
    """All hosts, one after the other; what arrived meanwhile."""
    arriving = Arriving(opened, rng)
    arriving.start()
    try:
        _work(arriving, seconds, "the former version")
        first = opened.hosts[0].parts
        first.run_from(None)
        migrated = first.command("migrate")
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        _work(arriving, seconds, "the former version, the new schema")
        for host in opened.hosts:
            host.parts.run_from(None)
            host.parts.stop()
            for role in host.parts.roles:
                host.parts.start_role(role)
            host.parts.wait_until_ready()
            _work(arriving, seconds, f"{host.name} is new")
    finally:
        arriving.stop()
    return arriving


def _work(arriving: Arriving, seconds: float, what: str) -> None:
    before = arriving.acknowledged
    time.sleep(seconds)
    print(f"  {what}: {arriving.acknowledged - before} acknowledged", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="commit", required=True, help="the former version")
    parser.add_argument("--seconds", type=float, default=30, help="between two steps")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args()
    be_patient()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {given}", flush=True)
    with checkout(given.commit) as former, group(source=former) as opened:
        arriving = upgrade(opened, given.seconds, random.Random(given.seed))
        gaps = arriving.longest_gaps_s()
        controller = Controller(opened, Tally("rolling upgrade", given.seed))
        controller.finish()
        for host, gap_s in zip(opened.hosts, gaps, strict=True):
            print(f"{host.name}: {gap_s:.0f} s without an acknowledgement at most", flush=True)
        tally = controller.tally
        print(
            f"{tally.acknowledged} acknowledged, {len(opened.scans)} series for the pipeline,"
            f" {controller.not_delivered} owed or not at the PACS, {tally.tracebacks} stack traces,"
            f" {len(tally.broken)} promises broken",
            flush=True,
        )
    return 1 if tally.broken or controller.not_delivered else 0


if __name__ == "__main__":
    sys.exit(main())
