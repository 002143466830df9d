"""Whether archives are left alone for now, in all processes."""

from datetime import datetime

from sqlalchemy import Engine, delete, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_or_ignore, reading, writing

_ONE = 1


class PriorPause:
    """While it lasts, only what a person asks for is fetched."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self) -> datetime | None:
        with reading(self._engine) as connection:
            return connection.execute(select(t.prior_pause.c.since)).scalar()

    def begin(self) -> None:
        with writing(self._engine) as connection:
            insert_or_ignore(connection, t.prior_pause, {"pause_id": _ONE, "since": utcnow()})

    def end(self) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(t.prior_pause))
