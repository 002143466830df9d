"""Addresses with a version: `/api/v1/…`. What has none is an alias of it, and deprecated.

Routes are registered once, without a version; roles, audit, limits and all else go by that. The
answers name addresses with a version.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.versioned import ALIAS, PREFIX, versioned

ALIAS_DEPRECATED_AT = datetime(2026, 11, 28, tzinfo=UTC)
ALIAS_SUNSET_AT = datetime(2027, 6, 30, tzinfo=UTC)
"""When addresses without a version may be gone (docs/api.md, "Versions")."""

_LINKS = ("Location", "Content-Location", "Link")


class ApiVersion:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(f"{PREFIX}/"):
            alias = ALIAS + path.removeprefix(PREFIX)
            await self.app(
                {**scope, "path": alias, "raw_path": quote(alias).encode()}, receive, _linking(send)
            )
        elif path.startswith(f"{ALIAS}/"):
            await self.app(scope, receive, _deprecating(send, path))
        else:
            await self.app(scope, receive, send)


def _linking(send: Send) -> Send:
    async def link(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in _LINKS:
                value = headers.get(name, "")
                if value.startswith(f"{ALIAS}/"):
                    headers[name] = versioned(value)
                elif name == "Link" and value:
                    headers[name] = value.replace(f"<{ALIAS}/", f"<{PREFIX}/")
        await send(message)

    return link


def _deprecating(send: Send, path: str) -> Send:
    """Say so in every answer (RFC 9745, RFC 8594), with the address that stays (RFC 5829)."""

    async def deprecate(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Deprecation"] = f"@{int(ALIAS_DEPRECATED_AT.timestamp())}"
            headers["Sunset"] = format_datetime(ALIAS_SUNSET_AT, usegmt=True)
            # Quoted again: a decoded path can hold line ends.
            headers.append("Link", f'<{quote(versioned(path))}>; rel="successor-version"')
        await send(message)

    return deprecate
