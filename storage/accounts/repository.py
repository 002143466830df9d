"""Accounts of people: name, password, roles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import tables as t
from storage.accounts.names import checked_name, checked_person_name
from storage.accounts.passwords import check_password, hash_password, is_outdated, is_password
from storage.core.callers.identity import of_account
from storage.core.callers.roles import Role, checked_roles, known_roles
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, UidConflict
from storage.db.engine import reading, writing
from storage.webhooks.owner_ends import (
    ACCOUNT_ENDED,
    Note,
    end_subscriptions_of,
    has_ended,
    narrow_subscriptions_of,
    note_nowhere,
)


@dataclass(frozen=True)
class Account:
    name: str
    roles: frozenset[Role]
    disabled: bool
    created_at: datetime
    password_changed_at: datetime
    last_sign_in_at: datetime | None
    person_name: str = ""
    """As DICOM writes it, `Family^Given^Middle^Prefix^Suffix`; empty where nobody has stated it."""
    must_change_password: bool = False
    """Somebody else has set the password, and so knows it."""


class Accounts:
    """Each change that takes something away also ends the account's sessions."""

    def __init__(self, engine: Engine, min_password_length: int) -> None:
        self._engine = engine
        self._min_length = min_password_length

    def add(
        self,
        name: str,
        password: str,
        roles: Iterable[str],
        *,
        person_name: str = "",
        must_change_password: bool = False,
    ) -> Account:
        """Raises InvalidRequest, or UidConflict where the name is taken, be it by a key."""
        name = checked_name(name)
        allowed = checked_roles(roles)
        check_password(password, name, self._min_length)
        now = utcnow()
        values = {
            "name": name,
            "password_hash": hash_password(password),
            "roles": sorted(allowed),
            "disabled": False,
            "person_name": checked_person_name(person_name),
            "must_change_password": must_change_password,
            "created_at": now,
            "updated_at": now,
            "password_changed_at": now,
        }
        try:
            with writing(self._engine) as connection:
                _check_no_key_has(connection, name)
                connection.execute(insert(t.account).values(**values))
        except IntegrityError as error:
            raise UidConflict(
                f"There is an account '{name}' already.", remedy="Choose another name."
            ) from error
        return self.get(name)

    def all(self) -> list[Account]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.account).order_by(t.account.c.name)).mappings()
            return [_from_row(dict(row)) for row in rows]

    def get(self, name: str) -> Account:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return _from_row(_row(connection, name.strip().lower()))

    def has_admin(self) -> bool:
        """Whether someone could sign in who may do everything."""
        return any("admin" in one.roles and not one.disabled for one in self.all())

    def check(self, name: str, password: str) -> Account | None:
        """The account, if the password is its own and it is not disabled.

        Takes as long for a name that there is not. A hash of older parameters is
        renewed.
        """
        name = name.strip().lower()
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.account).where(t.account.c.name == name))
                .mappings()
                .first()
            )
        right = is_password(row["password_hash"] if row else "", password)
        if row is None or not right or row["disabled"]:
            return None
        values: dict[str, Any] = {"last_sign_in_at": utcnow()}
        if is_outdated(row["password_hash"]):
            values["password_hash"] = hash_password(password)
        with writing(self._engine) as connection:
            connection.execute(
                update(t.account)
                # Changed or disabled in the meantime: what was checked counts no more.
                .where(
                    t.account.c.name == name,
                    t.account.c.password_hash == row["password_hash"],
                    t.account.c.disabled.is_(False),
                )
                .values(**values)
            )
            now = _row(connection, name)
        still = now["last_sign_in_at"] == values["last_sign_in_at"]
        return _from_row(now) if still else None

    def set_password(
        self,
        name: str,
        password: str,
        *,
        keep_session: str = "",
        must_change_password: bool = False,
    ) -> None:
        """Sessions end but for the one of hash `keep_session`. Raises InvalidRequest, NotFound."""
        name = name.strip().lower()
        check_password(password, name, self._min_length)
        hashed, now = hash_password(password), utcnow()
        with writing(self._engine) as connection:
            _row(connection, name)
            connection.execute(
                update(t.account)
                .where(t.account.c.name == name)
                .values(
                    password_hash=hashed,
                    password_changed_at=now,
                    updated_at=now,
                    must_change_password=must_change_password,
                )
            )
            end_sessions(connection, name, keep=keep_session)

    def set_roles(self, name: str, roles: Iterable[str], note: Note = note_nowhere) -> Account:
        """Raises InvalidRequest also where nobody would be left to administer."""
        return self._change(name, note, roles=sorted(checked_roles(roles)))

    def set_disabled(self, name: str, disabled: bool, note: Note = note_nowhere) -> Account:
        """Raises InvalidRequest also where nobody would be left to administer."""
        return self._change(name, note, disabled=disabled)

    def set_person_name(self, name: str, person_name: str) -> Account:
        """What stands in what the person signs. Raises InvalidRequest, NotFound."""
        return self._change(name, person_name=checked_person_name(person_name))

    def change(
        self,
        name: str,
        *,
        roles: Iterable[str] | None = None,
        disabled: bool | None = None,
        person_name: str | None = None,
        password: str | None = None,
        must_change_password: bool = False,
        note: Note = note_nowhere,
    ) -> Account:
        """All that is given, or nothing of it. A new password ends the account's sessions.

        `note`: of webhooks that are paused with the account. Raises InvalidRequest, NotFound.
        """
        values: dict[str, Any] = {}
        if roles is not None:
            values["roles"] = sorted(checked_roles(roles))
        if disabled is not None:
            values["disabled"] = disabled
        if person_name is not None:
            values["person_name"] = checked_person_name(person_name)
        if password is not None:
            check_password(password, name.strip().lower(), self._min_length)
            values["password_hash"] = hash_password(password)
            values["password_changed_at"] = utcnow()
            values["must_change_password"] = must_change_password
        return self._change(name, note, **values)

    def _change(self, name: str, note: Note = note_nowhere, **values: Any) -> Account:
        name = name.strip().lower()
        with writing(self._engine) as connection:
            if "roles" in values or "disabled" in values:
                # Two who take each other's role away at once would each still see the other's.
                _lock_all(connection)
            before = _from_row(_row(connection, name))
            connection.execute(
                update(t.account)
                .where(t.account.c.name == name)
                .values(updated_at=utcnow(), **values)
            )
            after = _from_row(_row(connection, name))
            if _administers(before) and not _administers(after):
                _check_an_admin_is_left(connection)
            if after.disabled or "password_hash" in values:
                end_sessions(connection, name)
            if has_ended(disabled=after.disabled, roles=after.roles):
                end_subscriptions_of(connection, of_account(name).id, ACCOUNT_ENDED, note)
            elif "admin" not in after.roles:
                narrow_subscriptions_of(connection, of_account(name).id)
        return after


