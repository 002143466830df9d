"""What the self-test of each host found: one row a part."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select

from storage import tables as t
from storage.db.engine import insert_or_update, reading, writing


@dataclass(frozen=True)
class Component:
    """A part after its test: `detail` says what was seen, `remedy` what to do where it failed."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class Components:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, host: str, components: Iterable[Component], now: datetime) -> None:
        """Replace what is known of a host."""
        rows = [
            {
                "host": host,
                "name": one.name,
                "ok": one.ok,
                "detail": one.detail,
                "remedy": one.remedy,
                "at": now,
            }
            for one in components
        ]
        with writing(self._engine) as connection:
            connection.execute(delete(t.component).where(t.component.c.host == host))
            insert_or_update(connection, t.component, rows, ["host", "name"])

    def failed(self) -> list[tuple[str, Component]]:
        """Each part that failed with the host where it did, by host and name."""
        c = t.component.c
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(c.host, c.name, c.ok, c.detail, c.remedy)
                .where(~c.ok)
                .order_by(c.host, c.name)
            )
            return [(host, Component(*values)) for host, *values in rows]
