"""What nobody does and somebody has to hear of: what waits for too long, what is out of reach."""

from datetime import datetime, timedelta
from typing import Protocol

from storage.container.has import HasCircuitBreakers, HasEngine, HasPeers, HasSettings
from storage.deliveries.release import overdue_studies
from storage.processes.conditions import Condition, NodeConditions

_STUDIES_AT_MOST = 10_000
_OVERDUE, _UNREACHABLE = "release_overdue", "unreachable"


class WatchStorage(HasSettings, HasEngine, HasPeers, HasCircuitBreakers, Protocol):
    """What of the storage layer is watched for what waits too long."""

    @property
    def node_conditions(self) -> NodeConditions: ...


def watch_waiting(storage: WatchStorage, now: datetime) -> int:
    """Announce studies that wait for their release and destinations out of reach, each once.

    How many events came of it. Raises StorageUnavailable.
    """
    before = now - timedelta(seconds=storage.settings.release_overdue_s)
    overdue = [
        Condition(f"{_OVERDUE}:{study}", "study", {"change": _OVERDUE}, study)
        for study in overdue_studies(storage.engine, before, _STUDIES_AT_MOST)
    ]
    return storage.node_conditions.observe(_OVERDUE, overdue, now) + _watch_destinations(
        storage, now
    )


def _watch_destinations(storage: WatchStorage, now: datetime) -> int:
    before = now - timedelta(seconds=storage.settings.unreachable_after_s)
    known = {peer.name for peer in storage.peers.all()}
    gone = [
        one.destination
        for one in storage.circuit_breakers.all()
        if one.destination in known and one.since < before
    ]
    return storage.node_conditions.observe(
        _UNREACHABLE,
        [_destination(name, "unreachable") for name in gone],
        now,
        end_of=lambda name: _destination(name.partition(":")[2], "reachable"),
    )


def _destination(name: str, change: str) -> Condition:
    return Condition(f"{_UNREACHABLE}:{name}", "node", {"change": change, "destination": name})
