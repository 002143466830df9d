"""What is done to hosts: each fault is injected, lasts a while, and is taken away again."""

import random
import signal
import time
from abc import ABC, abstractmethod

from tests.chaos.hosts.group import Group


class HostFault(ABC):
    name = ""
    lasts_s = (1.0, 4.0)
    is_of_one_host = True

    def __init__(self, group: Group, rng: random.Random) -> None:
        self.group, self.rng = group, rng
        self.host = rng.choice(group.hosts)

    @abstractmethod
    def inject(self) -> None: ...

    def heal(self) -> None:  # noqa: B027 - most need nothing
        """Where the controller's supervisor is not enough."""


class KillRole(HostFault):
    """Killed, started and killed again, often while it starts."""

    name = "kill -9 of a role of a host"

    def inject(self) -> None:
        role = self.rng.choice(self.host.parts.roles)
        for _ in range(self.rng.randint(2, 5)):
            if self.host.parts.is_running(role):
                self.host.parts.signal(role, signal.SIGKILL)
                self.group.kills += 1
            time.sleep(self.rng.uniform(0.1, 2.0))
            self.host.parts.start_role(role)
            time.sleep(self.rng.uniform(0.1, 3.0))


class KillHost(HostFault):
    """With all its processes."""

    name = "kill -9 of a host"

    def inject(self) -> None:
        self.group.kills += self.host.parts.kill_everything()


class CutOff(HostFault):
    """From database, Redis and bucket."""

    name = "host cut off, both directions"
    directions: tuple[str, ...] = ("out", "in")
    lasts_s = (5.0, 20.0)

    def inject(self) -> None:
        self.host.network.cut(*self.directions)

    def heal(self) -> None:
        self.host.network.mend()


class Unheard(CutOff):
    name = "host cut off, its packets are lost"
    directions = ("out",)


class Deaf(CutOff):
    name = "host cut off, packets to it are lost"
    directions = ("in",)


class KilledWhileCutOff(CutOff):
    """What it acknowledged and nobody else has is on its disk alone."""

    name = "host cut off and killed"

    def inject(self) -> None:
        super().inject()
        time.sleep(self.rng.uniform(0.5, 3.0))
        self.group.kills += self.host.parts.kill_everything()


class DatabaseCrash(HostFault):
    name = "crash of PostgreSQL"
    is_of_one_host = False

    def inject(self) -> None:
        process = self.group.server.process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait(60)
        self.group.kills += 1

    def heal(self) -> None:
        process = self.group.server.process
        # Another fault of the round may have brought up the other server.
        if process is None or process.poll() is not None:
            self.group.server.start()


class StandbyTakesOver(HostFault):
    """The active server is lost with its disk; afterwards it is set up again as the standby."""

    name = "standby of PostgreSQL takes over"
    is_of_one_host = False

    def inject(self) -> None:
        self.group.database.take_over()
        self.group.kills += 1

    def heal(self) -> None:
        self.group.database.rebuild()


class RedisKilled(HostFault):
    name = "kill -9 of Redis"
    is_of_one_host = False

    def inject(self) -> None:
        self.group.redis.kill()
        self.group.kills += 1

    def heal(self) -> None:
        self.group.redis.start()


class BucketGone(HostFault):
    name = "bucket out of reach of all"
    is_of_one_host = False
    lasts_s = (5.0, 20.0)

    def inject(self) -> None:
        for way in self.group.bucket:
            way.shut()

    def heal(self) -> None:
        for way in self.group.bucket:
            way.open()


class BucketGoneForLong(BucketGone):
    name = "bucket out of reach of all, ten minutes"
    lasts_s = (600.0, 600.0)


class ClockOff(HostFault):
    """By minutes, as of a machine whose time nobody sets."""

    name = "clock of a host, minutes off"
    lasts_s = (3.0, 10.0)

    def inject(self) -> None:
        self.host.parts.set_clock(self.rng.choice((-540, -120, 120, 540)))

    def heal(self) -> None:
        self.host.parts.set_clock(0)


FAULTS: tuple[type[HostFault], ...] = (
    KillRole,
    KillHost,
    CutOff,
    Unheard,
    Deaf,
    KilledWhileCutOff,
    DatabaseCrash,
    StandbyTakesOver,
    RedisKilled,
    BucketGone,
    ClockOff,
)

RARE: tuple[type[HostFault], ...] = (BucketGoneForLong,)
"""Injected where they are asked for by name."""
