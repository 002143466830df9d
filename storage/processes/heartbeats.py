"""Signs of life of the node's processes."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from storage import tables as t
from storage.core.clock import CLOCKS_AGREE_WITHIN_S
from storage.db.engine import reading, writing

_ALIVE_WITHIN = timedelta(seconds=CLOCKS_AGREE_WITHIN_S)
HANDLED = "tick"
"""The name under which the control worker says that it handled a tick of the clock."""


class Heartbeats:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, name: str, now: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(t.heartbeat).where(t.heartbeat.c.name == name))
            connection.execute(insert(t.heartbeat).values(name=name, at=now))

    def last(self, name: str) -> datetime | None:
        """When the process last reported that it lives; None when it never did."""
        with reading(self._engine) as connection:
            return connection.execute(
                select(t.heartbeat.c.at).where(t.heartbeat.c.name == name)
            ).scalar()

    def is_alive(self, name: str, now: datetime) -> bool:
        """Whether a process gave a sign of life within the last half minute.

        One of the future is none: the clock was set back since, or it is another machine's.
        """
        last = self.last(name)
        return last is not None and abs(now - last) < _ALIVE_WITHIN
