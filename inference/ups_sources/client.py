"""Another system's UPS-RS (PS3.18 11) as its client: search, claim, update, end, subscribe."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

from dicom_node.peers import PeerFailed
from inference.ups_sources.source import AT_ONCE, ClaimedItems, plain_item
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.http.client import checked_client, failure_words, flowing
from storage.http.url_policy import DEFAULT_PORTS, addresses_of, read_url
from storage.ups.dicom_json import JsonAttributes, attributes_of
from storage.ups.subscriptions import WORKLIST_UID

_JSON = "application/dicom+json"
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_WHOLE_ANSWER_S = 60.0
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
MESSAGE_MAX_BYTES = 1024 * 1024
MOST_ELEMENTS = 100_000
_CONNECT_S = 10.0


class UpsSource(ClaimedItems):
    """One service; `base` is its address before /workitems."""

    def __init__(
        self, name: str, base: str, authorization: str = "", authority: Path | None = None
    ) -> None:
        super().__init__()
        self.name = name
        self._base = base
        self._authority = authority
        self._headers = {"Authorization": authorization} if authorization else {}

    def search(self, state: str) -> list[JsonAttributes]:
        query = f"ProcedureStepState={quote(state)}&includefield=all&limit={AT_ONCE}"
        status, found = self._ask("GET", f"/workitems?{query}")
        if status == 204:
            return []
        if status != 200 or not isinstance(found, list):
            raise PeerFailed(f"{self.name} answered HTTP {status} to a search for workitems.")
        return [one for one in map(plain_item, found[:AT_ONCE]) if one is not None]

    def update(self, uid: str, transaction_uid: str, changes: JsonAttributes) -> bool:
        """The claim is named in the query and in the data set, for both are in use."""
        body = changes | attributes_of(TransactionUID=transaction_uid)
        path = f"/workitems/{uid}?transaction-uid={transaction_uid}"
        return self._took(self._ask("POST", path, [body])[0], "an update")

    def _change_state(self, uid: str, transaction_uid: str, state: str) -> bool:
        body = attributes_of(ProcedureStepState=state, TransactionUID=transaction_uid)
        return self._took(self._ask("PUT", f"/workitems/{uid}/state", [body])[0], "a state")

    def _took(self, status: int, what: str) -> bool:
        """4xx that say it is not ours to change are an answer; anything else is none."""
        if status in (200, 201, 202, 204):
            return True
        if status in (400, 404, 409, 410):
            return False
        raise PeerFailed(f"{self.name} answered HTTP {status} to {what} of a workitem.")

    def subscribe(self, ae_title: str, uid: str = WORKLIST_UID) -> bool:
        """Whether events are reported to that title; without a UID those of the whole worklist."""
        path = f"/workitems/{uid}/subscribers/{quote(ae_title)}?deletionlock=false"
        status, _ = self._ask("POST", path)
        if status in (401, 403) or status >= 500:
            raise PeerFailed(f"{self.name} answered HTTP {status} to a subscription.")
        return status in (200, 201, 202, 204)

    @contextmanager
    def channel(self, ae_title: str) -> Iterator[ClientConnection]:
        """The WebSocket of event reports (PS3.18 8.10.4). Raises OSError, WebSocketException."""
        url = f"{self._base.replace('http', 'ws', 1)}/subscribers/{quote(ae_title)}"
        parts, plain = urlsplit(url), read_url(self._base)
        is_secure = parts.scheme == "wss"
        port = parts.port or DEFAULT_PORTS["https" if is_secure else "http"]
        made = create_connection((addresses_of(plain.host, port)[0], port), _CONNECT_S)
        with connect(
            url,
            sock=made,
            ssl=self._tls() if is_secure else None,
            server_hostname=plain.host if is_secure else None,
            additional_headers=self._headers,
            max_size=MESSAGE_MAX_BYTES,
            open_timeout=_CONNECT_S,
            close_timeout=1.0,
            proxy=None,
            compression=None,
        ) as channel:
            yield channel

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._authority is not None:
            context.load_verify_locations(cafile=str(self._authority))
        return context

    def _ask(
        self, method: str, path: str, body: list[JsonAttributes] | None = None
    ) -> tuple[int, Any]:
        headers = {**self._headers, "Accept": _JSON}
        content = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers["Content-Type"] = _JSON
        try:
            with (
                checked_client(verify=self._tls(), timeout=_TIMEOUT) as client,
                client.stream(
                    method, self._base + path, content=content, headers=headers
                ) as answer,
            ):
                found = bytearray()
                for piece in flowing(answer, _WHOLE_ANSWER_S):
                    found += piece
                    if len(found) > _MAX_ANSWER_BYTES:
                        raise PeerFailed(
                            f"{self.name} answered more than {_MAX_ANSWER_BYTES} bytes."
                        )
                status = answer.status_code
            is_json = status == 200 and found and method == "GET"
            return status, load_bounded_json(found, MOST_ELEMENTS) if is_json else None
        except (InvalidRequest, LimitExceeded) as error:
            raise PeerFailed(f"{self.name}: {error.message}", remedy=error.remedy) from error
        except ValueError as error:
            raise PeerFailed(f"{self.name} answered something that is not JSON.") from error
        except (httpx.HTTPError, OSError) as error:
            raise PeerFailed(
                f"{self.name} cannot be reached: {failure_words(error)}.",
                remedy="Check MEDIVIEW_UPS_SOURCES and the network.",
            ) from error
