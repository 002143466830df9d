"""Sessions of people who signed in. The browser has the token, the database its hash."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine, delete, insert, select, update

from storage import tables as t
from storage.database import reading, writing
from storage.errors import MediViewError
from storage.roles import Role, known_roles

SessionKind = Literal["account", "oidc"]

_TOKEN_BYTES = 32
# A session that is in use is not written with each of its requests.
_TOUCH_EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Session:
    token_hash: str
    kind: SessionKind
    name: str
    roles: frozenset[Role]
    expires_at: datetime


def token_hash(token: str) -> str:
    """SHA-256 is enough: 256 random bits cannot be guessed, however fast one may try."""
    return hashlib.sha256(token.encode()).hexdigest()


class Sessions:
    """They end when idle for `idle`, and in any case after `lifetime`."""

    def __init__(self, engine: Engine, idle: timedelta, lifetime: timedelta) -> None:
        self._engine = engine
        self._idle = idle
        self._lifetime = lifetime

    def open(
        self, kind: SessionKind, name: str, roles: Iterable[Role], address: str, now: datetime
    ) -> tuple[str, Session]:
        """A new session and its token. What has expired is removed on the way."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        session = Session(token_hash(token), kind, name, frozenset(roles), now + self._lifetime)
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.session).where(
                    (t.session.c.expires_at <= now) | (t.session.c.last_seen_at <= now - self._idle)
                )
            )
            connection.execute(
                insert(t.session).values(
                    token_hash=session.token_hash,
                    kind=kind,
                    name=name,
                    roles=sorted(session.roles),
                    address=address,
                    created_at=now,
                    last_seen_at=now,
                    expires_at=session.expires_at,
                )
            )
        return token, session

    def find(self, hashed: str, now: datetime) -> Session | None:
        """The session, if it has neither expired nor been ended, with today's roles."""
        query = (
            select(t.session, t.account.c.roles.label("account_roles"), t.account.c.disabled)
            .outerjoin(
                t.account,
                (t.session.c.kind == "account") & (t.account.c.name == t.session.c.name),
            )
            .where(t.session.c.token_hash == hashed)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None or row["expires_at"] <= now or row["last_seen_at"] <= now - self._idle:
            return None
        of_account = row["kind"] == "account"
        if of_account and (row["account_roles"] is None or row["disabled"]):
            return None
        if now - row["last_seen_at"] > min(_TOUCH_EVERY, self._idle / 4):
            self._touch(hashed, now)
        roles = known_roles(row["account_roles"] if of_account else row["roles"])
        return Session(hashed, row["kind"], row["name"], roles, row["expires_at"])

    def end(self, hashed: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(t.session).where(t.session.c.token_hash == hashed))

    def _touch(self, hashed: str, now: datetime) -> None:
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    update(t.session)
                    .where(t.session.c.token_hash == hashed)
                    .values(last_seen_at=now)
                )
        except MediViewError:
            # A full disk must not keep people from reading; the next request tries again.
            return
