"""The header `Idempotency-Key`: which requests take one, and what is one."""

import re
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from api.access.principal import principal_of
from api.errors import ApiProblem
from storage.idempotency.repository import IdempotencyKey

HEADER = "idempotency-key"
# Below 16 characters a key is guessed, and with it what it keeps.
_KEY = re.compile(r"[\x21-\x7e]{16,255}")
# Its answer is a cookie, and who signs in is not known yet.
_EXCLUDED = frozenset({"/api/session"})
_JSON = "application/json"

DESCRIPTION: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes it safe to send the request again: the same key with the same body is answered"
        " as the first time, with `Idempotency-Replayed: true`, and nothing is done twice."
        " Another body under the key is 422 `idempotency_key_reused`; one whose first request"
        " is still under way 409 `idempotency_in_flight`. Who has lost rights since is not"
        " answered again: 403 `idempotency_rights_ended`. A refusal is not kept. A UUID is a"
        " good key; it holds for a day."
    ),
    "schema": {"type": "string", "minLength": 16, "maxLength": 255},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def takes_key(path: str, method: str, operation: dict[str, Any]) -> bool:
    """Whether an operation of the description takes an idempotency key."""
    content = operation.get("requestBody", {}).get("content", {_JSON: {}})
    is_ours = path.startswith("/api/") and path not in _EXCLUDED
    return method == "post" and is_ours and _JSON in content


def read_key(scope: Scope, header: str) -> IdempotencyKey:
    path = scope["path"]
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if path in _EXCLUDED or media_type not in ("", _JSON):
        raise ApiProblem(
            400,
            "idempotency_unsupported",
            "This request takes no Idempotency-Key.",
            remedy="Leave it out. Keys hold for requests with a JSON body or none.",
        )
    # A string of structured fields stands in quotes; many clients leave them out.
    value = header.strip()
    value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    if not _KEY.fullmatch(value):
        raise ApiProblem(
            400,
            "idempotency_key_invalid",
            "The Idempotency-Key is not of 16 to 255 printable characters.",
            remedy="Make a new UUID for each request, and keep it when you send it again.",
        )
    principal = principal_of(scope)
    who = principal.identity.id if principal else ""
    return IdempotencyKey((who, "POST", path), value)
