"""Sessions that an identity provider ends (OpenID Connect Back-Channel Logout 1.0)."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete

from storage import tables as t
from storage.core.callers.identity import Identity
from storage.db.engine import insert_or_ignore, writing


@dataclass(frozen=True)
class ProviderLogout:
    """Who signed out there: a person, one session of it there, or one session alone."""

    issuer: str
    subject: str
    provider_session_id: str
    token_id: str
    """`jti`, which is the issuer's."""
    expires_at: datetime
    """Until then the same token could come once more."""


class ProviderLogouts:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def end(
        self,
        logout: ProviderLogout,
        now: datetime,
        note: Callable[[Connection, Identity, int], None],
    ) -> int | None:
        """End the sessions here; how many there were. None: the token came before.

        A session that began without the provider naming its own ends with any of its person.
        `note` writes down whose and how many, in the same transaction.
        """
        digest = hashlib.sha256(f"{logout.issuer} {logout.token_id}".encode()).hexdigest()
        with writing(self._engine) as connection:
            connection.execute(delete(t.logout_token).where(t.logout_token.c.expires_at <= now))
            noted = {"token_digest": digest, "expires_at": logout.expires_at}
            if not insert_or_ignore(connection, t.logout_token, noted):
                return None
            ended = connection.execute(
                delete(t.session)
                .where(_ends_by(logout))
                .returning(t.session.c.subject, t.session.c.name)
            ).all()
            people = Counter(
                Identity("oidc", one.subject, one.name, logout.issuer) for one in ended
            )
            for identity, count in people.items():
                note(connection, identity, count)
        return len(ended)


def _ends_by(logout: ProviderLogout) -> ColumnElement[bool]:
    session = t.session.c
    of_issuer = and_(session.kind == "oidc", session.issuer == logout.issuer)
    if not logout.provider_session_id:
        return and_(of_issuer, session.subject == logout.subject)
    if not logout.subject:
        return and_(of_issuer, session.provider_session_id == logout.provider_session_id)
    ids = (logout.provider_session_id, "")
    return and_(of_issuer, session.subject == logout.subject, session.provider_session_id.in_(ids))
