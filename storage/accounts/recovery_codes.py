"""Codes for who has lost the second factor: ten of them, each counts once."""

import base64
import hashlib
import secrets
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select

from storage import tables as t
from storage.db.engine import reading, writing

_CODES = 10
# 125 bits, so that a plain hash is enough (ASVS 5.0 6.5.2).
_BYTES, _CHARACTERS = 16, 25


class RecoveryCodes:
    """The database has their SHA-256 alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def renew(self, account: str, now: datetime) -> list[str]:
        """Ten codes in the place of those before; they cannot be had again."""
        codes = [_new_code() for _ in range(_CODES)]
        with writing(self._engine) as connection:
            delete_codes(connection, account)
            connection.execute(
                insert(t.recovery_code),
                [
                    {"code_hash": _hash(account, one), "account": account, "created_at": now}
                    for one in codes
                ],
            )
        return codes

    def left(self, account: str) -> int:
        query = (
            select(func.count())
            .select_from(t.recovery_code)
            .where(t.recovery_code.c.account == account)
        )
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def use(self, account: str, code: str) -> bool:
        """Whether it is one of the account's; it counts no more."""
        with writing(self._engine) as connection:
            used = connection.execute(
                delete(t.recovery_code)
                .where(
                    t.recovery_code.c.code_hash == _hash(account, code),
                    t.recovery_code.c.account == account,
                )
                .returning(t.recovery_code.c.code_hash)
            ).first()
        return used is not None


def delete_codes(connection: Connection, account: str) -> None:
    connection.execute(delete(t.recovery_code).where(t.recovery_code.c.account == account))


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_BYTES)).decode()[:_CHARACTERS]
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def _hash(account: str, code: str) -> str:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return hashlib.sha256(f"{account}\0{plain}".encode()).hexdigest()
