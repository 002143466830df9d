"""Browsers in which people have signed in before.

Guesses at a name from anywhere make all that are unknown wait, and keep nobody out of a browser
where the account's owner was before (OWASP, "Slow Down Online Guessing Attacks with Device
Cookies"). Nothing is stored here: the browser keeps an identifier of its own and, for each account,
a proof that is made with the hash of the account's password. A new password ends it.
"""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from storage import tables as t
from storage.db.engine import reading

KEPT_FOR = timedelta(days=365)
_MOST_ACCOUNTS = 16
"""Of one browser, as at a workstation of a ward; the ones longest away are forgotten."""
_PROOF_BYTES = 24
_DEVICE = re.compile(r"([0-9a-f]{1,10})-[A-Za-z0-9_-]{22}")
_MOST_CHARACTERS = 33 + _MOST_ACCOUNTS * 33


class KnownDevices:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def device(self, kept: str, name: str, now: datetime) -> str:
        """The browser's identifier, where the account has signed in in it; else ""."""
        device, proofs = _read(kept, now)
        proof = self._proof(device, name) if proofs else ""
        known = bool(proof) and any(hmac.compare_digest(proof, one) for one in proofs)
        return device if known else ""

    def with_account(self, kept: str, name: str, now: datetime) -> str:
        """What the browser is to keep from now on."""
        device, proofs = _read(kept, now)
        device = device or f"{int(now.timestamp()):x}-{secrets.token_urlsafe(16)}"
        proof = self._proof(device, name)
        others = [one for one in proofs if one != proof]
        return ".".join([device, *others[-(_MOST_ACCOUNTS - 1) :], *([proof] if proof else [])])

    def _proof(self, device: str, name: str) -> str:
        """ "" where there is no such account. The salt of the hash is as secret as the key is."""
        name = name.strip().lower()
        query = select(t.account.c.password_hash).where(t.account.c.name == name)
        with reading(self._engine) as connection:
            password_hash = connection.execute(query).scalar()
        if not password_hash:
            return ""
        text = f"mediview device {device} {name}".encode()
        digest = hmac.new(password_hash.encode(), text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:_PROOF_BYTES]).decode()


def _read(kept: str, now: datetime) -> tuple[str, list[str]]:
    """The identifier, and proofs that nobody has looked at; "" for what is none of ours or old."""
    if len(kept) > _MOST_CHARACTERS or not kept.isascii():
        return "", []
    device, *proofs = kept.split(".")
    found = _DEVICE.fullmatch(device)
    if found is None or not 0 <= now.timestamp() - int(found[1], 16) <= KEPT_FOR.total_seconds():
        return "", []
    return device, proofs
