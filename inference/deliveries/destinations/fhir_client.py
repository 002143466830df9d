"""Requests to a FHIR server: signed in as its entry says, in time, and of bounded size."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from dicom_node.network.throttle import PIECE_BYTES, Throttle
from dicom_node.peers import PeerFailed
from inference.deliveries.destinations.http_client import HttpClient
from storage.core.errors import LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.peers.entities import KnownPeer
from storage.settings import Settings

FHIR_JSON = "application/fhir+json"
_FORM = "application/x-www-form-urlencoded"
# What is read is not large; a server that trickles is not waited for beyond this.
_WHOLE_ANSWER_S = 120.0
_MAX_ANSWER_BYTES = 8 * 1024 * 1024
_MAX_ELEMENTS = 500_000
# How long before its end a token is not used any more, and how long one without an end is.
_EARLIER_S, _UNLESS_STATED_S = 30.0, 300.0
_LASTS_AT_MOST_S = 86_400


@dataclass(frozen=True)
class Answer:
    """`content` is what the JSON says; None where the body is empty or is none."""

    status: int
    content: Any
    retry_after_s: float | None = None


class FhirClient(HttpClient):
    """One server."""

    def __init__(self, peer: KnownPeer, base: str, settings: Settings) -> None:
        super().__init__(peer, base, settings)
        self._peer = peer
        self._throttle = Throttle(peer.sending_bytes_per_s) if peer.sending_bytes_per_s else None

    def get(self, path: str) -> Answer:
        """Raises PeerFailed where it does not answer, or too much."""
        return self._signed_in("GET", f"{self.base}{path}", {})

    def search(self, kind: str, parameters: Mapping[str, str]) -> Answer:
        """By POST: what identifies a patient stands in no address, which logs of servers keep."""
        body = urlencode(parameters).encode()
        return self._signed_in("POST", f"{self.base}/{kind}/_search", {"Content-Type": _FORM}, body)

    def transact(self, bundle: Mapping[str, Any]) -> Answer:
        """Raises PeerFailed, without what was sent."""
        body = json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": FHIR_JSON, "Prefer": "return=minimal"}
        return self._signed_in("POST", self.base, headers, body)

    def _signed_in(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        answer = self._ask(method, url, {**headers, **self._authorization()}, body)
        if answer.status == 401:
            _TOKENS.forget(self._peer)
        return answer

    def _authorization(self) -> dict[str, str]:
        peer = self._peer
        match peer.sign_in:
            case "none":
                return {}
            case "basic":
                pair = base64.b64encode(f"{peer.user_name}:{peer.token}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
            case "oauth2":
                return {"Authorization": f"Bearer {_TOKENS.of(peer, self._grant)}"}
            case "bearer":
                return {"Authorization": f"Bearer {peer.token}"} if peer.token else {}
        return {peer.token_header: peer.token} if peer.token else {}

    def _grant(self) -> tuple[str, float]:
        """An access token by client credentials (RFC 6749 4.4), and for how many seconds."""
        peer = self._peer
        # RFC 6749 2.3.1: form-encoded before they are put together.
        pair = "&".join(urlencode({"": one})[1:] for one in (peer.user_name, peer.token))
        pair = pair.replace("&", ":", 1)
        form = {"grant_type": "client_credentials"}
        if peer.token_scope:
            form["scope"] = peer.token_scope
        answer = self._ask(
            "POST",
            peer.token_url,
            {
                "Content-Type": _FORM,
                "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            },
            urlencode(form).encode(),
        )
        content = answer.content if isinstance(answer.content, dict) else {}
        token = content.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not _is_header(token):
            raise PeerFailed(
                f"{peer.name}: the token endpoint answered HTTP {answer.status} without a token.",
                remedy="Check client, secret and scope.",
            )
        lasts = content.get("expires_in")
        if not isinstance(lasts, int | float):
            return token, _UNLESS_STATED_S
        return token, float(min(max(lasts, 0), _LASTS_AT_MOST_S))

    def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        headers = {"Accept": FHIR_JSON, **headers}
        if body is not None:
            headers["Content-Length"] = str(len(body))
        content = None if body is None else self._flow(body)
        with self.asked(method, url, headers, content) as answer:
            found = self.body_of(answer, _MAX_ANSWER_BYTES, _WHOLE_ANSWER_S)
            return Answer(
                answer.status_code,
                self._read(found),
                _seconds(answer.headers.get("retry-after")),
            )

    def _read(self, found: bytes) -> Any:
        try:
            return load_bounded_json(found, _MAX_ELEMENTS, strict=True) if found else None
        except LimitExceeded as error:
            raise PeerFailed(f"{self.base} answered too much: {error.message}") from error
        except ValueError:
            return None

    def _flow(self, body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            if self._throttle is not None:
                self._throttle.wait_for(len(piece))
            yield piece


class _Tokens:
    """Access tokens of this process, until shortly before they end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, float]] = {}

    def of(self, peer: KnownPeer, grant: Any) -> str:
        key = _key(peer)
        with self._lock:
            known = self._known.get(key)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        token, lasts_s = grant()
        with self._lock:
            self._known[key] = (token, time.monotonic() + lasts_s - _EARLIER_S)
        return str(token)

    def forget(self, peer: KnownPeer) -> None:
        """It was not accepted: the next request asks for another one."""
        with self._lock:
            self._known.pop(_key(peer), None)


def _key(peer: KnownPeer) -> str:
    """Another secret or scope is another token."""
    parts = (peer.url, peer.token_url, peer.user_name, peer.token, peer.token_scope)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


_TOKENS = _Tokens()


def _is_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _seconds(retry_after: str | None) -> float | None:
    """Of `Retry-After` in seconds (RFC 9110 10.2.3); a date is not waited for."""
    seconds = read_whole_number(retry_after or "")
    return None if seconds is None else float(seconds)
