"""Sessions of people who signed in. The browser has the token, the database its hash."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update

from storage import tables as t
from storage.core.errors import MediViewError
from storage.core.identity import Identity
from storage.core.roles import Role, known_roles
from storage.db.engine import reading, writing

_TOKEN_BYTES = 32
# A session that is in use is not written with each of its requests.
_TOUCH_EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Session:
    token_hash: str
    identity: Identity
    roles: frozenset[Role]
    expires_at: datetime
    confirmed_at: datetime | None = None
    """When the person last showed in this session who it is."""


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
        self, identity: Identity, roles: Iterable[Role], address: str, now: datetime
    ) -> tuple[str, Session]:
        """A new session and its token. What has expired is removed on the way."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        session = Session(token_hash(token), identity, frozenset(roles), now + self._lifetime)
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.session).where(
                    (t.session.c.expires_at <= now) | (t.session.c.last_seen_at <= now - self._idle)
                )
            )
            connection.execute(
                insert(t.session).values(
                    token_hash=session.token_hash,
                    kind=identity.kind,
                    issuer=identity.issuer,
                    subject=identity.subject,
                    name=identity.name,
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
                (t.session.c.kind == "account") & (t.account.c.name == t.session.c.subject),
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
        # Seen in the future: the clock was set back, and idleness counts from now on.
        if not timedelta() <= now - row["last_seen_at"] <= min(_TOUCH_EVERY, self._idle / 4):
            self._touch(hashed, now)
        roles = known_roles(row["account_roles"] if of_account else row["roles"])
        identity = Identity(row["kind"], row["subject"], row["name"], row["issuer"])
        return Session(hashed, identity, roles, row["expires_at"], row["confirmed_at"])

    def confirm(self, hashed: str, identity: Identity, now: datetime) -> bool:
        """The person has just shown who it is; False where the session is not of that identity."""
        with writing(self._engine) as connection:
            confirmed = connection.execute(
                update(t.session)
                .where(
                    t.session.c.token_hash == hashed,
                    t.session.c.kind == identity.kind,
                    t.session.c.issuer == identity.issuer,
                    t.session.c.subject == identity.subject,
                    t.session.c.expires_at > now,
                )
                .values(confirmed_at=now)
                .returning(t.session.c.token_hash)
            ).first()
        return confirmed is not None

    def is_confirmed(self, hashed: str, since: datetime) -> bool:
        """Whether the person has shown who it is, after that time and in this session."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(t.session.c.token_hash).where(*_confirmed(hashed, since))
            )
            return found.first() is not None

    def use_confirmation(self, hashed: str, since: datetime) -> bool:
        """Take the confirmation away for one use; False where there is none since that time."""
        with writing(self._engine) as connection:
            used = connection.execute(
                update(t.session)
                .where(*_confirmed(hashed, since))
                .values(confirmed_at=None)
                .returning(t.session.c.token_hash)
            )
            return used.first() is not None

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


def _confirmed(hashed: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (t.session.c.token_hash == hashed, t.session.c.confirmed_at > since)
