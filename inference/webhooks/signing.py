"""Sign notices as Standard Webhooks has it (standardwebhooks.com, version 1)."""

import base64
import hashlib
import hmac

from storage.webhooks.repository import SECRET_PREFIX


def signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """`v1,` and HMAC-SHA256 in base64 over `id.timestamp.body`, by the secret's bytes."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def signed_headers(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """What a receiver needs to see that the notice is ours, unaltered and recent."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(secret, message_id, timestamp_s, body),
    }
