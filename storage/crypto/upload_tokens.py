"""Signed, expiring claims for upload URLs of the node's own."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, StorageUnavailable
from storage.volumes.durable_names import make_folder, sync_name
from storage.volumes.files import translated_os_errors

_SECRET_BYTES = 32
_LEAST_BYTES = 16


@dataclass(frozen=True)
class PresignedClaim:
    """One object of one type and of limited size may be put until then."""

    key: str
    content_type: str
    max_bytes: int
    expires_at: datetime


class TokenSigner:
    """HMAC-SHA256 over the claim's JSON."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, claim: PresignedClaim) -> str:
        body = _encode(
            json.dumps(
                [claim.key, claim.content_type, claim.max_bytes, claim.expires_at.timestamp()],
                separators=(",", ":"),
            ).encode()
        )
        return f"{body}.{_encode(self._digest(body))}"

    def verify(self, token: str) -> PresignedClaim:
        """Raises InvalidRequest when the token was not made here or has expired."""
        body, _, signature = token.partition(".")
        try:
            if not hmac.compare_digest(_decode(signature), self._digest(body)):
                raise ValueError("signature")
            key, content_type, max_bytes, expires = json.loads(_decode(body))
        except ValueError as error:
            raise InvalidRequest(
                "The upload URL is not one that this node signed.",
                remedy="Ask for a new one at POST /api/uploads/presign.",
            ) from error
        claim = PresignedClaim(key, content_type, max_bytes, datetime.fromtimestamp(expires, UTC))
        if claim.expires_at <= utcnow():
            raise InvalidRequest(
                f"The upload URL expired at {claim.expires_at:%H:%M:%S} UTC.",
                remedy="Ask for a new one at POST /api/uploads/presign.",
            )
        return claim

    def _digest(self, body: str) -> bytes:
        return hmac.digest(self._secret, body.encode(), hashlib.sha256)


def load_secret(path: Path, lengths: Collection[int] = ()) -> bytes:
    """The node's signing secret, made at first use and readable by its user alone.

    A key that was put there may have any length from 16 bytes, or one of `lengths`, which 32 is
    among. Raises StorageUnavailable, StorageFull.
    """
    with translated_os_errors(path.parent):
        if not path.exists():
            _make_secret(path)
        # What is sealed with it may be on another machine's disk before this name is on ours.
        sync_name(path)
        secret = path.read_bytes()
    if len(secret) < _LEAST_BYTES or (lengths and len(secret) not in lengths):
        wanted = " or ".join(map(str, lengths)) or f"{_LEAST_BYTES} or more"
        raise StorageUnavailable(
            f"The key {path} is damaged: it has {len(secret)} bytes instead of {wanted}.",
            remedy="Copy it back from a backup. Or move it away, and the node makes a new one:"
            " then secrets that were sealed with it have to be entered again.",
        )
    return secret


def _make_secret(path: Path) -> None:
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole and fails when another process was first.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
