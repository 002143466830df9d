"""Sessions of people who signed in. The browser has the token, the database its hash."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Engine,
    RowMapping,
    delete,
    exists,
    insert,
    select,
    update,
)

from storage import tables as t
from storage.core.callers.identity import Identity, of_account
from storage.core.callers.roles import Role, known_roles
from storage.core.errors import MediViewError
from storage.db.engine import among_texts, reading, writing

_TOKEN_BYTES = 32
# A session that is in use is not written with each of its requests.
_TOUCH_EVERY = timedelta(seconds=60)
# A sign-in that is not completed in this time begins again.
_UNFINISHED_FOR = timedelta(minutes=10)

SignInStep = Literal["", "second_factor", "password", "enrolment"]
"""What somebody with the right password must still do: show the second factor, choose another
password than the initial one, set a second factor up. Empty: nothing."""


@dataclass(frozen=True)
class Session:
    token_hash: str
    identity: Identity
    roles: frozenset[Role]
    expires_at: datetime
    confirmed_at: datetime | None = None
    """When the person last showed in this session who it is."""
    step: SignInStep = ""
    groups: tuple[str, ...] = ()
    """That the identity provider named."""


@dataclass(frozen=True)
class SessionEntry:
    """One line of a person's own list."""

    session_id: str
    token_hash: str
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


def new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> str:
    """SHA-256 is enough: 256 random bits cannot be guessed, however fast one may try."""
    return hashlib.sha256(token.encode()).hexdigest()


_WITH_ACCOUNTS = select(
    t.session,
    t.account.c.roles.label("account_roles"),
    t.account.c.disabled,
    t.account.c.must_change_password,
    exists()
    .where(
        t.second_factor.c.account == t.account.c.name,
        t.second_factor.c.confirmed_at.is_not(None),
    )
    .label("has_second_factor"),
).outerjoin(
    t.account,
    (t.session.c.kind == "account") & (t.account.c.name == t.session.c.subject),
)


