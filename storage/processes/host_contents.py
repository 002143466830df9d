"""What of the index lies on one host alone."""

import sys
from datetime import datetime

from sqlalchemy import Engine, and_, func, select

from storage import tables as t
from storage.db.engine import reading
from storage.processes.host import Host, is_on


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

    def is_missed(self, host: Host) -> bool:
        """Whether its silence is a fault: it did not end in order, or has what no other has."""
        has_left = host.left_at is not None
        return not has_left or bool(self.uncopied_count(host) or self.uncopied_conflicts(host))

    def uncopied_since(self, host: Host) -> datetime | None:
        """When the oldest of these rows was received; None where there is none."""
        of_host = and_(t.NOT_UPLOADED, is_on(host, t.instance.c.volume))
        with reading(self._engine) as connection:
            found: datetime | None = connection.scalar(
                select(func.min(t.instance.c.received_at)).where(of_host)
            )
        return found
