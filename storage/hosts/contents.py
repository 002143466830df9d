"""What of the index lies on one host alone."""

import sys
from datetime import datetime

from sqlalchemy import Engine, and_, func, select

from storage import tables as t
from storage.db.engine import reading
from storage.hosts.entities import Host, is_on


class HostContents:
    """Each method raises StorageUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def uncopied_count(self, host: Host, *, up_to: int = sys.maxsize) -> int:
        """How many rows `up_to` that id lie on that host alone."""
        of_host = and_(t.NOT_UPLOADED, is_on(host, t.instance.c.volume), t.instance.c.id <= up_to)
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(t.instance).where(of_host)
            return int(connection.execute(query).scalar_one())

    def uncopied_conflicts(self, host: Host, *, up_to: int = sys.maxsize) -> int:
        """The same of what was kept aside there."""
        c = t.conflict.c
        of_host = and_(c.object_key == "", is_on(host, c.volume), c.id <= up_to)
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(t.conflict).where(of_host)
            return int(connection.execute(query).scalar_one())

    def alone(self, host: Host) -> str:
        """As `3 instances and 1 conflicts`; empty where there is nothing."""
        counts = self.uncopied_count(host), self.uncopied_conflicts(host)
        named = zip(counts, ("instances", "conflicts"), strict=True)
        return " and ".join(f"{count:,} {what}" for count, what in named if count)

    def is_missed(self, host: Host) -> bool:
        """Whether its silence is a fault: it did not end in order, or has what no other has."""
        return host.left_at is None or bool(self.alone(host))

    def uncopied_since(self, host: Host) -> datetime | None:
        """When the oldest instance or conflict was received that lies there alone, if any."""
        with reading(self._engine) as connection:
            oldest = (
                connection.scalar(
                    select(func.min(table.c.received_at)).where(
                        is_alone, is_on(host, table.c.volume)
                    )
                )
                for table, is_alone in (
                    (t.instance, t.NOT_UPLOADED),
                    (t.conflict, t.conflict.c.object_key == ""),
                )
            )
            return min((at for at in oldest if at is not None), default=None)
