"""The short form: fixed seeds, a fault of each kind that needs no more than two processes."""

import pytest

from tests.chaos.controller import Controller
from tests.chaos.damage import CutVolume, FlippedBits, LostVolume
from tests.chaos.disk import FullDisk
from tests.chaos.faults import (
    HalfOpenPeers,
    KillApi,
    KillEverything,
    KillReceiver,
    StopAndContinue,
)
from tests.chaos.opening import world
from tests.chaos.tally import Tally

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

ROUNDS = (
    (1, [KillReceiver, KillApi, KillEverything, StopAndContinue]),
    (2, [FlippedBits]),
    (3, [FullDisk, HalfOpenPeers]),
    (4, [LostVolume, CutVolume]),
)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_doubled_or_changed() -> None:
    tally = Tally("sqlite", seed=20261127)
    with world("sqlite", roles=("scp", "api"), is_long=False) as opened:
        controller = Controller(opened, tally)
        for number, kinds in ROUNDS:
            possible = [kind for kind in kinds if kind.is_possible(opened)]
            controller.round(number, possible, count=40, mixed=False)
        controller.finish()
    assert tally.broken == []
    assert tally.tracebacks == 0
    assert not tally.unnamed
    assert tally.repaired > 0