class Sessions:
    """They end when idle for `idle`, and in any case after `lifetime`.

    Accounts with one of `second_factor_roles` have to set a second factor up; those who have
    one have to show it, whatever their roles.
    """

    def __init__(
        self,
        engine: Engine,
        idle: timedelta,
        lifetime: timedelta,
        second_factor_roles: Iterable[Role] = (),
    ) -> None:
        self._engine = engine
        self._idle = idle
        self._lifetime = lifetime
        self._second_factor_roles = frozenset(second_factor_roles)

    def open(
        self,
        identity: Identity,
        roles: Iterable[Role],
        address: str,
        now: datetime,
        user_agent: str = "",
        groups: tuple[str, ...] = (),
        provider_session_id: str = "",
    ) -> tuple[str, Session]:
        """A new session and its token. What has expired is removed on the way.

        `provider_session_id`: of the session at the identity provider, which ends this one.
        """
        token = new_token()
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
                    provider_session_id=provider_session_id,
                    name=identity.name,
                    roles=sorted(session.roles),
                    groups=list(groups),
                    address=address,
                    user_agent=user_agent[:255],
                    created_at=now,
                    last_seen_at=now,
                    expires_at=session.expires_at,
                )
            )
        return token, session

    def find(self, hashed: str, now: datetime, *, is_use: bool = True) -> Session | None:
        """The session, if it has neither expired nor been ended, with today's roles.

        What is no use of it by a person does not keep it from ending for idleness.
        """
        with reading(self._engine) as connection:
            query = _WITH_ACCOUNTS.where(t.session.c.token_hash == hashed)
            row = connection.execute(query).mappings().first()
        found = None if row is None else self._open(row, now)
        if row is None or found is None:
            return None
        # Seen in the future: the clock was set back, and idleness counts from now on.
        is_recent = timedelta() <= now - row["last_seen_at"] <= min(_TOUCH_EVERY, self._idle / 4)
        if is_use and not is_recent:
            self._touch(hashed, now)
        return found

    def open_among(self, hashes: Collection[str], now: datetime) -> dict[str, Session]:
        """Those of these that are open, by their hash; looking is no use of them."""
        with reading(self._engine) as connection:
            query = _WITH_ACCOUNTS.where(among_texts(connection, t.session.c.token_hash, hashes))
            rows = connection.execute(query).mappings().all()
        found = [self._open(row, now) for row in rows]
        return {one.token_hash: one for one in found if one is not None}

    def _open(self, row: RowMapping, now: datetime) -> Session | None:
        """The session of a row of `_WITH_ACCOUNTS`; None: it has ended."""
        if row["expires_at"] <= now or row["last_seen_at"] <= now - self._idle:
            return None
        is_account = row["kind"] == "account"
        if is_account and (row["account_roles"] is None or row["disabled"]):
            return None
        roles = known_roles(row["account_roles"] if is_account else row["roles"])
        step = self._step(row, roles) if is_account else ""
        if step and row["created_at"] <= now - _UNFINISHED_FOR:
            return None
        return Session(
            row["token_hash"],
            of_account(row["subject"])
            if is_account
            else Identity(row["kind"], row["subject"], row["name"], row["issuer"]),
            roles,
            row["expires_at"],
            row["confirmed_at"],
            step,
            tuple(row["groups"]),
        )

    def _step(self, row: RowMapping, roles: frozenset[Role]) -> SignInStep:
        if row["has_second_factor"] and row["second_factor_at"] is None:
            return "second_factor"
        if row["must_change_password"]:
            return "password"
        if not row["has_second_factor"] and not roles.isdisjoint(self._second_factor_roles):
            return "enrolment"
        return ""

    def pass_second_factor(self, hashed: str, now: datetime) -> str | None:
        """The person has shown the second factor: the token by which the session goes on.

        The one before counts no more (ASVS 5.0 7.2.4). None where there is no such session.
        """
        token = new_token()
        with writing(self._engine) as connection:
            passed = connection.execute(
                update(t.session)
                .where(t.session.c.token_hash == hashed, t.session.c.expires_at > now)
                .values(token_hash=token_hash(token), second_factor_at=now)
                .returning(t.session.c.token_hash)
            ).first()
        return token if passed is not None else None

    def all_of(self, identity: Identity, now: datetime) -> list[SessionEntry]:
        """Those that have not ended, the one used last first."""
        query = (
            select(t.session)
            .where(*sessions_of(identity), *self._open_at(now))
            .order_by(t.session.c.last_seen_at.desc())
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [
            SessionEntry(
                session_id=_public_id(row["token_hash"]),
                token_hash=row["token_hash"],
                address=row["address"],
                user_agent=row["user_agent"],
                created_at=row["created_at"],
                last_seen_at=row["last_seen_at"],
                expires_at=row["expires_at"],
            )
            for row in rows
        ]

    def end_of(self, identity: Identity, hashes: Iterable[str]) -> int:
        """End these sessions of that identity; how many there were."""
        with writing(self._engine) as connection:
            ended = connection.execute(
                delete(t.session)
                .where(*sessions_of(identity), t.session.c.token_hash.in_(list(hashes)))
                .returning(t.session.c.token_hash)
            )
            return len(ended.all())

    def end_all_of_subject(self, kind: str, subject: str) -> int:
        """End those of an account, or of a provider's person, by the subject; how many."""
        return self._end(t.session.c.kind == kind, t.session.c.subject == subject)

    def end_everybodys(self) -> int:
        return self._end()

    def _end(self, *which: ColumnElement[bool]) -> int:
        with writing(self._engine) as connection:
            ended = connection.execute(
                delete(t.session).where(*which).returning(t.session.c.token_hash)
            )
            return len(ended.all())

    def _open_at(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return (t.session.c.expires_at > now, t.session.c.last_seen_at > now - self._idle)

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


def _public_id(hashed: str) -> str:
    """By which a person names a session; opens nothing, as the hash itself does not."""
    return hashed[:16]


def sessions_of(identity: Identity) -> tuple[ColumnElement[bool], ...]:
    return (
        t.session.c.kind == identity.kind,
        t.session.c.issuer == identity.issuer,
        t.session.c.subject == identity.subject,
    )
