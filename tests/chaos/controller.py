"""Break a node again and again, by a seed, and count what of its promises was broken.

    python -m tests.chaos.controller [--rounds 20] [--minutes 60] [--database sqlite] [--seed 1]
                                     [--only "kill -9 of the API"] [--report docs/faults.md]

`make chaos` runs it; MEDIVIEW_CHAOS_ROUNDS, _MINUTES and _DATABASES say for how long. Every round
prints its seed; `--seed N --rounds 1 --first K` runs round K of seed N again.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.chaos.catalogue import FAULTS
from tests.chaos.damage import GarbledIndex, OfBytes
from tests.chaos.faults import Fault, World
from tests.chaos.opening import world
from tests.chaos.promises import Promises
from tests.chaos.report import write_report
from tests.chaos.tally import Tally
from tests.chaos.work import Work
from tests.patience import be_patient

_SAMPLE = 150
_SIGN_WITHIN_S = 20.0


class Controller:
    def __init__(self, world: World, tally: Tally) -> None:
        self.world, self.tally = world, tally
        self.promises = Promises(world.parts, world.ledger)

    def round(self, number: int, possible: list[type[Fault]], *, count: int, mixed: bool) -> None:
        """Work goes on while one or two faults come and go; then everything is looked at."""
        rng = random.Random(f"{self.tally.seed}:{number}")
        chosen = _chosen(possible, rng, mixed=mixed)
        names = " + ".join(one.name for one in chosen)
        print(f"seed {self.tally.seed} round {number}: {names}", flush=True)
        self.world.ledger.write("round", number=number, faults=names)
        senders = self.world.senders
        port = senders.port if senders is not None else self.world.parts.port
        work = Work(self.world.parts, self.world.ledger, rng, count, port)
        work.start()
        try:
            self._break(chosen, rng)
            self.world.parts.restart_ended()
            self.world.parts.wait_until_ready()
            self.world.parts.wait_for(lambda: not work.is_running(), "everything to be sent")
        finally:
            work.end()
        known = self.world.ledger.wanted()
        older = rng.sample(known, min(_SAMPLE, len(known)))
        before = len(self.promises.broken)
        self.promises.check(work.uids() & set(known) | set(older) | self.world.ledger.harmed)
        self.promises.heal_harmed()
        self.tally.rounds += 1
        self.tally.faults.update(one.name for one in chosen)
        self._count()
        for sentence in self.promises.broken[before:]:
            print(f"  BROKEN (seed {self.tally.seed} round {number}): {sentence}", flush=True)

    def _break(self, chosen: list[type[Fault]], rng: random.Random) -> None:
        faults: list[Fault] = []
        try:
            # Whom damage at rest hits, the index says, which another fault may take away.
            for kind in sorted(chosen, key=lambda one: not issubclass(one, OfBytes)):
                time.sleep(rng.uniform(0.0, 0.8))
                fault = kind(self.world, rng)
                fault.inject()
                faults.append(fault)
            time.sleep(rng.uniform(0.1, 2.0))
            if self.world.parts.restart_ended():
                for fault in faults:
                    fault.after_restart()
            for fault in faults:
                self._look_for_its_sign(fault)
        finally:
            for fault in reversed(faults):
                fault.heal()

    def _look_for_its_sign(self, fault: Fault) -> None:
        """`/health` names it; damage at rest once somebody has read it, which `check` does."""
        if fault.sign in ("", "doctor") or isinstance(fault, OfBytes):
            return
        deadline = time.monotonic() + _SIGN_WITHIN_S
        while time.monotonic() < deadline:
            part = self.world.parts.health().get(fault.sign)
            if part is not None and not part["ok"]:
                self.tally.named[fault.name] += 1
                return
            time.sleep(0.3)
        self.tally.unnamed[fault.name] += 1

    def finish(self) -> None:
        """Everything that was ever acknowledged, after a restart."""
        self.world.parts.stop()
        self.world.parts.start()
        self.promises.check(self.world.ledger.wanted())
        self._count()

    def _count(self) -> None:
        ledger, tally = self.world.ledger, self.tally
        tally.acknowledged, tally.deleted = len(ledger.instances), len(ledger.deleted)
        tally.peers, tally.kills = len(ledger.peers), self.world.kills
        tally.checked, tally.repaired = self.promises.checked, self.promises.repaired
        tally.broken = self.promises.broken
        tracebacks = self.world.parts.tracebacks()
        # The logs are gone with the node.
        if len(tracebacks) > tally.tracebacks:
            print("stack traces until now:", *tracebacks, sep="\n", flush=True)
        tally.tracebacks = len(tracebacks)


def _chosen(possible: list[type[Fault]], rng: random.Random, *, mixed: bool) -> list[type[Fault]]:
    first = rng.choice(possible)
    if not mixed or first is GarbledIndex or rng.random() < 0.5:
        return [first]
    others = [
        one
        for one in possible
        if one not in (first, GarbledIndex) and not (first.harms_disk and one.harms_disk)
    ]
    return [first, rng.choice(others)] if others else [first]


def run(
    database: str,
    seed: int,
    *,
    rounds: int,
    minutes: float,
    first: int = 0,
    only: Sequence[str] = (),
) -> Tally:
    """The long form over one kind of database."""
    tally = Tally(database, seed)
    begun = time.monotonic()
    with world(database, roles=("scp", "api", "control", "beat"), is_long=True) as opened:
        controller = Controller(opened, tally)
        possible = [
            one for one in FAULTS if one.is_possible(opened) and (not only or one.name in only)
        ]
        number = first
        while (not rounds or number < first + rounds) and (
            not minutes or time.monotonic() - begun < minutes * 60
        ):
            try:
                controller.round(number, possible, count=120, mixed=not only)
            except AssertionError as error:
                # A node that does not come back has broken every promise there is.
                print(f"  BROKEN (seed {seed} round {number}): {error}", flush=True)
                tally.broken.append(f"round {number}: {str(error).partition(chr(10))[0]}")
                return tally
            number += 1
            tally.seconds = time.monotonic() - begun
            if opened.parts.free_bytes() < 100 << 20:
                print("the small disk is used up", flush=True)
                break
        controller.finish()
        tally.seconds = time.monotonic() - begun
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    environment = os.environ.get
    parser.add_argument("--rounds", type=int, default=int(environment("MEDIVIEW_CHAOS_ROUNDS", 0)))
    parser.add_argument(
        "--minutes", type=float, default=float(environment("MEDIVIEW_CHAOS_MINUTES", 30))
    )
    databases = environment("MEDIVIEW_CHAOS_DATABASES", "sqlite,postgresql")
    parser.add_argument("--database", default=databases, help="one, or several with commas")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", action="append", default=[], help="a fault by its name")
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    be_patient()
    tallies = []
    for database in given.database.split(","):
        tally = run(
            database,
            given.seed,
            rounds=given.rounds,
            minutes=given.minutes,
            first=given.first,
            only=given.only,
        )
        print(tally, flush=True)
        tallies.append(tally)
    if given.report:
        with suppress(FileNotFoundError):
            write_report(given.report, tallies)
    return 1 if any(tally.broken for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
