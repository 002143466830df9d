"""The session's cookie, and the token that shows that a page of ours asks."""

import hashlib
import hmac

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
    # The prefix makes browsers insist on Secure, on this host alone and on the root path.
    return "__Host-mediview" if is_https(settings) else "mediview"


def flow_cookie(settings: Settings) -> str:
    return "__Host-mediview-flow" if is_https(settings) else "mediview-flow"


def smart_cookie(settings: Settings) -> str:
    return "__Host-mediview-smart" if is_https(settings) else "mediview-smart"


def device_cookie(settings: Settings) -> str:
    return "__Host-mediview-device" if is_https(settings) else "mediview-device"


def set_flow(response: Response, settings: Settings, name: str, text: str) -> None:
    """What a browser keeps while it is at an identity provider or a system that launches."""
    response.set_cookie(
        name,
        text,
        max_age=_FLOW_S,
        path="/",
        secure=is_https(settings),
        httponly=True,
        # Lax: the way back begins at another site.
        samesite="lax",
    )


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
    response.set_cookie(
        session_cookie(settings),
        token,
        max_age=int(settings.session_max_s),
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="strict",
    )


def set_device(response: Response, settings: Settings, kept: str) -> None:
    """It opens nothing, and stays when the session ends: `storage.accounts.known_devices`."""
    response.set_cookie(
        device_cookie(settings),
        kept,
        max_age=int(KEPT_FOR.total_seconds()),
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="strict",
    )


def end_session(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        session_cookie(settings),
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="strict",
    )
