"""What is wrong with the node at the moment: each is announced once when it begins, and ends.

Several processes look at the same; the row of a condition decides which of them announces it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from storage import tables as t
from storage.core.entities import EventTopic
from storage.db.engine import insert_or_ignore, reading, writing
from storage.events.repository import add_event


@dataclass(frozen=True)
class Condition:
    """`name` begins with the kind, as in `health:disk`; the rest is the event that announces it."""

    name: str
    topic: EventTopic
    payload: Mapping[str, Any]
    study_instance_uid: str = ""


def _silent(_: str) -> Condition | None:
    return None


class NodeConditions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def observe(
        self,
        kind: str,
        found: Sequence[Condition],
        now: datetime,
        *,
        after_s: float = 0.0,
        end_of: Callable[[str], Condition | None] = _silent,
    ) -> int:
        """Note which conditions of a kind there are now, all of them; how many events came of it.

        One is announced once it has lasted for `after_s`. `end_of`: by the name of one that has
        gone, the event of its end. Raises StorageUnavailable.
        """
        of_kind = t.node_condition.c.name.startswith(f"{kind}:", autoescape=True)
        with reading(self._engine) as connection:
            known = {
                row.name: row
                for row in connection.execute(select(t.node_condition).where(of_kind)).all()
            }
        present = {one.name: one for one in found}
        before = now - timedelta(seconds=after_s)
        fresh = [name for name in present if name not in known]
        lasting = [
            one
            for name, one in present.items()
            if (known[name].since if name in known else now) <= before
            and not (name in known and known[name].is_announced)
        ]
        gone = [name for name in known if name not in present]
        if not fresh and not lasting and not gone:
            return 0
        with writing(self._engine) as connection:
            for name in fresh:
                row = {"name": name, "since": now, "is_announced": False}
                insert_or_ignore(connection, t.node_condition, row)
            announced = sum(_begin(connection, one, now) for one in lasting)
            return announced + sum(_end(connection, name, end_of(name), now) for name in gone)


def _begin(connection: Connection, condition: Condition, now: datetime) -> bool:
    table = t.node_condition
    first = connection.execute(
        update(table)
        .where(table.c.name == condition.name, ~table.c.is_announced)
        .values(is_announced=True)
    )
    if first.rowcount:
        _announce(connection, condition, now)
    return bool(first.rowcount)


def _end(connection: Connection, name: str, end: Condition | None, now: datetime) -> bool:
    table = t.node_condition
    row = connection.execute(
        delete(table).where(table.c.name == name).returning(table.c.is_announced)
    ).first()
    if row is None or not row.is_announced or end is None:
        return False
    _announce(connection, end, now)
    return True


def _announce(connection: Connection, condition: Condition, now: datetime) -> None:
    add_event(
        connection,
        now,
        condition.topic,
        condition.study_instance_uid,
        payload=condition.payload,
    )
