"""The numbers of deletions of all hosts that have disks of their own."""

from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.db.engine import insert_into, reading, writing


class DeletionNumbers:
    """The newest number of a deletion, for hosts that count in folders of their own.

    Each host's counter follows it (`storage.volumes.deletion_counter`) and is never ahead of it, so
    that a deletion covers the records of all. Each raises StorageUnavailable.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self) -> int:
        with reading(self._engine) as connection:
            return connection.execute(select(t.deletion_number.c.number)).scalar() or 0

    def draw(self, least: int) -> int:
        """A new one, above `least`."""
        return self._raise(least, 1)

    def reach(self, number: int) -> int:
        """Let it be that at least; what it is."""
        return self._raise(number, 0)

    def _raise(self, least: int, by: int) -> int:
        known = t.deletion_number.c.number
        with writing(self._engine) as connection:
            first = insert_into(connection, t.deletion_number).values(id=1, number=least + by)
            raised = first.on_conflict_do_update(
                index_elements=["id"], set_={"number": func.greatest(known, least) + by}
            )
            return int(connection.execute(raised.returning(known)).scalar_one())
