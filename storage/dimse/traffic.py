"""How much went over DICOM associations, by operation and peer, for /metrics.

Every process adds what it counted since the last time, so that whichever process is asked
tells of all, on whatever machine they run. A process that is killed loses some seconds.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import NamedTuple

from sqlalchemy import Engine, select

from storage import tables as t
from storage.db.engine import insert_into, reading, writing
from storage.tables.exchange.dimse import TRAFFIC_BOUNDS_S

__all__ = [
    "TRAFFIC_BOUNDS_S",
    "UNKNOWN_PEER",
    "Traffic",
    "TrafficKey",
    "add_traffic",
    "read_traffic",
]

UNKNOWN_PEER = "unknown"
"""Stands for everybody who is no known peer: names that strangers give are no labels."""


class TrafficKey(NamedTuple):
    operation: str
    """C-STORE and so on, or `association`."""
    peer: str
    """The name of a known peer, or UNKNOWN_PEER."""
    outcome: str


@dataclass
class Traffic:
    """Sums since a process began to count; times in seconds."""

    requests: int = 0
    instances: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    within: list[int] = field(default_factory=lambda: [0] * len(TRAFFIC_BOUNDS_S))
    """How many took at most as long as each of TRAFFIC_BOUNDS_S."""

    def add(self, seconds: float, instances: int = 0, size_bytes: int = 0) -> None:
        """Count one request."""
        self.requests += 1
        self.instances += instances
        self.size_bytes += size_bytes
        self.seconds += seconds
        for number, bound in enumerate(TRAFFIC_BOUNDS_S):
            if seconds <= bound:
                self.within[number] += 1


_NUMBERS = ("requests", "instances", "size_bytes", "seconds")
_WITHIN = tuple(f"within_{number}" for number in range(1, len(TRAFFIC_BOUNDS_S) + 1))


def add_traffic(engine: Engine, counted: Mapping[TrafficKey, Traffic]) -> None:
    """Add to what is on record. Raises StorageUnavailable."""
    if not counted:
        return
    insert = insert_into(engine, t.dimse_traffic)
    sums = {name: t.dimse_traffic.c[name] + insert.excluded[name] for name in (*_NUMBERS, *_WITHIN)}
    statement = insert.on_conflict_do_update(index_elements=TrafficKey._fields, set_=sums)
    with writing(engine) as connection:
        # In one order everywhere, so that two processes never wait for each other.
        for key, one in sorted(counted.items(), key=lambda item: item[0]):
            *numbers, within = astuple(one)
            values = dict(zip((*_NUMBERS, *_WITHIN), (*numbers, *within), strict=True))
            connection.execute(statement.values(**key._asdict(), **values))


def read_traffic(engine: Engine) -> dict[TrafficKey, Traffic]:
    """All that was ever counted. Raises StorageUnavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(t.dimse_traffic)).mappings().all()
    return {
        TrafficKey(row["operation"], row["peer"], row["outcome"]): Traffic(
            row["requests"],
            row["instances"],
            row["size_bytes"],
            row["seconds"],
            [row[name] for name in _WITHIN],
        )
        for row in rows
    }
