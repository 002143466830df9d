"""Requests to a destination over HTTP: to the host that an operator allows, in time and bounded."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import httpx

from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidRequest
from storage.http.client import (
    WHOLE_BODY_S,
    checked_client,
    closed_after,
    failure_words,
    flowing,
)
from storage.peers.entities import KnownPeer
from storage.settings import Settings

TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_TIMEOUT_OF_TEST = httpx.Timeout(10.0, connect=5.0)


class HttpClient:
    """Of one destination, called `base` in what it raises.

    `ends_at`: of a test, by the monotonic clock.
    """

    def __init__(self, peer: KnownPeer, base: str, settings: Settings) -> None:
        self.base = base
        self.ends_at: float | None = None
        self._with_certificate = peer.tls
        self._settings = settings

    @contextmanager
    def asked(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: Iterator[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        """The answer, of which the body has not been read. Raises PeerFailed, without what was
        sent."""
        timeout = TIMEOUT if self.ends_at is None else _TIMEOUT_OF_TEST
        try:
            with (
                # Neither redirects nor proxies: the host is the one that an operator allows.
                checked_client(verify=self._tls(), timeout=timeout) as client,
                self._ended(client),
                client.stream(method, url, headers=headers, content=content) as answer,
            ):
                yield answer
        except InvalidRequest as error:
            raise PeerFailed(error.message, remedy=error.remedy) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise PeerFailed(
                f"{self.base} cannot be reached: {failure_words(error)}.",
                remedy="Check the address, its certificate and the network.",
            ) from error

    def body_of(
        self, answer: httpx.Response, most_bytes: int, within_s: float = WHOLE_BODY_S
    ) -> bytes:
        """Raises PeerFailed for one that is longer; one that trickles is given up."""
        body = bytearray()
        for piece in flowing(answer, within_s):
            body += piece
            if len(body) > most_bytes:
                raise PeerFailed(f"{self.base} answered more than {most_bytes} bytes.")
        return bytes(body)

    def _ended(self, client: httpx.Client) -> AbstractContextManager[None]:
        """Each single timeout is passed by a server that sends a byte now and then."""
        if self.ends_at is None:
            return nullcontext()
        return closed_after(client, max(0.0, self.ends_at - time.monotonic()))

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        settings = self._settings
        if settings.tls_ca is not None:
            context.load_verify_locations(settings.tls_ca)
        if self._with_certificate and settings.tls_certificate is not None:
            context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        return context
