"""Under which header a secret may be sent: none that frames, routes or describes the request."""

import re

TOKEN_HEADERS = "a header that holds a secret, as Authorization or X-API-Key"  # noqa: S105
"""What is allowed, for errors."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
# Of the connection (RFC 9110 7.6.1), of the length and the address of a message (where two servers
# read them differently, one request becomes two), of its content, and what proxies and frameworks
# take as an address or a method.
_REFUSED = frozenset(
    {
        "connection", "keep-alive", "te", "trailer", "trailers", "transfer-encoding", "upgrade",
        "http2-settings", "host", "expect", "cookie", "cookie2", "set-cookie", "range", "via",
        "forwarded", "max-forwards", "origin", "referer", "date", "user-agent", "prefer",
        "x-original-url", "x-rewrite-url", "x-http-method", "x-http-method-override",
        "x-method-override", "x-real-ip", "x-host", "traceparent", "tracestate",
    }
)  # fmt: skip
_REFUSED_BEGINNINGS = ("accept", "content-", "if-", "proxy-", "x-forwarded-", "sec-")


def is_token_header(name: str) -> bool:
    """Whether a secret may be sent under it. An underscore is read as a dash, as CGI does."""
    lower = name.lower().replace("_", "-")
    return bool(
        _NAME.fullmatch(name)
        and lower not in _REFUSED
        and not lower.startswith(_REFUSED_BEGINNINGS)
    )
