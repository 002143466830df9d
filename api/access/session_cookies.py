"""The session's cookie, and the token that shows that a page of ours asks."""

import hashlib
import hmac
from typing import Literal

from starlette.datastructures import Headers
from starlette.responses import Response

from storage.accounts.known_devices import KEPT_FOR
from storage.settings import Settings

CSRF_HEADER = "x-csrf-token"
_FLOW_S = 600


def is_https(settings: Settings) -> bool:
    """Whether browsers reach the node over HTTPS, by its own port or a proxy's."""
    return settings.resolved_public_url.startswith("https://")


def session_cookie(settings: Settings) -> str:
    return _named("mediview", settings)


def flow_cookie(settings: Settings) -> str:
    return _named("mediview-flow", settings)


def smart_cookie(settings: Settings) -> str:
    return _named("mediview-smart", settings)


def device_cookie(settings: Settings) -> str:
    return _named("mediview-device", settings)


def _named(name: str, settings: Settings) -> str:
    # The prefix makes browsers insist on Secure, on this host alone and on the root path.
    return f"__Host-{name}" if is_https(settings) else name


def set_flow(response: Response, settings: Settings, name: str, text: str) -> None:
    """What a browser keeps while it is at an identity provider or a system that launches."""
    # Lax: the way back begins at another site.
    _set(response, settings, name, text, _FLOW_S, "lax")


def delete_flow(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(name, path="/", secure=is_https(settings), httponly=True, samesite="lax")


def read_cookie(headers: Headers, name: str) -> str:
    """The value of a cookie, empty where there is none.

    By hand: the standard library's reader takes time by the square of a quoted value's
    length, and this one reads what anybody sends. Our own cookies need no quotes.
    """
    for line in headers.getlist("cookie"):
        for pair in line.split(";"):
            found, _, value = pair.partition("=")
            if found.strip() == name and value.strip():
                return value.strip().strip('"')
    return ""


def csrf_token(session_token: str) -> str:
    """Bound to the session and of no use as one: an HMAC whose key is the session's token."""
    return hmac.new(session_token.encode(), b"mediview csrf", hashlib.sha256).hexdigest()


def set_session(response: Response, settings: Settings, token: str) -> None:
    """Strict: the pages themselves are open files, so a link from elsewhere needs no cookie."""
    _set(response, settings, session_cookie(settings), token, settings.session_max_s, "strict")


def set_device(response: Response, settings: Settings, kept: str) -> None:
    """It opens nothing, and stays when the session ends: `storage.accounts.known_devices`."""
    _set(response, settings, device_cookie(settings), kept, KEPT_FOR.total_seconds(), "strict")


def end_session(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        session_cookie(settings),
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="strict",
    )


def _set(
    response: Response,
    settings: Settings,
    name: str,
    value: str,
    kept_for_s: float,
    same_site: Literal["lax", "strict"],
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(kept_for_s),
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite=same_site,
    )
