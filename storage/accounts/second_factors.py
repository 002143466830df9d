"""What somebody has beside a password: an authenticator app, or a security key.

One-time codes are those of RFC 6238; security keys and passkeys sign a challenge (W3C Web
Authentication, level 3). Each code counts once.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update

from storage import tables as t
from storage.accounts.recovery_codes import delete_codes
from storage.accounts.repository import end_sessions
from storage.core.errors import InvalidRequest, NotFound
from storage.crypto.secret_box import Sealer
from storage.db.engine import reading, writing

FactorKind = Literal["totp", "webauthn"]

_MOST = 10
_STEP_S = 30
# Clocks differ, and people type slowly: the code before and the one after count, too.
_STEPS_AROUND = (0, -1, 1)


@dataclass(frozen=True)
class SecondFactor:
    factor_id: str
    account: str
    kind: FactorKind
    label: str
    created_at: datetime
    last_used_at: datetime | None
    credential_id: str = ""
    public_key: str = ""
    sign_count: int = 0


class SecondFactors:
    """An account has one as soon as its owner has shown that it works."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine = engine
        self._sealer = Sealer(data_dir)

    def of(self, account: str) -> list[SecondFactor]:
        query = (
            select(t.second_factor)
            .where(*_confirmed_of(account))
            .order_by(t.second_factor.c.created_at)
        )
        with reading(self._engine) as connection:
            return [_from_row(dict(row)) for row in connection.execute(query).mappings()]

    def accounts_with(self) -> frozenset[str]:
        """Names of the accounts that have one."""
        query = select(t.second_factor.c.account).where(t.second_factor.c.confirmed_at.is_not(None))
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def begin_totp(self, account: str, now: datetime) -> tuple[str, str]:
        """A new secret for an authenticator app: the factor's id, and the secret in base32.

        It counts once `confirm_totp` has seen a code of it; an earlier one that never was
        confirmed is forgotten.
        """
        import pyotp

        factor_id, secret = secrets.token_hex(6), pyotp.random_base32()
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.second_factor).where(
                    t.second_factor.c.account == account, t.second_factor.c.confirmed_at.is_(None)
                )
            )
            _check_room(connection, account)
            connection.execute(
                insert(t.second_factor).values(
                    factor_id=factor_id,
                    account=account,
                    kind="totp",
                    secret=self._sealer.seal(secret, _place(factor_id)),
                    created_at=now,
                )
            )
        return factor_id, secret

    def confirm_totp(
        self, account: str, factor_id: str, code: str, label: str, now: datetime
    ) -> bool:
        """Whether the code is right; the factor counts from then on. Raises NotFound."""
        mine = (
            t.second_factor.c.factor_id == factor_id,
            t.second_factor.c.account == account,
            t.second_factor.c.kind == "totp",
            t.second_factor.c.confirmed_at.is_(None),
        )
        with reading(self._engine) as connection:
            row = connection.execute(select(t.second_factor).where(*mine)).mappings().first()
        if row is None:
            raise _not_found(factor_id)
        step = self._matching_step(dict(row), code, now)
        if step is None:
            return False
        with writing(self._engine) as connection:
            confirmed = connection.execute(
                update(t.second_factor)
                .where(*mine)
                .values(confirmed_at=now, last_step=step, label=label)
                .returning(t.second_factor.c.factor_id)
            ).first()
        return confirmed is not None

    def check_totp(self, account: str, code: str, now: datetime) -> bool:
        """Whether the code is one of the account's app, and was not used before (RFC 6238 5.2)."""
        query = select(t.second_factor).where(
            *_confirmed_of(account), t.second_factor.c.kind == "totp"
        )
        with reading(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        for row in rows:
            step = self._matching_step(row, code, now)
            if step is not None and self._use_step(row["factor_id"], step, now):
                return True
        return False

    def _matching_step(self, row: dict[str, Any], code: str, now: datetime) -> int | None:
        import pyotp

        secret = self._sealer.open(row["secret"], _place(row["factor_id"]))
        digits = "".join(code.split())
        if not secret or not (digits.isascii() and digits.isdigit()):
            return None
        app, current = pyotp.TOTP(secret, interval=_STEP_S), int(now.timestamp()) // _STEP_S
        for around in _STEPS_AROUND:
            if pyotp.utils.strings_equal(app.generate_otp(current + around), digits):
                return current + around
        return None

    def _use_step(self, factor_id: str, step: int, now: datetime) -> bool:
        with writing(self._engine) as connection:
            used = connection.execute(
                update(t.second_factor)
                .where(t.second_factor.c.factor_id == factor_id, t.second_factor.c.last_step < step)
                .values(last_step=step, last_used_at=now)
                .returning(t.second_factor.c.factor_id)
            ).first()
        return used is not None

    def add_key(
        self,
        account: str,
        credential_id: str,
        public_key: str,
        sign_count: int,
        label: str,
        now: datetime,
    ) -> str:
        """A security key or passkey that has signed a challenge; its factor id.

        `credential_id` and `public_key` are in base64url. Raises InvalidRequest.
        """
        factor_id = secrets.token_hex(6)
        with writing(self._engine) as connection:
            _check_room(connection, account)
            taken = select(t.second_factor.c.factor_id).where(
                t.second_factor.c.credential_id == credential_id
            )
            if connection.execute(taken).first() is not None:
                raise InvalidRequest(
                    "This security key is registered already.", remedy="Use another one."
                )
            connection.execute(
                insert(t.second_factor).values(
                    factor_id=factor_id,
                    account=account,
                    kind="webauthn",
                    label=label,
                    credential_id=credential_id,
                    public_key=public_key,
                    sign_count=sign_count,
                    created_at=now,
                    confirmed_at=now,
                )
            )
        return factor_id

    def use_key(self, factor: SecondFactor, sign_count: int, now: datetime) -> bool:
        """Note that the key was used; False where another use overtook this one."""
        with writing(self._engine) as connection:
            used = connection.execute(
                update(t.second_factor)
                .where(
                    t.second_factor.c.factor_id == factor.factor_id,
                    t.second_factor.c.sign_count == factor.sign_count,
                )
                .values(sign_count=sign_count, last_used_at=now)
                .returning(t.second_factor.c.factor_id)
            ).first()
        return used is not None

    def remove(self, account: str, factor_id: str) -> SecondFactor:
        """With the last one go the recovery codes. Raises NotFound."""
        found = next((one for one in self.of(account) if one.factor_id == factor_id), None)
        if found is None:
            raise _not_found(factor_id)
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.second_factor).where(t.second_factor.c.factor_id == factor_id)
            )
            left = select(t.second_factor.c.factor_id).where(*_confirmed_of(account))
            if connection.execute(left).first() is None:
                delete_codes(connection, account)
        return found

    def reset(self, account: str) -> int:
        """All factors and codes of who has lost them; how many. Its sessions end."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.second_factor)
                .where(t.second_factor.c.account == account)
                .returning(t.second_factor.c.factor_id)
            ).all()
            delete_codes(connection, account)
            end_sessions(connection, account)
        return len(gone)

    def end_other_sessions(self, account: str, keep_session: str) -> None:
        """Those that were opened before there was a second factor."""
        with writing(self._engine) as connection:
            end_sessions(connection, account, keep=keep_session)


def _check_room(connection: Connection, account: str) -> None:
    query = select(func.count()).where(*_confirmed_of(account))
    if connection.execute(query).scalar_one() >= _MOST:
        raise InvalidRequest(
            f"The account has {_MOST} second factors.", remedy="Remove one of them first."
        )


def _confirmed_of(account: str) -> Sequence[ColumnElement[bool]]:
    return (t.second_factor.c.account == account, t.second_factor.c.confirmed_at.is_not(None))


def _place(factor_id: str) -> str:
    return f"second factor {factor_id}"


def _not_found(factor_id: str) -> NotFound:
    return NotFound(
        f"There is no second factor '{factor_id}' of yours.",
        remedy="GET /api/me/second-factors lists them.",
    )


def _from_row(row: dict[str, Any]) -> SecondFactor:
    return SecondFactor(
        factor_id=row["factor_id"],
        account=row["account"],
        kind=row["kind"],
        label=row["label"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        credential_id=row["credential_id"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
    )
