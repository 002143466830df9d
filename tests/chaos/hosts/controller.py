"""Break hosts with disks of their own again and again, and count what of their promises was broken.

    python -m tests.chaos.hosts.controller [--minutes 30] [--seed 1] [--only "kill -9 of a host"]
        [--first-of-all "bucket out of reach of all, ten minutes"] [--acknowledge bucket]

Three hosts in networks of their own receive at once, by C-STORE and STOW-RS, while instances are
deleted; all that arrives is routed to Orthanc. Needs root. `--seed N --first K --rounds 1` runs
round K of seed N again.
"""

import argparse
import random
import sys
import time

from tests.chaos.hosts.faults import FAULTS, RARE, HostFault
from tests.chaos.hosts.gaps import Gaps
from tests.chaos.hosts.group import Group, group
from tests.chaos.hosts.steady import Steady
from tests.chaos.promises import Promises
from tests.chaos.report import tables
from tests.chaos.tally import Tally
from tests.chaos.work import Work
from tests.patience import be_patient

_COUNT = 40
_SAMPLE = 60
_DELIVERED_WITHIN_S = 300.0


class Controller:
    def __init__(self, opened: Group, tally: Tally) -> None:
        self.group, self.tally = opened, tally
        self.promises = [Promises(one.parts, opened.ledger) for one in opened.hosts]
        self.not_delivered = 0
        self.gaps = Gaps([one.name for one in opened.hosts])

    def round(self, number: int, possible: list[type[HostFault]]) -> None:
        """All hosts receive while one or two faults come and go; then one host is asked for all."""
        rng = random.Random(f"{self.tally.seed}:{number}")
        chosen = rng.sample(possible, min(len(possible), rng.choice((1, 1, 2))))
        faults = [one(self.group, rng) for one in chosen]
        names = " + ".join(f"{one.name} ({one.host.name})" for one in faults)
        print(f"seed {self.tally.seed} round {number}: {names}", flush=True)
        ledger = self.group.ledger
        ledger.write("round", number=number, faults=names)
        works = [
            Work(host.parts, ledger, random.Random(rng.random()), _COUNT, host.parts.port)
            for host in self.group.hosts
        ]
        steady = [
            Steady(host.parts.port, ledger, random.Random(rng.random()))
            for host in self.group.hosts
        ]
        for work in (*works, *steady):
            work.start()
        try:
            try:
                self._break(faults, rng)
                self.group.wait_until_ready()
            finally:
                for one in steady:
                    one.stop()
            self.group.hosts[0].parts.wait_for(
                lambda: not any(work.is_running() for work in works), "all to be sent"
            )
        finally:
            for work in works:
                work.end()
        broken = {fault.host.name for fault in faults if fault.is_of_one_host}
        for host, one in zip(self.group.hosts, steady, strict=True):
            self.gaps.note(host.name, one.longest_gap_s(), names, is_broken=host.name in broken)
        sent = set().union(*(work.uids() for work in works), *(one.uids for one in steady))
        known = ledger.wanted()
        older = rng.sample(known, min(_SAMPLE, len(known)))
        self._check(rng.choice(self.promises), sent & set(known) | set(older))
        self.tally.rounds += 1
        self.tally.faults.update(one.name for one in faults)
        self._count()

    def _break(self, faults: list[HostFault], rng: random.Random) -> None:
        injected: list[HostFault] = []
        try:
            for fault in faults:
                time.sleep(rng.uniform(0.0, 1.5))
                injected.append(fault)
                fault.inject()
            time.sleep(max(rng.uniform(*fault.lasts_s) for fault in faults))
        finally:
            for fault in reversed(injected):
                fault.heal()

    def _check(self, promises: Promises, uids: set[str]) -> None:
        before = len(promises.broken)
        promises.check(uids)
        for sentence in promises.broken[before:]:
            print(f"  BROKEN (seed {self.tally.seed}): {sentence}", flush=True)

    def finish(self) -> None:
        """Everything that was ever acknowledged, at each host and at the PACS."""
        until_s = time.monotonic() + _DELIVERED_WITHIN_S
        while (missing := self.group.not_delivered()) and time.monotonic() < until_s:
            time.sleep(1)
        self.not_delivered = len(missing)
        for promises in self.promises:
            self._check(promises, set(self.group.ledger.wanted()))
        self._count()

    def _count(self) -> None:
        ledger, tally = self.group.ledger, self.tally
        tally.acknowledged, tally.deleted = len(ledger.instances), len(ledger.deleted)
        tally.peers, tally.kills = len(ledger.peers), self.group.kills
        tally.checked = sum(one.checked for one in self.promises)
        tally.broken = [sentence for one in self.promises for sentence in one.broken]
        traces = [trace for host in self.group.hosts for trace in host.parts.tracebacks()]
        if len(traces) > tally.tracebacks:
            print("stack traces until now:", *traces[tally.tracebacks :], sep="\n", flush=True)
        tally.tracebacks = len(traces)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", action="append", default=[], help="a fault by its name")
    parser.add_argument(
        "--first-of-all", default="", help="a fault of the first round, by its name"
    )
    parser.add_argument("--acknowledge", default="disk", choices=("disk", "bucket"))
    given = parser.parse_args()
    be_patient()
    tally = Tally("three hosts", given.seed)
    begun_s = time.monotonic()
    with group(given.acknowledge) as opened:
        controller = Controller(opened, tally)
        every = (*FAULTS, *RARE)
        possible = [one for one in every if one.name in given.only] or list(FAULTS)
        number = given.first
        if given.first_of_all:
            controller.round(-1, [one for one in every if one.name == given.first_of_all])
        while (not given.rounds or number < given.first + given.rounds) and (
            time.monotonic() - begun_s < given.minutes * 60
        ):
            controller.round(number, possible)
            number += 1
            tally.seconds = time.monotonic() - begun_s
            print(
                f"  {tally.kills} kills, {tally.acknowledged} acknowledged,"
                f" {tally.checked} looks, {len(tally.broken)} broken",
                flush=True,
            )
        controller.finish()
        tally.seconds = time.monotonic() - begun_s
        print(tables([tally]), flush=True)
        print(controller.gaps.table(), flush=True)
        print(f"not at the PACS in the end: {controller.not_delivered}", flush=True)
    return 1 if tally.broken or controller.not_delivered else 0


if __name__ == "__main__":
    sys.exit(main())
