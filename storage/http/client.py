"""The HTTP client: it connects to addresses that `url_policy` has looked at, no others."""

import math
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from storage.http.deadlines import Exchanges, Flow, LimitedBackend
from storage.http.url_policy import DEFAULT_PORTS, addresses_of


class CheckedTransport(httpx.BaseTransport):
    """Connects to the checked address of a host; its name stays in Host and in TLS.

    Status line and headers of an answer must come within the read timeout as a whole, and a
    request must be taken in as fast as an answer must flow (`flowing`): see `deadlines`.
    """

    def __init__(self, verify: ssl.SSLContext | bool = True) -> None:
        self._exchanges = Exchanges()
        self._inner = httpx.HTTPTransport(verify=verify, trust_env=False)
        # Neither httpx nor its transport has a parameter for it; the pool of httpcore has.
        self._inner._pool._network_backend = LimitedBackend(self._exchanges)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        port = request.url.port or DEFAULT_PORTS.get(request.url.scheme, 0)
        try:
            addresses = addresses_of(host, port)
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        extensions = {**request.extensions}
        if request.url.scheme == "https":
            # The certificate must name whom we mean, not the address that we found.
            extensions["sni_hostname"] = host
        for last, address in ((address == addresses[-1], address) for address in addresses):
            aimed = httpx.Request(
                request.method,
                request.url.copy_with(host=address.partition("%")[0]),
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
            try:
                with self._exchanges.one():
                    return self._inner.handle_request(aimed)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nothing of the body has been sent: the next address may answer.
                if last:
                    raise
        raise httpx.ConnectError("the host has no address", request=request)

    def close(self) -> None:
        self._inner.close()


def checked_client(
    *, verify: ssl.SSLContext | bool = True, timeout: httpx.Timeout | float = 10.0, **options: Any
) -> httpx.Client:
    """A client that connects to checked addresses alone. Ask `check_url` first for the host.

    It asks for answers as they are, not compressed; read them with `iter_raw`, since httpx
    inflates without bound what says it is compressed all the same.

    Raises InvalidRequest from its requests where a name leads where it must not.
    """
    return httpx.Client(
        transport=CheckedTransport(verify),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
        **options,
    )


_NOT_IN_TIME = "it did not answer in time"
# What is read into memory is not large: it is not waited for beyond this.
WHOLE_BODY_S = 600.0


def flowing(answer: httpx.Response, within_s: float = math.inf) -> Iterator[bytes]:
    """The body as it comes, for one that may take as long as it flows, or `within_s` at most.

    A server that sends a byte now and then passes each single timeout, and would keep who waits
    for ever. Raises ReadTimeout.
    """
    begun = last = time.monotonic()
    flow = Flow()
    for piece in answer.iter_raw():
        now = time.monotonic()
        if now - begun > within_s:
            raise httpx.ReadTimeout("overdue")
        if flow.has_stopped(now - last, len(piece)):
            raise httpx.ReadTimeout("trickling")
        last = now
        yield piece


@contextmanager
def closed_after(client: httpx.Client, limit_s: float) -> Iterator[None]:
    """Close the client after so long, and raise ReadTimeout from the block then.

    A server that sends a byte now and then passes each single timeout.
    """
    overdue = threading.Event()

    def close() -> None:
        overdue.set()
        client.close()

    watchdog = threading.Timer(limit_s, close)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError) as error:
        if overdue.is_set():
            raise httpx.ReadTimeout("overdue") from error
        raise
    finally:
        watchdog.cancel()


def failure_words(error: Exception) -> str:
    """The kind of a failure; messages of libraries may quote what was sent."""
    if isinstance(error, httpx.ReadTimeout):
        # Who gives up closes the socket, whose own error says nothing.
        return _NOT_IN_TIME
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted, {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return _NOT_IN_TIME if isinstance(error, httpx.TimeoutException) else str(type(error).__name__)
