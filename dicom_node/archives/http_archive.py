"""What archives that answer HTTP have in common: one address, a secret, answers within limits."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.http.client import WHOLE_BODY_S, checked_client, failure_words, flowing
from storage.http.header_names import TOKEN_HEADERS, is_token_header
from storage.http.url_policy import read_url
from storage.settings import is_loopback

_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
Query = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class AnswerLimits:
    """Of one JSON answer."""

    bytes: int
    elements: int


WHOLE_ARCHIVE = AnswerLimits(64 * 1024 * 1024, 2_000_000)
"""For an operator's command in a process of its own: some archives list all that they have."""
ONE_PATIENT = AnswerLimits(2 * 1024 * 1024, 100_000)
"""For what people ask of the API: some 600 studies, or 3,000 series."""


class HttpArchive:
    """`secret` is the value of `header`. Raises InvalidRequest where `url` is none."""

    def __init__(
        self,
        url: str,
        secret: str,
        verify: ssl.SSLContext | bool = True,
        header: str = "Authorization",
        limits: AnswerLimits = WHOLE_ARCHIVE,
    ) -> None:
        self._limits = limits
        self._base = url.rstrip("/")
        read = read_url(url)
        self.host = read.host
        if secret and read.scheme == "http" and not is_loopback(read.host):
            raise InvalidRequest(
                "The secret would travel unencrypted, for everyone on the way to read.",
                remedy="Use an https:// address.",
            )
        if secret and not is_token_header(header):
            raise InvalidRequest(
                f"The secret cannot be sent as the header '{header}'.",
                remedy=f"Name {TOKEN_HEADERS}.",
            )
        self._headers = {header: secret} if secret else {}
        self._client = checked_client(verify=verify, timeout=_TIMEOUT)

    def __str__(self) -> str:
        return self._base

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def asked(self, path: str, accept: str, query: Query | None = None) -> Iterator[httpx.Response]:
        """The answer to GET, of which the body has not been read. Raises PeerFailed."""
        headers = {**self._headers, "Accept": accept}
        try:
            with self._client.stream(
                "GET", f"{self._base}{path}", params=query, headers=headers
            ) as answer:
                if answer.status_code in (401, 403):
                    raise PeerFailed(
                        f"{self} answered HTTP {answer.status_code}: the secret is missing or"
                        " not accepted.",
                        remedy="Give the peer its token; of an import it is"
                        " MEDIVIEW_IMPORT_AUTHORIZATION, such as 'Bearer …'.",
                    )
                if answer.status_code not in (200, 204, 206):
                    raise PeerFailed(f"{self} answered HTTP {answer.status_code} to {path}.")
                yield answer
        except InvalidRequest as error:
            raise PeerFailed(error.message, remedy=error.remedy) from error
        except (httpx.HTTPError, OSError) as error:
            raise PeerFailed(
                f"{self} cannot be reached: {failure_words(error)}.",
                remedy="Check the address, its certificate and the network.",
            ) from error

    def json(self, path: str, query: Query | None = None, accept: str = "") -> Any:
        """The JSON that it answers, None for nothing. Raises PeerFailed."""
        with self.asked(path, accept or "application/json", query) as answer:
            body = bytearray()
            for piece in flowing(answer, WHOLE_BODY_S):
                body += piece
                if len(body) > self._limits.bytes:
                    raise PeerFailed(
                        f"{self} answered more than {self._limits.bytes} bytes to {path}."
                    )
        if not body:
            return None
        try:
            return load_bounded_json(body, self._limits.elements)
        except LimitExceeded as error:
            raise PeerFailed(f"{self} answered too much to {path}: {error.message}") from error
        except ValueError as error:
            raise PeerFailed(f"{self} answered something that is not JSON to {path}.") from error
