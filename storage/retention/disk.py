"""How much room the disk has, when it will be full, and from which marks on something happens."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select

from storage import tables as t
from storage.db.engine import insert_or_ignore, reading, writing
from storage.settings import Settings

_SAMPLE_EVERY = timedelta(hours=1)
_LOOK_BACK = timedelta(days=7)
# Less says nothing of the days to come.
_LEAST_SPAN = timedelta(hours=6)
_WARN_SHARE = 0.15
_EVICT_SHARE = 0.10
_WARN_MARKS = 3
_EVICT_MARKS = 2


@dataclass(frozen=True)
class DiskMarks:
    """Free bytes below which a warning is given, studies leave early, nothing is received."""

    warn_bytes: int
    evict_bytes: int
    refuse_bytes: int

    @classmethod
    def of(cls, settings: Settings, disk_bytes: int) -> "DiskMarks":
        """`disk_bytes`: the size of the disk, of which the defaults are shares."""
        refuse = settings.free_disk_mark_bytes
        return cls(
            settings.disk_warn_bytes or max(int(disk_bytes * _WARN_SHARE), _WARN_MARKS * refuse),
            settings.disk_evict_bytes or max(int(disk_bytes * _EVICT_SHARE), _EVICT_MARKS * refuse),
            refuse,
        )


@dataclass(frozen=True)
class DiskForecast:
    filled_bytes_per_day: float
    """Negative: it gets emptier."""
    full_at: datetime | None
    """When nothing is received any more, if it goes on like that; none: it does not fill."""


class DiskSamples:
    """Free space of this host's data folder over the last days."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._host = socket.gethostname()[:255]

    def note(self, now: datetime, free_bytes: int) -> None:
        """Once an hour."""
        sample = t.disk_sample.c
        with reading(self._engine) as connection:
            last = connection.execute(
                select(sample.at)
                .where(sample.host == self._host)
                .order_by(sample.at.desc())
                .limit(1)
            ).scalar()
        # A clock that was set back must not stop it.
        if last is not None and timedelta() <= now - last < _SAMPLE_EVERY:
            return
        with writing(self._engine) as connection:
            row = {"host": self._host, "at": now, "free_bytes": free_bytes}
            insert_or_ignore(connection, t.disk_sample, row)
            connection.execute(
                delete(t.disk_sample).where((sample.at < now - 2 * _LOOK_BACK) | (sample.at > now))
            )

    def forecast(self, now: datetime, free_bytes: int, refuse_bytes: int) -> DiskForecast | None:
        """By the trend of the last days; none where too little is known of them."""
        sample = t.disk_sample.c
        with reading(self._engine) as connection:
            first = connection.execute(
                select(sample.at, sample.free_bytes)
                .where(sample.host == self._host, sample.at >= now - _LOOK_BACK, sample.at <= now)
                .order_by(sample.at)
                .limit(1)
            ).first()
        if first is None or now - first.at < _LEAST_SPAN:
            return None
        per_day = (first.free_bytes - free_bytes) / ((now - first.at) / timedelta(days=1))
        if per_day <= 0:
            return DiskForecast(per_day, None)
        days = max(free_bytes - refuse_bytes, 0) / per_day
        return DiskForecast(per_day, now + timedelta(days=min(days, 36_500.0)))
