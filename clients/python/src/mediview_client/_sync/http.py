# Made from _async/http.py by scripts/generate.py.
"""Requests to the node: signed in, tried again where that is safe, refusals as ApiError."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from mediview_client._sync.runtime import sleep
from mediview_client.answers import items_of, read_answer
from mediview_client.errors import ApiError, Unreadable

Query = Mapping[str, str | int | float | bool | list[str] | None]

_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# Too many requests; a gateway without its node; starting, draining, or short of disk.
PASSING = frozenset({429, 502, 503})
_LONGEST_WAIT_S = 60.0


class Http:
    """One node, reached with one key."""

    def __init__(self, client: httpx.Client, attempts: int) -> None:
        self.client = client
        self._attempts = attempts

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        with_key: bool = True,
    ) -> httpx.Response:
        """Raises ApiError, and httpx.TransportError where the node cannot be reached."""
        sent = dict(headers or {})
        if method == "POST" and content is None:
            # The node then does once what it is asked for again.
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        asked = self.client.build_request(
            method, path, params=_given(query), json=json, content=content, headers=sent
        )
        if timeout_s is not None:
            asked.extensions["timeout"] = httpx.Timeout(timeout_s).as_dict()
        if not with_key:
            asked.headers.pop("Authorization", None)
        may_repeat = method in _SAFE_TO_REPEAT or "Idempotency-Key" in sent
        for attempt in range(1, self._attempts + 1):
            is_last = attempt == self._attempts
            try:
                response = self.client.send(asked)
            except httpx.TransportError:
                if is_last or not may_repeat:
                    raise
                sleep(min(2.0**attempt / 4, _LONGEST_WAIT_S))
                continue
            if not _passes(response) or is_last or not may_repeat:
                break
            sleep(_wait_s(response, attempt))
        _check(response)
        return response

    def get(self, path: str, **query: Any) -> Any:
        return read_answer(self.request("GET", path, query=query))

    def post(self, path: str, json: Any = None, *, timeout_s: float | None = None) -> Any:
        return read_answer(self.request("POST", path, json=json, timeout_s=timeout_s))

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Every item of a list, page after page (RFC 8288)."""
        response = self.request("GET", path, query={"limit": 100, **query})
        while True:
            for item in items_of(response):
                yield item
            following = response.links.get("next")
            if following is None:
                return
            # The key is for this node, and not for where an answer leads to.
            url = response.url.join(following["url"])
            if (url.scheme, url.netloc) != (response.url.scheme, response.url.netloc):
                raise Unreadable("The next page of an answer would be at another address.")
            response = self.request("GET", str(url))

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], query: Query | None = None
    ) -> Iterator[httpx.Response]:
        # Between two signs of life of an event stream lie 15 s.
        timeout = httpx.Timeout(60.0)
        with self.client.stream(
            "GET", path, params=_given(query), headers=dict(headers), timeout=timeout
        ) as response:
            _check(response)
            yield response


def _given(query: Query | None) -> dict[str, Any] | None:
    # An empty dictionary would take the query of a link away.
    return {name: value for name, value in (query or {}).items() if value is not None} or None


def _passes(response: httpx.Response) -> bool:
    """Whether the same request can be answered otherwise after a while."""
    if response.status_code == 409:
        # The first attempt, whose answer was lost, is still under way.
        return b'"idempotency_in_flight"' in response.content
    return response.status_code in PASSING


def _check(response: httpx.Response) -> None:
    if not response.is_error:
        return
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    raise ApiError(response.status_code, {"detail": response.reason_phrase, **problem})


def _wait_s(response: httpx.Response, attempt: int) -> float:
    retry_after = response.headers.get("Retry-After", "")
    wait_s = float(retry_after) if retry_after.isdecimal() else 2.0**attempt / 4
    return min(wait_s, _LONGEST_WAIT_S)
