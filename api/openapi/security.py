"""How requests show who asks, and what they are answered where that is not enough."""

from typing import Any

from api.access.middleware import UNCOUNTED
from api.access.rule_index import Rule
from api.access.session_cookies import session_cookie
from api.openapi.headers import RETRY_AFTER
from storage.settings import Settings

_KEY, _SESSION = "key", "session"
_REFUSALS = {
    "401": "Nobody is signed in, or the key does not count (any more).",
    "403": "Roles or scopes do not allow it.",
    "429": "Too many requests in a short time; `Retry-After` says when to go on.",
}


def security_schemes(settings: Settings) -> dict[str, Any]:
    return {
        _KEY: {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`mediview keys create`), or an access token of the"
            " identity provider. An operation names the scope that it needs.",
        },
        _SESSION: {
            "type": "apiKey",
            "in": "cookie",
            "name": session_cookie(settings),
            "description": "Of a browser that has signed in. What changes something needs the"
            " `csrf_token` of `GET /api/v1/session` as `X-CSRF-Token` besides.",
        },
    }


def secure(operation: dict[str, Any], rule: Rule, problem: dict[str, Any]) -> None:
    """Say who may use an operation, and add the refusals that come before it."""
    responses = operation["responses"]
    if rule.is_public:
        operation["security"] = []
        statuses = {"429"}
    else:
        key = {_KEY: [rule.scope]}
        operation["security"] = [{_SESSION: []}] if rule.people_only else [key, {_SESSION: []}]
        statuses = {"401", "403", "429"}
    if rule.path in UNCOUNTED:
        statuses.discard("429")
    for status in sorted(statuses):
        described = responses.setdefault(status, {**problem, "description": _REFUSALS[status]})
        if status == "429":
            described["headers"] = RETRY_AFTER
