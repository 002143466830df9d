"""Keys of programs: shown once, kept as a hash, with roles, scopes and an end."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import tables as t
from storage.accounts.shown_names import may_be_of
from storage.core.callers.roles import (
    AccessScope,
    Role,
    checked_roles,
    checked_scopes,
    known_roles,
    known_scopes,
)
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError, NotFound, UidConflict
from storage.db.engine import among_texts, reading, writing
from storage.webhooks.owner_ends import KEY_REVOKED, Note, end_subscriptions_of, note_nowhere

PREFIX = "mvk_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,79}")
_SECRET_BYTES = 32
_TOUCH_EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class ApiKey:
    key_id: str
    name: str
    roles: frozenset[Role]
    scopes: frozenset[AccessScope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ApiKeys:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        name: str,
        roles: Iterable[str],
        scopes: Iterable[str],
        *,
        created_by: str,
        expires_at: datetime | None,
    ) -> tuple[ApiKey, str]:
        """A new key, and the one text by which it is used; that cannot be had again.

        Raises InvalidRequest, or UidConflict where the name is taken, be it by an account, or may
        be read as that of an account's person.
        """
        name, now = name.strip(), utcnow()
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "The key's name is not valid.",
                remedy="Use up to 80 letters, digits, spaces and . _ @ - of ASCII.",
            )
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest(
                "The key would have expired before it is made.", remedy="Choose a later end."
            )
        key_id = secrets.token_hex(6)
        text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        values = {
            "key_id": key_id,
            "name": name,
            "secret_hash": _hash(text),
            "roles": sorted(checked_roles(roles)),
            "scopes": sorted(checked_scopes(scopes)),
            "created_by": created_by,
            "created_at": now,
            "expires_at": expires_at,
        }
        try:
            with writing(self._engine) as connection:
                _check_no_account_has(connection, name)
                connection.execute(insert(t.api_key).values(**values))
        except IntegrityError as error:
            raise UidConflict(
                f"There is a key '{name}' already, perhaps a revoked one.",
                remedy="Choose another name, so that the audit trail stays plain.",
            ) from error
        return self.get(key_id), text

    def all(self) -> list[ApiKey]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.api_key).order_by(t.api_key.c.created_at))
            return [_from_row(dict(row)) for row in rows.mappings()]

    def get(self, id_or_name: str) -> ApiKey:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(_named(id_or_name)).mappings().first()
        if row is None:
            raise NotFound(
                f"There is no key '{id_or_name}'.", remedy="`mediview keys list` names all of them."
            )
        return _from_row(dict(row))

    def of_ids(self, key_ids: Collection[str]) -> dict[str, ApiKey]:
        """Those of these that are there, also expired and revoked ones, by their id."""
        with reading(self._engine) as connection:
            query = select(t.api_key).where(among_texts(connection, t.api_key.c.key_id, key_ids))
            rows = connection.execute(query).mappings().all()
        return {row["key_id"]: _from_row(dict(row)) for row in rows}

    def find(self, text: str, now: datetime) -> ApiKey | None:
        """The key that this text is, unless it has expired or was revoked."""
        key_id, _, _ = text.removeprefix(PREFIX).partition("_")
        if not text.startswith(PREFIX) or not key_id or len(text) > 200:
            return None
        query = select(t.api_key).where(t.api_key.c.key_id == key_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None or not hmac.compare_digest(row["secret_hash"], _hash(text)):
            return None
        key = _from_row(dict(row))
        if not key.is_valid(now):
            return None
        if key.last_used_at is None or now - key.last_used_at > _TOUCH_EVERY:
            self._touch(key_id, now)
        return key

    def revoke(self, id_or_name: str, now: datetime, note: Note = note_nowhere) -> ApiKey:
        """It counts no more; its row stays for the audit trail. Raises NotFound.

        `note`: of webhooks that are paused with it.
        """
        key = self.get(id_or_name)
        with writing(self._engine) as connection:
            connection.execute(
                update(t.api_key)
                .where(t.api_key.c.key_id == key.key_id, t.api_key.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            end_subscriptions_of(connection, f"key:{key.key_id}", KEY_REVOKED, note)
        return self.get(key.key_id)

    def forget(self, key_id: str) -> None:
        """Remove a key that a command made for itself; others are revoked and stay on the list."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.api_key).where(t.api_key.c.key_id == key_id))
            end_subscriptions_of(connection, f"key:{key_id}", "Its key was removed.")

    def _touch(self, key_id: str, now: datetime) -> None:
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    update(t.api_key).where(t.api_key.c.key_id == key_id).values(last_used_at=now)
                )
        except MediViewError:
            # A full disk must not keep programs from reading; the next request tries again.
            return


def _named(id_or_name: str) -> Any:
    return select(t.api_key).where(
        (t.api_key.c.key_id == id_or_name) | (t.api_key.c.name == id_or_name)
    )


def _check_no_account_has(connection: Connection, name: str) -> None:
    taken = connection.execute(
        select(t.account.c.name).where(t.account.c.name == name.lower())
    ).first()
    if taken is not None:
        raise UidConflict(
            f"An account has the name '{name.lower()}', and no program may be taken for a person.",
            remedy="Name the key after the program that uses it.",
        )
    persons = connection.scalars(
        select(t.account.c.person_name).where(t.account.c.person_name != "")
    )
    if may_be_of(name, persons):
        raise UidConflict(
            f"'{name}' may be read as the name of somebody who has an account, and no program may"
            " be taken for a person.",
            remedy="Name the key after the program that uses it.",
        )


def _hash(text: str) -> str:
    """SHA-256 and nothing slow: there are 256 random bits, so no list of words to try."""
    return hashlib.sha256(text.encode()).hexdigest()


def _from_row(row: dict[str, Any]) -> ApiKey:
    return ApiKey(
        key_id=row["key_id"],
        name=row["name"],
        roles=known_roles(row["roles"]),
        scopes=known_scopes(row["scopes"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
