"""Signed, expiring claims for upload URLs of the node's own."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest


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


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
