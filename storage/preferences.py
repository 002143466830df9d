"""How each person likes the pages: language, columns, saved views. Nothing of a patient's."""

from typing import Any

from sqlalchemy import Engine, delete, insert, select

from storage import tables as t
from storage.clock import utcnow
from storage.database import reading, writing


class Preferences:
    """One document a person, whom `kind` (account, oidc, key, local) and `name` make one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, kind: str, name: str) -> dict[str, Any]:
        """What was chosen; empty where nothing was."""
        mine = (t.preference.c.kind == kind) & (t.preference.c.name == name)
        with reading(self._engine) as connection:
            found = connection.execute(select(t.preference.c.chosen).where(mine)).scalar()
        return dict(found or {})

    def put(self, kind: str, name: str, chosen: dict[str, Any]) -> None:
        """Keep it in the place of what was; of two at once the last stays."""
        mine = (t.preference.c.kind == kind) & (t.preference.c.name == name)
        with writing(self._engine) as connection:
            connection.execute(delete(t.preference).where(mine))
            connection.execute(
                insert(t.preference).values(
                    kind=kind, name=name, chosen=chosen, updated_at=utcnow()
                )
            )
