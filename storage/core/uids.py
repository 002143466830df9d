"""Check and make UIDs (PS3.5 chapter 9, annex B.2)."""

import hmac
import re
import uuid
from dataclasses import dataclass, field, replace
from functools import lru_cache

from storage.core.errors import InvalidInstance
from storage.core.text.outside_text import valid_unicode
from storage.core.text.padding import unpadded

# Only these characters may ever become part of a path or an object key.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_MAX_LENGTH = 64
UUID_ROOT = "2.25."
"""Of all UIDs that the node makes (PS3.5 B.2), and of some that others make."""
_NAMESPACE = uuid.UUID("b3a5d1a0-8f0c-5f5e-9a3e-6d6564697677")


def check_uid(value: str, keyword: str) -> str:
    """Return `value` without padding, or raise InvalidInstance naming `keyword`.

    Leading zeros in a component are against PS3.5 but common; they are
    tolerated since they are harmless in paths.
    """
    return check_unpadded_uid(unpadded(value, "UI"), keyword)


def check_unpadded_uid(uid: str, keyword: str) -> str:
    """As `check_uid`, of a value whose padding is gone."""
    if not uid:
        raise InvalidInstance(
            f"{keyword} is missing or empty.",
            remedy="Send an instance with all its identifiers.",
            keyword=keyword,
        )
    if len(uid) > _MAX_LENGTH or not _UID.fullmatch(uid):
        raise InvalidInstance(
            f"{keyword} is not a UID: it has {len(uid)} characters,"
            " and only digits and single dots between them are allowed, 64 at most.",
            remedy="Correct the sending system; UIDs are made by PS3.5 chapter 9.",
            keyword=keyword,
        )
    return uid


check_known_uid = lru_cache(maxsize=4096)(check_uid)
"""As `check_uid`, for what is asked again and again: classes, studies, series."""


def derive_uid(*parts: str) -> str:
    """The same parts give the same UID: UUIDv5 under 2.25 (PS3.5 B.2).

    Everybody can compute it; instances that the node makes take theirs from `UidScheme`.
    """
    return f"{UUID_ROOT}{uuid.uuid5(_NAMESPACE, valid_unicode(chr(31).join(parts))).int}"


@dataclass(frozen=True)
class UidScheme:
    """How the UIDs of what the node makes derive from what it is made of.

    With the node's key nobody else can compute them, and occupy them before. Without it they are
    those of earlier releases, which what was made then keeps.
    """

    key: bytes = field(default=b"", repr=False)
    attempt: int = 0
    """Counts up where something that others sent is stored under a UID of the attempt before."""

    def derive(self, *parts: str) -> str:
        """The same parts give the same UID: HMAC-SHA256 in a UUID under 2.25 (PS3.5 B.2)."""
        if not self.key:
            return derive_uid(*parts)
        text = chr(31).join((str(self.attempt), *parts))
        digest = hmac.digest(self.key, valid_unicode(text).encode(), "sha256")
        return f"{UUID_ROOT}{uuid.UUID(bytes=digest[:16], version=4).int}"

    def next(self) -> "UidScheme":
        return replace(self, attempt=self.attempt + 1)


FORMER_UIDS = UidScheme()
"""Of what earlier releases made."""


def new_uid() -> str:
    """A fresh UID under 2.25."""
    return f"{UUID_ROOT}{uuid.uuid4().int}"
