"""Every fault there is."""

from tests.chaos.damage import CutVolume, FlippedBits, GarbledIndex, LostVolume
from tests.chaos.faults import (
    BucketAway,
    ClockJump,
    CrashPostgres,
    Fault,
    FullDisk,
    HalfOpenPeers,
    KillApi,
    KillControl,
    KillEverything,
    KillReceiver,
    KillRedis,
    SilentDestination,
    StopAndContinue,
)

FAULTS: tuple[type[Fault], ...] = (
    KillReceiver,
    KillApi,
    KillControl,
    KillEverything,
    StopAndContinue,
    CrashPostgres,
    BucketAway,
    KillRedis,
    SilentDestination,
    FullDisk,
    HalfOpenPeers,
    ClockJump,
    FlippedBits,
    LostVolume,
    CutVolume,
    GarbledIndex,
)
