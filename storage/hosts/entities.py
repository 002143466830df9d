"""A host that stores in a data folder of its own, and what it last stated of itself."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Column, ColumnElement, or_

from storage.volumes.files import translated_os_errors
from storage.volumes.host_id import NAMED_BY_HOST

ALIVE_WITHIN = timedelta(minutes=2)
CLOCK_AGREES_WITHIN_S = 300.0
SIGNED_WITHIN_S = 900.0
"""S3 refuses what was signed by a clock that is further off."""


@dataclass(frozen=True)
class Host:
    host_id: str
    name: str
    is_first: bool
    seen_at: datetime
    """By the database's clock, which all hosts share."""
    silent_for: timedelta
    clock_ahead_s: float
    """How far its clock was ahead of the database's then; negative where it was behind."""
    free_bytes: int | None = None
    """Where its volumes are; unknown of one that runs a version before 0138."""
    free_disk_mark_bytes: int | None = None
    """Below so much free space it receives nothing."""
    left_at: datetime | None = None
    """When the last of its processes ended in order, by the database's clock."""

    @property
    def is_alive(self) -> bool:
        return abs(self.silent_for) < ALIVE_WITHIN

    @property
    def state(self) -> str:
        """In a word, for people."""
        if self.left_at is not None:
            return "stopped"
        return "there" if self.is_alive else "away"

    @property
    def has_right_clock(self) -> bool:
        return abs(self.clock_ahead_s) < CLOCK_AGREES_WITHIN_S

    @property
    def is_signing_in_vain(self) -> bool:
        return abs(self.clock_ahead_s) >= SIGNED_WITHIN_S

    @property
    def is_full(self) -> bool:
        """Whether it refused what it would have received, when it was last there."""
        return (
            self.free_bytes is not None
            and self.free_disk_mark_bytes is not None
            and self.free_bytes < self.free_disk_mark_bytes
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.host_id})"


def room_of_disk(folder: Path, free_disk_mark_bytes: int) -> dict[str, int]:
    """What a host states of the disk of its volumes. Raises StorageUnavailable."""
    with translated_os_errors(folder):
        status = os.statvfs(folder)
    return {
        "free_bytes": status.f_bavail * status.f_frsize,
        "free_disk_mark_bytes": free_disk_mark_bytes,
    }


def is_on(host: Host, volume: Column[str]) -> ColumnElement[bool]:
    named = volume.like(f"%-{host.host_id}-%")
    return or_(named, ~volume.like(NAMED_BY_HOST)) if host.is_first else named
