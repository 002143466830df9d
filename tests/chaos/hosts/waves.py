"""Faults in waves: those of one come together, last, and are taken away together."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.hosts.faults import FAULTS, BucketGone, HostFault
from tests.chaos.hosts.group import Group

_LONG_S = 60.0
_BREATH_S = 10.0
_BESIDE = 2


@dataclass
class Wave:
    """What was done from when to when (monotonic clock)."""

    begun_s: float
    faults: list[HostFault] = field(default_factory=list)
    ended_s: float = 0.0
    not_ready: set[str] = field(default_factory=set)
    """Hosts that had not come back from the wave before."""
    beside: str = ""
    """The fault of minutes that goes on meanwhile."""
    has_others_beside: bool = False

    def is_broken(self, host: str) -> bool:
        """Whether something was done to this host itself."""
        return host in self.not_ready | {one.host.name for one in self.faults if one.is_of_one_host}

    def names(self, host: str) -> str:
        """Of the faults that concern this host."""
        of_it = [one for one in self.faults if not one.is_of_one_host or one.host.name == host]
        others = sorted({one.host.name for one in self.faults if one not in of_it})
        said = (
            [self.beside] * bool(self.beside)
            + [one.name for one in of_it]
            + [f"faults of {name} alone" for name in others]
        )
        return " + ".join(said + ["after a wave before"] * (host in self.not_ready))


def break_in_waves(
    group: Group, possible: list[type[HostFault]], waves: Sequence[int], rng: random.Random
) -> list[Wave]:
    """`waves`: how many faults each has at once. A fault that lasts for minutes has others beside
    it, two at a time.

    Between two waves the hosts have ten seconds, which may be too few to come back.
    """
    done: list[Wave] = []
    for at_once in waves:
        chosen = rng.sample(possible, min(len(possible), at_once))
        faults = [one(group, rng) for one in chosen]
        print(f"  {_listed(faults)}", flush=True)
        wave = _begin(done, group)
        done.append(wave)
        try:
            for fault in faults:
                time.sleep(rng.uniform(0.0, 1.5))
                wave.faults.append(fault)
                fault.inject()
            lasts_s = max(rng.uniform(*fault.lasts_s) for fault in faults)
            if lasts_s < _LONG_S:
                time.sleep(lasts_s)
            else:
                wave.has_others_beside = True
                done += _beside(group, faults[0].name, time.monotonic() + lasts_s, rng)
        finally:
            for fault in reversed(wave.faults):
                fault.heal()
        _end(wave, group)
    return done


def _beside(group: Group, name: str, until_s: float, rng: random.Random) -> list[Wave]:
    done: list[Wave] = []
    others = [one for one in FAULTS if not issubclass(one, BucketGone)]
    while time.monotonic() < until_s:
        faults = [one(group, rng) for one in rng.sample(others, _BESIDE)]
        print(f"  beside it: {_listed(faults)}", flush=True)
        wave = _begin(done, group)
        wave.beside = name
        done.append(wave)
        try:
            for fault in faults:
                wave.faults.append(fault)
                fault.inject()
            time.sleep(max(rng.uniform(*fault.lasts_s) for fault in faults))
        finally:
            for fault in reversed(wave.faults):
                fault.heal()
        _end(wave, group)
    return done


def _listed(faults: list[HostFault]) -> str:
    return ", ".join(f"{one.name} ({one.host.name})" for one in faults)


def _begin(before: list[Wave], group: Group) -> Wave:
    wave = Wave(time.monotonic())
    if before:
        wave.not_ready = {one.name for one in group.hosts if not one.parts.is_ready()}
    return wave


def _end(wave: Wave, group: Group) -> None:
    """What has ended is started again, as a supervisor does, and given a moment."""
    until_s = time.monotonic() + _BREATH_S
    while time.monotonic() < until_s:
        for host in group.hosts:
            host.parts.restart_ended()
        if all(one.parts.is_ready() for one in group.hosts):
            break
        time.sleep(0.5)
    wave.ended_s = time.monotonic()
