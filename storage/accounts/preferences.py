"""How each person likes the pages: language, columns, saved views. Nothing of a patient's."""

from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, insert, select

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.core.clock import utcnow
from storage.db.engine import reading, writing


class Preferences:
    """One document for each identity."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, who: Identity) -> dict[str, Any]:
        """What was chosen; empty where nothing was."""
        with reading(self._engine) as connection:
            found = connection.execute(select(t.preference.c.chosen).where(_of(who))).scalar()
        return dict(found or {})

    def put(self, who: Identity, chosen: dict[str, Any]) -> None:
        """Keep it in the place of what was; of two at once the last stays."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.preference).where(_of(who)))
            connection.execute(
                insert(t.preference).values(
                    kind=who.kind,
                    subject=who.unique_subject,
                    chosen=chosen,
                    updated_at=utcnow(),
                )
            )


def _of(who: Identity) -> ColumnElement[bool]:
    return (t.preference.c.kind == who.kind) & (t.preference.c.subject == who.unique_subject)
