"""What processes found at their GPUs, for those who cannot ask the GPU: the API has none."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select

from storage import tables as t
from storage.db.engine import insert_or_update, reading, writing

NOTED_EVERY = timedelta(minutes=2)
"""Where nothing has changed."""
_VALID_FOR = timedelta(minutes=5)
_FORGOTTEN_AFTER = timedelta(hours=1)
_CHANGE = 0.01


@dataclass(frozen=True)
class GpuMemory:
    """Of one device, as CUDA numbers them for one process."""

    device: int
    name: str
    free_bytes: int
    """What jobs of this process may use: what nobody has, and what it has without using it."""
    total_bytes: int
    reserved_bytes: int
    """What this process has for itself, used or not."""


@dataclass(frozen=True)
class ProcessGpuMemory:
    """`owner` is that of leases: its host, its number, and what no other process has."""

    owner: str
    host: str
    process: str
    memory: GpuMemory


class GpuMemoryNotes:
    """Those of one process. A commit wakes those who wait for work, so they are few."""

    def __init__(self, engine: Engine, owner: str, host: str, process: str) -> None:
        self._engine = engine
        self._of = {"owner": owner, "host": host, "process": process}
        self._noted: tuple[GpuMemory, ...] = ()
        self._noted_at: datetime | None = None

    def note(self, found: Sequence[GpuMemory], now: datetime) -> None:
        """Raises StorageUnavailable."""
        if not found or not self._is_news(found, now):
            return
        rows = [self._of | asdict(one) | {"at": now} for one in found]
        with writing(self._engine) as connection:
            forgotten = t.gpu_memory.c.at < now - _FORGOTTEN_AFTER
            connection.execute(delete(t.gpu_memory).where(forgotten))
            insert_or_update(connection, t.gpu_memory, rows, ["owner", "device"])
        self._noted, self._noted_at = tuple(found), now

    def forget(self) -> None:
        """Of a process that ends in order. Raises StorageUnavailable."""
        if self._noted:
            with writing(self._engine) as connection:
                mine = t.gpu_memory.c.owner == self._of["owner"]
                connection.execute(delete(t.gpu_memory).where(mine))

    def _is_news(self, found: Sequence[GpuMemory], now: datetime) -> bool:
        if self._noted_at is None or abs(now - self._noted_at) >= NOTED_EVERY:
            return True
        if len(found) != len(self._noted):
            return True
        return any(
            max(
                abs(one.free_bytes - before.free_bytes),
                abs(one.reserved_bytes - before.reserved_bytes),
            )
            > _CHANGE * one.total_bytes
            for one, before in zip(found, self._noted, strict=True)
        )


def gpu_memory(engine: Engine, now: datetime) -> list[ProcessGpuMemory]:
    """What running processes noted lately; one that was killed is left out after minutes.

    Raises StorageUnavailable.
    """
    lately = t.gpu_memory.c.at > now - _VALID_FOR
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.gpu_memory).where(lately).order_by(t.gpu_memory.c.owner, t.gpu_memory.c.device)
        ).all()
    return [
        ProcessGpuMemory(
            row.owner,
            row.host,
            row.process,
            GpuMemory(row.device, row.name, row.free_bytes, row.total_bytes, row.reserved_bytes),
        )
        for row in rows
    ]