def _check_no_key_has(connection: Connection, name: str) -> None:
    """A revoked key's name, too: what it wrote stands under that name."""
    taken = connection.execute(
        select(t.api_key.c.key_id).where(func.lower(t.api_key.c.name) == name)
    ).first()
    if taken is not None:
        raise UidConflict(
            f"A key has the name '{name}', and no person may be taken for a program.",
            remedy="Choose another name for the account.",
        )


def _administers(account: Account) -> bool:
    return "admin" in account.roles and not account.disabled


def _lock_all(connection: Connection) -> None:
    """In one order for all, so that two of them cannot wait for each other."""
    connection.execute(select(t.account.c.name).order_by(t.account.c.name).with_for_update()).all()


def _check_an_admin_is_left(connection: Connection) -> None:
    rows = connection.execute(select(t.account)).mappings()
    if not any(_administers(_from_row(dict(row))) for row in rows):
        raise InvalidRequest(
            "Nobody would be left to administer the node.",
            remedy="Give another account the role admin first.",
        )


def end_sessions(connection: Connection, name: str, keep: str = "") -> None:
    """All of an account's but for the one of hash `keep`."""
    connection.execute(
        delete(t.session).where(
            t.session.c.kind == "account",
            t.session.c.subject == name,
            t.session.c.token_hash != keep,
        )
    )


def _row(connection: Connection, name: str) -> dict[str, Any]:
    row = connection.execute(select(t.account).where(t.account.c.name == name)).mappings().first()
    if row is None:
        raise NotFound(
            f"There is no account '{name}'.", remedy="`mediview users list` names all of them."
        )
    return dict(row)


def _from_row(row: dict[str, Any]) -> Account:
    return Account(
        name=row["name"],
        roles=known_roles(row["roles"]),
        disabled=row["disabled"],
        created_at=row["created_at"],
        password_changed_at=row["password_changed_at"],
        last_sign_in_at=row["last_sign_in_at"],
        person_name=row["person_name"],
        must_change_password=row["must_change_password"],
    )
