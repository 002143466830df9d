"""One POST to an address that an operator allows, and what became of it."""

import ssl
import time
from dataclasses import dataclass
from importlib.metadata import version

import httpx

from storage.core.errors import InvalidRequest
from storage.http.client import checked_client, closed_after
from storage.settings import Settings
from storage.webhooks.people import checked_address

JSON_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": f"MediViewAI/{version('mediview')}",
}


@dataclass(frozen=True)
class Answered:
    """What became of one request. `status`: None where there was no answer.

    `is_final`: it would end the same again.
    """

    ok: bool
    sentence: str
    status: int | None
    seconds: float
    is_final: bool = False


def post_to(
    settings: Settings,
    url: str,
    headers: dict[str, str],
    body: bytes,
    limit_s: float | None = None,
) -> Answered:
    """Never raises for what the receiver or the network does. `limit_s`: that of the settings.

    Redirects are not followed: they would lead where no operator has looked.
    """
    begun = time.monotonic()
    limit_s = limit_s or settings.webhook_timeout_s
    status: int | None = None
    try:
        status = _post(settings, url, headers, body, limit_s)
        ok = 200 <= status < 300
        sentence = f"It answered HTTP {status}."
        if 300 <= status < 400:
            sentence = f"It answered HTTP {status}; redirects are not followed."
    except InvalidRequest as error:
        ok, sentence = False, f"{error.message} {error.remedy}".strip()
    except httpx.TimeoutException:
        ok, sentence = False, f"It did not answer within {limit_s:g} s."
    except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
        # Messages of the client may hold the address, and that a token.
        ok, sentence = False, f"It could not be reached ({_what(error)})."
    return Answered(ok, sentence, status, time.monotonic() - begun)


def _post(
    settings: Settings, url: str, headers: dict[str, str], body: bytes, limit_s: float
) -> int:
    """The status of the answer, whose body is not read. Raises InvalidRequest, HTTPError."""
    checked_address("webhook", url, settings)
    with (
        checked_client(verify=_tls(settings, url), timeout=limit_s) as client,
        closed_after(client, limit_s),
        client.stream("POST", url, headers=headers, content=body) as response,
    ):
        return response.status_code


def _tls(settings: Settings, url: str) -> ssl.SSLContext | bool:
    """By the authorities that the system trusts, and the site's own."""
    if settings.tls_ca is None or not url.startswith("https:"):
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(settings.tls_ca)
    return context


def _what(error: BaseException) -> str:
    """The kind of the failure; of a certificate that is not trusted, that it is not."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not trusted; MEDIVIEW_TLS_CA names the site's authority"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
