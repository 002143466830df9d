"""Which request heads are refused, because two programs could read them in two ways.

A proxy that takes the first of two Host headers, and a node that takes the last, disagree on what
is asked and by whom; that is how requests are smuggled past a filter.
"""

import re
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

import httptools

_VERSIONS = ("1.0", "1.1")
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\])(?::[0-9]*)?")
_SINGLE = frozenset(
    (
        b"host content-length transfer-encoding content-type authorization origin"
        b" x-csrf-token range if-range"
    ).split()
)
"""Of these one line counts, and no list is allowed to stand in several (RFC 9110 5.3)."""


class RefusedHead(NamedTuple):
    """With which status, and why; no value is repeated, since it may be a credential."""

    status: HTTPStatus
    detail: str
    remedy: str


def refused_head(
    version: str, url: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> RefusedHead | None:
    """None for a head that has one meaning. `headers`: names in lower case, as they came."""
    if version not in _VERSIONS:
        return RefusedHead(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
            "The request states a version of HTTP that this server does not speak.",
            "Send HTTP/1.1; HTTP/2 ends at the proxy in front.",
        )
    counts = Counter(name for name, _ in headers)
    for name in sorted(_SINGLE):
        if counts[name] > 1:
            return _bad(
                f"The request has {counts[name]} headers {name.decode('ascii')}.",
                "Send it once: a proxy and the server could each take another one.",
            )
    if counts[b"content-length"] and counts[b"transfer-encoding"]:
        return _bad(
            "The request states its length twice, by Content-Length and Transfer-Encoding.",
            "Send one of them (RFC 9112 6.3).",
        )
    return _refused_host(version, url, dict(headers).get(b"host"))


def _refused_host(version: str, url: bytes, host: bytes | None) -> RefusedHead | None:
    """RFC 9112 3.2: HTTP/1.1 has one Host, of the form of a name or address with a port."""
    if host is None:
        return _bad("The request has no Host header.", "Send it.") if version == "1.1" else None
    if not _HOST.fullmatch(host):
        return _bad(
            "The Host header is neither a name nor an address, with or without a port.",
            "Send the host of the address that is asked for.",
        )
    if url.startswith(b"/") or url == b"*":
        return None
    if _authority(url) != host.lower():
        return _bad(
            "The request line and the Host header name two hosts, or the line names none.",
            "Send the path alone in the request line.",
        )
    return None


def _authority(url: bytes) -> bytes | None:
    """Host and port of an address in absolute form (RFC 9112 3.2.2)."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        return None
    if not parsed.host:
        return None
    host = b"[%b]" % parsed.host if b":" in parsed.host else parsed.host
    return (host + (b":%d" % parsed.port if parsed.port else b"")).lower()


def _bad(detail: str, remedy: str) -> RefusedHead:
    return RefusedHead(HTTPStatus.BAD_REQUEST, detail, remedy)
