"""Break hosts with disks of their own again and again, and count what of their promises was broken.

    python -m tests.chaos.hosts.controller [--minutes 30] [--seed 1] [--only "kill -9 of a host"]
        [--first-of-all "bucket out of reach of all, ten minutes"] [--acknowledge bucket]
        [--events 200]

Three hosts in networks of their own receive at once, by C-STORE and STOW-RS, while instances are
deleted; all that arrives is routed to Orthanc, and so are the results of a pipeline that takes some
of it. Needs root. `--seed N --first K --rounds 1` runs round K of seed N again.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any

from tests.chaos.hosts import results
from tests.chaos.hosts.faults import FAULTS, RARE, HostFault
from tests.chaos.hosts.gaps import Gaps
from tests.chaos.hosts.group import Group, Host, group
from tests.chaos.hosts.scans import Scans
from tests.chaos.hosts.steady import Steady
from tests.chaos.hosts.waves import break_in_waves
from tests.chaos.ledger import Ledger
from tests.chaos.promises import Promises
from tests.chaos.report import tables
from tests.chaos.tally import Tally
from tests.chaos.work import Work
from tests.patience import be_patient

_COUNT = 15
_SAMPLE = 30
_LAST_SAMPLE = 100
_WAVES = (4, 4, 4, 4)
# In the end all that is owed is waited for, as long as some of it comes: what is late is no fault,
# what is stuck is one.
_STUCK_AFTER_S = 600.0
_DELIVERED_WITHIN_S = 3600.0


class Controller:
    def __init__(self, opened: Group, tally: Tally) -> None:
        self.group, self.tally = opened, tally
        self.promises = [Promises(one.parts, opened.ledger) for one in opened.hosts]
        self.of_scans = [Promises(one.parts, opened.scanned) for one in opened.hosts]
        self.not_delivered = 0
        self.results_broken: list[str] = []
        self.not_back: list[str] = []
        self.gaps = Gaps([one.name for one in opened.hosts])

    def round(
        self, number: int, possible: list[type[HostFault]], at_once: Sequence[int] = _WAVES
    ) -> None:
        """All hosts receive while faults come and go in waves; then one is asked for all of it."""
        rng = random.Random(f"{self.tally.seed}:{number}")
        print(f"seed {self.tally.seed} round {number}, load {os.getloadavg()[0]:.0f}:", flush=True)
        ledger, begun_s = self.group.ledger, time.monotonic()
        ledger.write("round", number=number)
        works = [
            Work(host.parts, ledger, random.Random(rng.random()), _COUNT, host.parts.port)
            for host in self.group.hosts
        ]
        steady = [
            Steady(host.parts.port, ledger, random.Random(rng.random()))
            for host in self.group.hosts
        ]
        ports = [host.parts.port for host in self.group.hosts]
        scans = Scans(ports, self.group.scanned, random.Random(rng.random()))
        senders: list[Work | Steady] = [*works, *steady]
        for sender in senders:
            sender.start()
        scans.start()
        try:
            try:
                waves = break_in_waves(self.group, possible, at_once, rng)
                broken_s = time.monotonic() - begun_s
                self.group.wait_until_ready()
            finally:
                scans.stop()
                for one in steady:
                    one.stop()
            self.group.hosts[0].parts.wait_for(
                lambda: not (scans.is_running() or any(work.is_running() for work in works)),
                "all to be sent",
            )
        finally:
            for work in works:
                work.end()
            self.group.scans += scans.sent
        print(
            f"  broken {broken_s:.0f} s, all sent after {time.monotonic() - begun_s:.0f} s",
            flush=True,
        )
        for wave in (one for one in waves if not one.has_others_beside):
            for host, one in zip(self.group.hosts, steady, strict=True):
                gap_s = one.longest_gap_s(wave.begun_s, wave.ended_s)
                is_broken = wave.is_broken(host.name)
                self.gaps.note(host.name, gap_s, wave.names(host.name), is_broken=is_broken)
        sent = set().union(*(work.uids() for work in works), *(one.uids for one in steady))
        known = ledger.wanted()
        older = rng.sample(known, min(_SAMPLE, len(known)))
        looked_at = sent & set(known) | set(older)
        self._check(rng.choice(self.promises), looked_at, self._studies(ledger, looked_at))
        slices = {one.sop_instance_uid for scan in scans.sent for one in scan.slices}
        # There are results in their studies, which the end looks at.
        self._check(rng.choice(self.of_scans), slices, ())
        print(f"  looked at after {time.monotonic() - begun_s:.0f} s", flush=True)
        self.tally.rounds += 1
        self.tally.faults.update(one.name for wave in waves for one in wave.faults)
        self._count()

    def _studies(self, ledger: Ledger, uids: Iterable[str]) -> set[str]:
        return {ledger.studies[uid].split()[0] for uid in uids}

    def _check(
        self, promises: Promises, uids: set[str], studies: Collection[str] | None = None
    ) -> None:
        before = len(promises.broken)
        promises.check(uids, studies)
        for sentence in promises.broken[before:]:
            print(f"  BROKEN (seed {self.tally.seed}): {sentence}", flush=True)

    def finish(self) -> None:
        """The lists of all studies and all results, at every host and at the PACS, and the bytes of
        a sample. The bytes of all were looked at after their round."""
        ledger, scanned, hosts = self.group.ledger, self.group.scanned, self.group.hosts
        begun_s = time.monotonic()
        missing = self._owed_in_the_end()
        self.not_delivered = len(missing)
        print(f"all done after {time.monotonic() - begun_s:.0f} s, but {missing}", flush=True)
        rng = random.Random(self.tally.seed)
        known = ledger.wanted()
        for promises in self.promises:
            self._check(promises, set(rng.sample(known, min(_LAST_SAMPLE, len(known)))))
        for promises, host in zip(self.of_scans, hosts, strict=True):
            # What a pipeline made is looked at below.
            scanned.unanswered |= {
                row["00080018"]["Value"][0]
                for one in self.group.scans
                for row in self._ask(host, f"/dicom-web/studies/{one.study_instance_uid}/instances")
            }
            known = scanned.wanted()
            self._check(promises, set(rng.sample(known, min(_LAST_SAMPLE, len(known)))))
        pacs = results.at_pacs(self.group.pacs)
        for host in hosts:
            for sentence in results.look(partial(self._ask, host), self.group.scans, pacs):
                self.results_broken.append(f"{host.name}: {sentence}")
                print(f"  BROKEN (seed {self.tally.seed}): {sentence}", flush=True)
        self._count()

    def _owed_in_the_end(self) -> list[str]:
        begun_s = changed_s = time.monotonic()
        missing = self._missing()
        print(f"owed after the last fault: {len(missing)}", flush=True)
        while (
            missing
            and time.monotonic() - changed_s < _STUCK_AFTER_S
            and time.monotonic() - begun_s < _DELIVERED_WITHIN_S
        ):
            time.sleep(5)
            still = self._missing()
            if set(still) != set(missing):
                changed_s = time.monotonic()
            missing = still
        return missing

    def _missing(self) -> list[str]:
        """What is owed still: results, and what has not reached the PACS."""
        host = self.group.hosts[0]
        owed = results.not_finished(partial(self._ask, host), self.group.scans)
        away = self.group.not_delivered()
        there = results.at_pacs(self.group.pacs) if not owed and not away else {}
        listed = [
            uid
            for one in self.group.scans
            if not owed and not away
            for uids in results.found(partial(self._ask, host), one).counted.values()
            for uid in uids
            if uid not in there.get(one.study_instance_uid, ())
        ]
        return [one.study_instance_uid for one in owed] + sorted(away) + listed

    def _ask(self, host: Host, path: str) -> Any:
        answer = host.parts.api.get(path)
        return answer.json() if answer.content else None

    def _count(self) -> None:
        ledger, scanned, tally = self.group.ledger, self.group.scanned, self.tally
        tally.acknowledged = len(ledger.instances) + len(scanned.instances)
        tally.deleted = len(ledger.deleted)
        tally.peers, tally.kills = len(ledger.peers), self.group.kills
        every = (*self.promises, *self.of_scans)
        tally.checked = sum(one.checked for one in every)
        tally.broken = [sentence for one in every for sentence in one.broken]
        tally.broken += self.results_broken + self.not_back
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
    parser.add_argument("--events", type=int, default=0, help="end after so many faults")
    parser.add_argument("--acknowledge", default="disk", choices=("disk", "bucket"))
    given = parser.parse_args()
    be_patient()
    # So that all that was started ends, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    tally = Tally("three hosts", given.seed)
    begun_s = time.monotonic()
    commit = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, commit {commit}, {given}", flush=True)
    with group(given.acknowledge) as opened:
        controller = Controller(opened, tally)
        every = (*FAULTS, *RARE)
        possible = [one for one in every if one.name in given.only] or list(FAULTS)
        number = given.first
        if given.first_of_all:
            controller.round(-1, [one for one in every if one.name == given.first_of_all], (1,))
        while (
            (not given.rounds or number < given.first + given.rounds)
            and (not given.events or tally.faults.total() < given.events)
            and time.monotonic() - begun_s < given.minutes * 60
        ):
            try:
                controller.round(number, possible)
            except AssertionError as error:
                print(f"  BROKEN (seed {given.seed} round {number}): {error}", flush=True)
                controller.not_back.append(f"round {number}: {str(error).partition(chr(10))[0]}")
                break
            number += 1
            tally.seconds = time.monotonic() - begun_s
            print(
                f"  {tally.seconds / 60:.0f} min, {tally.faults.total()} faults,"
                f" {tally.kills} kills, {tally.acknowledged} acknowledged,"
                f" {len(opened.scans)} series for the pipeline,"
                f" {tally.checked} looks, {len(tally.broken)} broken",
                flush=True,
            )
        controller.finish()
        tally.seconds = time.monotonic() - begun_s
        print(tables([tally]), flush=True)
        print(controller.gaps.table(), flush=True)
        print(f"series for the pipeline: {len(opened.scans)}", flush=True)
        print(f"owed or not at the PACS in the end: {controller.not_delivered}", flush=True)
    return 1 if tally.broken or controller.not_delivered else 0


if __name__ == "__main__":
    sys.exit(main())
