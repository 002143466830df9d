"""What a limit leaves, on the answer: draft-ietf-httpapi-ratelimit-headers-10, RFC 9110 10.2.3."""

import math

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from api.access.limits.limiter import Limit
from api.errors import ApiProblem

_COUNTED = "counted_identity"
"""In the request's state: by whose limit it was counted."""


async def take(limit: Limit, scope: Scope, who: str) -> None:
    """Count a request of somebody. Raises ApiProblem where it was too much."""
    scope.setdefault("state", {})[_COUNTED] = who
    check_rate(await limit.take(who))


def telling_limits(limit: Limit, scope: Scope, send: Send) -> Send:
    """`send` for a request: its answer says what is left for who asked, if it was counted."""

    async def send_with_limits(message: Message) -> None:
        who = scope.get("state", {}).get(_COUNTED)
        if message["type"] == "http.response.start" and who:
            MutableHeaders(scope=message).update(limit.headers_of(who))
        await send(message)

    return send_with_limits


def check_rate(wait_s: float) -> None:
    """Raises ApiProblem where somebody must wait."""
    if wait_s > 0:
        seconds = math.ceil(wait_s)
        raise ApiProblem(
            429,
            "too_many_requests",
            "There were too many requests in a short time.",
            remedy=f"Wait {seconds} s; MEDIVIEW_RATE_LIMIT_PER_MINUTE and"
            " MEDIVIEW_RATE_LIMIT_ANONYMOUS_PER_MINUTE set the limits.",
            headers={"Retry-After": str(seconds)},
        )
