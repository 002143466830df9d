"""What an authenticator (WebAuthn) is to sign: one challenge in a session, taken once."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.db.engine import writing

_VALID_FOR = timedelta(minutes=5)


class Challenges:
    """They stand in the session's row."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, hashed: str, challenge: str, now: datetime) -> None:
        """What an authenticator is to sign next in this session."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.session)
                .where(t.session.c.token_hash == hashed)
                .values(challenge=challenge, challenge_at=now)
            )

    def take(self, hashed: str, now: datetime) -> str:
        """The challenge of this session, once; empty where there is none of late."""
        mine = t.session.c.token_hash == hashed
        with writing(self._engine) as connection:
            row = connection.execute(
                select(t.session.c.challenge, t.session.c.challenge_at)
                .where(mine)
                .with_for_update()
            ).first()
            connection.execute(
                update(t.session).where(mine).values(challenge="", challenge_at=None)
            )
        if row is None or row.challenge_at is None or row.challenge_at <= now - _VALID_FOR:
            return ""
        return str(row.challenge)
