"""Bounded requests to a model server: in time, in size, to the address that the site names."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import httpx

from inference.model_servers.endpoint import Endpoint
from inference.refusals import (
    ModelServerDeclined,
    ModelServerFailed,
    ModelServerOutOfTime,
    ModelUnusable,
)
from storage.core.errors import InvalidRequest
from storage.core.text.outside_text import text_from_outside
from storage.http.client import checked_client, closed_after, failure_words

_AGENT = f"MediViewAI/{version('mediview')}"
MAX_JSON_BYTES = 4 * 1024 * 1024
_CHECK = "Look at the server, its address in MEDIVIEW_MODEL_SERVERS and the network."
# The input itself is what such a server does not take.
_DECLINED = frozenset({400, 413, 422})
_BUSY = frozenset({429, 503})
_BUSY_WAIT_AT_MOST_S = 5.0
_ERROR_AT_MOST_BYTES = 16 * 1024
_ERROR_CHARACTERS = 200


@dataclass(frozen=True)
class ServerAnswer:
    """An answer whose body is read piece by piece, up to a limit."""

    endpoint: Endpoint
    response: httpx.Response

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    def pieces(self, max_bytes: int) -> Iterator[bytes]:
        """Raises ModelServerFailed where there is more, or where it is compressed."""
        encoding = self.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise ModelServerFailed(
                f"{self.endpoint} compresses its answers ({encoding[:20]}), which was not asked"
                " for.",
                remedy="Switch compression off there.",
            )
        size = 0
        for piece in self.response.iter_raw():
            size += len(piece)
            if size > max_bytes:
                raise ModelServerFailed(
                    f"{self.endpoint} answered more than {max_bytes} bytes.",
                    remedy="Check which server answers at the address.",
                )
            yield piece

    def read(self, max_bytes: int) -> bytes:
        return b"".join(self.pieces(max_bytes))

    def json(self, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
        """Raises ModelServerFailed where the body is no JSON object."""
        return parsed_json(self.endpoint, self.read(max_bytes))


def parsed_json(endpoint: Endpoint, body: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ModelServerFailed(f"{endpoint} answered what is not JSON.", remedy=_CHECK) from error
    if not isinstance(value, dict):
        raise ModelServerFailed(f"{endpoint} answered JSON that is not an object.", remedy=_CHECK)
    return value


@contextmanager
def answer_of(
    endpoint: Endpoint,
    method: str,
    path: str,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    shows_error: bool = False,
) -> Iterator[ServerAnswer]:
    """One request and its successful answer, within the endpoint's limits.

    `shows_error`: a failure quotes the server's own words, where it was sent no words that it
    could repeat.

    It is repeated only where nothing of it was taken: once, after 429 or 503 that say when.
    Raises ModelServerFailed, ModelServerOutOfTime, ModelServerDeclined, ModelUnusable.
    """
    if endpoint.is_grpc:
        raise ModelUnusable(
            f"{endpoint} has a gRPC address, and language models are asked over HTTP.",
            remedy="Name its http:// or https:// address, which mostly ends with /v1.",
        )
    limits = endpoint.limits
    until = time.monotonic() + limits.within_s
    sent = {"User-Agent": _AGENT, **(headers or {})}
    if key := endpoint.key():
        sent["Authorization"] = f"Bearer {key}"
    # Closing a connection ends no read that waits on it.
    timeout = httpx.Timeout(min(limits.answer_s, limits.within_s), connect=limits.connect_s)
    try:
        with (
            checked_client(verify=endpoint.tls(), timeout=timeout) as client,
            closed_after(client, limits.within_s),
        ):
            for is_last in (False, True):
                with client.stream(
                    method, f"{endpoint.url}{path}", headers=sent, content=content
                ) as response:
                    wait_s = None if is_last else _wait_asked_for(response, until)
                    if wait_s is None:
                        _check_status(endpoint, response, shows_error=shows_error)
                        yield ServerAnswer(endpoint, response)
                        return
                time.sleep(wait_s)
    except InvalidRequest as error:
        raise ModelServerFailed(error.message, remedy=error.remedy) from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
        raise _failure(endpoint, error, time.monotonic() >= until) from error


def _wait_asked_for(response: httpx.Response, until: float) -> float | None:
    """Seconds after which a busy server wants to be asked again, where that is soon."""
    stated = response.headers.get("retry-after", "")
    if response.status_code not in _BUSY or not stated.isdecimal():
        return None
    wait_s = float(stated)
    soon = wait_s <= _BUSY_WAIT_AT_MOST_S and time.monotonic() + wait_s < until
    return wait_s if soon else None


def _check_status(endpoint: Endpoint, response: httpx.Response, *, shows_error: bool) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    quoted = _error_of(ServerAnswer(endpoint, response)) if shows_error else ""
    if status in (401, 403):
        raise ModelUnusable(
            f"{endpoint} answered HTTP {status}: its key is missing or not accepted.",
            remedy=f"Name a file with the key in MEDIVIEW_MODEL_SERVER_KEYS={endpoint.name}=….",
        )
    if status == 404:
        raise ModelUnusable(
            f"{endpoint} answered HTTP 404: it has no such model, or its address has another path.",
            remedy="Compare the name of the model and MEDIVIEW_MODEL_SERVERS with the server.",
        )
    if status in _DECLINED:
        raise ModelServerDeclined(
            f"{endpoint} declined the input (HTTP {status}){quoted}.",
            remedy="It may be longer than the model takes, or of a kind that it does not know.",
        )
    led = "; redirects are not followed" if 300 <= status < 400 else ""
    raise ModelServerFailed(f"{endpoint} answered HTTP {status}{led}{quoted}.", remedy=_CHECK)


def _error_of(answer: ServerAnswer) -> str:
    """`error` of the Open Inference Protocol, as the end of a sentence; empty where there is
    none."""
    try:
        stated = json.loads(answer.read(_ERROR_AT_MOST_BYTES))
    except (ModelServerFailed, httpx.HTTPError, httpx.StreamError, ValueError, RecursionError):
        return ""
    error = stated.get("error") if isinstance(stated, dict) else None
    words = text_from_outside(error, _ERROR_CHARACTERS).strip() if isinstance(error, str) else ""
    return f": “{words.rstrip('.')}”" if words else ""


def _failure(endpoint: Endpoint, error: Exception, is_overdue: bool) -> ModelServerFailed:
    limits = endpoint.limits
    if is_overdue and limits.deadline_s < limits.total_s:
        return ModelServerOutOfTime(
            f"{endpoint} was not ready within the {limits.deadline_s:g} s of this answer.",
            remedy="Ask less at a time, or raise MEDIVIEW_LANGUAGE_DEADLINE_S.",
        )
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        late = (
            f"took longer than {limits.total_s:g} s (MEDIVIEW_MODEL_SERVER_TOTAL_S)"
            if is_overdue
            else f"sent nothing more for {limits.answer_s:g} s, or no whole header in that time"
            " (MEDIVIEW_MODEL_SERVER_ANSWER_S)"
        )
        return ModelServerFailed(f"{endpoint} {late}.", remedy=_CHECK)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ModelServerFailed(
            f"{endpoint} cannot be reached: {failure_words(error)}.", remedy=_CHECK
        )
    return ModelServerFailed(
        f"{endpoint} broke its answer off ({type(error).__name__}).", remedy=_CHECK
    )
