"""Browsers in which people have signed in before.

Guesses at a name from anywhere make all that are unknown wait, and keep nobody out of a browser
where the account's owner was before (OWASP, "Slow Down Online Guessing Attacks with Device
Cookies"). Nothing is stored here: the browser keeps an identifier of its own and, for each account,
the time when it signed in last, with a proof that is made with the hash of the account's password.
A new password ends it.
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
# Another host may have written it, whose clock goes fast.
_AHEAD = timedelta(hours=1)
_MOST_ACCOUNTS = 16
"""Of one browser, as at a workstation of a ward; the ones longest away are forgotten."""
_PROOF_BYTES = 24
_KEPT = re.compile(r"[A-Za-z0-9_-]{22}(?:\.[0-9a-f]{1,10}~[A-Za-z0-9_-]{32})*")
_MOST_CHARACTERS = 22 + _MOST_ACCOUNTS * 44


class KnownDevices:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def device(self, kept: str, name: str, now: datetime) -> str:
        """The browser's identifier, where the account signed in in it within a year; else ""."""
        device, entries = _read(kept, now)
        known = bool(entries) and _mine(device, entries, self._key(name), name)
        return device if known else ""

    def with_account(self, kept: str, name: str, now: datetime) -> str:
        """What the browser is to keep from now on: the account has just signed in."""
        device, entries = _read(kept, now)
        device = device or secrets.token_urlsafe(16)
        key, seconds = self._key(name), f"{int(now.timestamp()):x}"
        mine = _mine(device, entries, key, name)
        others = [one for one in entries if one not in mine]
        entry = [f"{seconds}~{_proof(key, device, seconds, name)}"] if key else []
        return ".".join([device, *others[-(_MOST_ACCOUNTS - 1) :], *entry])

    def _key(self, name: str) -> bytes:
        """Empty where there is no such account. Its salt is as secret as a key is."""
        query = select(t.account.c.password_hash).where(t.account.c.name == name.strip().lower())
        with reading(self._engine) as connection:
            return (connection.execute(query).scalar() or "").encode()


def _mine(device: str, entries: list[str], key: bytes, name: str) -> list[str]:
    """Those that the account has proven."""

    def proves(entry: str) -> bool:
        seconds, _, proof = entry.partition("~")
        return hmac.compare_digest(_proof(key, device, seconds, name), proof)

    return [one for one in entries if key and proves(one)]


def _proof(key: bytes, device: str, seconds: str, name: str) -> str:
    text = f"mediview device {device} {seconds} {name.strip().lower()}"
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_PROOF_BYTES]).decode()


def _read(kept: str, now: datetime) -> tuple[str, list[str]]:
    """The identifier, "" for what is none of ours, and what nobody has looked at and is not old."""
    if len(kept) > _MOST_CHARACTERS or not _KEPT.fullmatch(kept):
        return "", []
    device, *entries = kept.split(".")
    oldest = now.timestamp() - KEPT_FOR.total_seconds()
    newest = (now + _AHEAD).timestamp()
    new = [one for one in entries if oldest <= int(one.partition("~")[0], 16) <= newest]
    return device, new
