"""Every fault there is."""

from tests.chaos.damage import CutVolume, FlippedBits, GarbledIndex, LostVolume
from tests.chaos.disk import (
    DiskAtMark,
    FullDisk,
    ReadErrors,
    ReadOnlyDisk,
    SlowDisk,
    WriteErrors,
)
from tests.chaos.faults import (
    BucketAway,
    ClockJump,
    CrashPostgres,
    DroppedConnections,
    Fault,
    HalfOpenPeers,
    KillApi,
    KillBeat,
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
    KillBeat,
    KillEverything,
    StopAndContinue,
    CrashPostgres,
    BucketAway,
    KillRedis,
    SilentDestination,
    FullDisk,
    DiskAtMark,
    ReadOnlyDisk,
    WriteErrors,
    ReadErrors,
    SlowDisk,
    HalfOpenPeers,
    DroppedConnections,
    ClockJump,
    FlippedBits,
    LostVolume,
    CutVolume,
    GarbledIndex,
)
