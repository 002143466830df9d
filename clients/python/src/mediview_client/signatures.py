"""Check the notices that the node's webhooks send (Standard Webhooks, version 1)."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from mediview_client.errors import InvalidSignature

_PREFIX = "whsec_"


def verify_notice(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_s: float = 300.0,
    now_s: float | None = None,
) -> dict[str, Any]:
    """The notice in `body`, once its signature and its age are right.

    `secret` is what the node showed when the webhook was added, `body` the request's bytes as
    they came. A notice can come twice: `webhook-id` stays the same. Raises InvalidSignature.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent_at = named["webhook-id"], int(named["webhook-timestamp"])
        signatures = named["webhook-signature"].split()
    except (KeyError, ValueError) as error:
        raise InvalidSignature("The request has no signature of a webhook.") from error
    if abs((time.time() if now_s is None else now_s) - sent_at) > tolerance_s:
        raise InvalidSignature(f"The notice is not from within {tolerance_s:g} s of now.")
    signed = f"{message_id}.{sent_at}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}".encode()
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise InvalidSignature("The signature is not that of this notice and secret.")
    notice = json.loads(body)
    if not isinstance(notice, dict):
        raise InvalidSignature("The notice is not a JSON object.")
    return notice


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise InvalidSignature("The secret is not one that the node gave.") from error
