"""Persons who have just shown again, in an open session, who they are."""

from datetime import datetime

from sqlalchemy import ColumnElement, Engine, select, update

from storage import tables as t
from storage.accounts.sessions import new_token, sessions_of, token_hash
from storage.core.callers.identity import Identity
from storage.db.engine import reading, writing


class Confirmations:
    """One for each session: its time stands in the session's row."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def confirm(
        self, hashed: str, identity: Identity, now: datetime, provider_session_id: str = ""
    ) -> str | None:
        """The person has just shown who it is: the token by which the session goes on.

        The one before counts no more (ASVS 5.0 7.2.4). None where the session is not of that
        identity. `provider_session_id`: another one, which the provider has begun by it.
        """
        token = new_token()
        begun = {"provider_session_id": provider_session_id} if provider_session_id else {}
        with writing(self._engine) as connection:
            confirmed = connection.execute(
                update(t.session)
                .where(
                    t.session.c.token_hash == hashed,
                    *sessions_of(identity),
                    t.session.c.expires_at > now,
                )
                .values(token_hash=token_hash(token), confirmed_at=now, **begun)
                .returning(t.session.c.token_hash)
            ).first()
        return token if confirmed is not None else None

    def is_confirmed(self, hashed: str, since: datetime) -> bool:
        """Whether the person has shown who it is, after that time and in this session."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.session.c.token_hash).where(*_confirmed(hashed, since))
            )
            return found.first() is not None

    def use(self, hashed: str, since: datetime) -> bool:
        """Take the confirmation away for one use; False where there is none since that time."""
        with writing(self._engine) as connection:
            used = connection.execute(
                update(t.session)
                .where(*_confirmed(hashed, since))
                .values(confirmed_at=None)
                .returning(t.session.c.token_hash)
            )
            return used.first() is not None


def _confirmed(hashed: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (t.session.c.token_hash == hashed, t.session.c.confirmed_at > since)
