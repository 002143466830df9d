"""A member of another system's hub: what is announced there is announced here, and the reverse.

One thread for each person who joined and has a page open; the lease in the topic's row leaves it to
one process. Loops end by the ids of events, which both hubs keep (FHIRcast 3.0.0, 2.6).
"""

import json
import ssl
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from socket import create_connection
from urllib.parse import urlsplit

import httpx
import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from api.fhircast.members import HubStorage
from api.fhircast.sync_errors import announce_sync_error
from api.fhircast.topic_groups import owner_of
from inference.failures import place
from storage.access_groups.visibility import visibility_of
from storage.core.callers.visibility import limited_to
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.fhircast.entities import Announced
from storage.fhircast.event_names import HEARTBEAT, SUPPORTED
from storage.fhircast.messages import (
    MESSAGE_MAX_BYTES,
    OWN_IDS,
    CastMessage,
    Json,
    checked_message,
)
from storage.http.client import checked_client
from storage.http.url_policy import DEFAULT_PORTS, addresses_of, read_url

log = structlog.get_logger(__name__)

LEASE_S = 20.0
_LOOK_EVERY_S = 0.2
_RENEW_EVERY_S = 5.0
_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_MOST_ELEMENTS = 20_000
_REMEMBERED = 1000
_NAME = "The joined hub"
JOINED = "joined hub"
"""Whose share of a topic its events take."""

ReadEvents = Callable[[str, int], list[Announced]]
"""Events of the topic after a number, as far as the person may see them."""


class JoinedHub:
    def __init__(
        self,
        storage: HubStorage,
        joined: tuple[str, str],
        read: ReadEvents,
        stopping: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._topic, self._joined_topic = joined
        self._read = read
        self._stopping = stopping
        self._left = threading.Event()
        self._owner = uuid.uuid4().hex
        self._renewed_at = 0.0
        self._is_leased = False
        # Ids that need not be passed on again, and the other hub's versions by anchor.
        self._known: OrderedDict[str, None] = OrderedDict()
        self._versions: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="fhircast joined hub", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        """Ask it to end; it does so by itself."""
        self._left.set()

    def _has_ended(self) -> bool:
        return self._left.is_set() or self._stopping()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._has_ended():
            try:
                if self._has_lease():
                    self._take_part()
                    pause_s = _FIRST_PAUSE_S
            except (OSError, httpx.HTTPError, WebSocketException, MediViewError) as error:
                log.warning("fhircast_hub_lost", error=type(error).__name__)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: the hub may mend it
                log.error("fhircast_hub_failed", error=type(error).__name__, place=place(error))
                pause_s = _LONGEST_PAUSE_S
            self._wait(pause_s)
        with suppress(MediViewError):
            self._storage.fhircast_topics.release(self._topic, self._owner)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._has_ended():
            self._left.wait(min(0.5, until - time.monotonic()))

    def _has_lease(self) -> bool:
        """Whether this process is the one that joins. Raises StorageUnavailable."""
        if time.monotonic() - self._renewed_at >= _RENEW_EVERY_S:
            self._is_leased = self._storage.fhircast_topics.lease(
                self._topic, self._joined_topic, self._owner, LEASE_S, utcnow()
            )
            self._renewed_at = time.monotonic()
        return self._is_leased

    def _take_part(self) -> None:
        """Until one side ends it, or another process has the lease."""
        number = self._storage.fhircast_events.newest().get(self._topic, 0)
        with self._client() as client:
            endpoint = self._subscribe(client)
            with self._connect(endpoint) as socket:
                while not self._has_ended() and self._has_lease():
                    with suppress(TimeoutError):
                        text = socket.recv(_LOOK_EVERY_S)
                        if not self._take(socket, text):
                            return
                    number = self._pass_on(client, number)
            self._post_form(client, {"hub.mode": "unsubscribe", "hub.channel.endpoint": endpoint})

    def _client(self) -> httpx.Client:
        settings = self._storage.settings
        context = _context(settings.tls_ca)
        client = checked_client(verify=context, timeout=_TIMEOUT_S)
        token = settings.fhircast_hub_token.get_secret_value()
        if token:
            client.headers["Authorization"] = f"Bearer {token}"
        return client

    def _subscribe(self, client: httpx.Client) -> str:
        events = ",".join(name for name in SUPPORTED if name != HEARTBEAT)
        answer = self._post_form(
            client,
            {"hub.mode": "subscribe", "hub.events": events, "subscriber.name": "MediViewAI"},
        )
        found = answer.get("hub.channel.endpoint")
        hub = urlsplit(self._storage.settings.fhircast_hub_url)
        there = urlsplit(found if isinstance(found, str) else "")
        # A hub must not send the node to any address of the hospital's network.
        if there.hostname != hub.hostname or there.scheme not in (
            ("wss",) if hub.scheme == "https" else ("ws", "wss")
        ):
            raise InvalidRequest(
                "The joined hub names a channel that is not on its own host.",
                remedy="Let it name its channels under the host of MEDIVIEW_FHIRCAST_HUB_URL.",
            )
        return there.geturl()

    def _post_form(self, client: httpx.Client, more: dict[str, str]) -> Json:
        form = {"hub.channel.type": "websocket", "hub.topic": self._joined_topic, **more}
        url = self._storage.settings.fhircast_hub_url
        with client.stream("POST", url, data=form) as answer:
            body = _body(answer)
            answer.raise_for_status()
        try:
            decoded = load_bounded_json(body, 100, strict=True) if body.strip() else {}
        except ValueError as error:
            raise InvalidRequest(
                "The joined hub does not answer with JSON.",
                remedy="Check that MEDIVIEW_FHIRCAST_HUB_URL is the address of a hub.",
            ) from error
        return decoded if isinstance(decoded, dict) else {}

    def _connect(self, endpoint: str) -> ClientConnection:
        parts = urlsplit(endpoint)
        plain = read_url(endpoint.replace("ws", "http", 1))
        port = parts.port or DEFAULT_PORTS["https" if parts.scheme == "wss" else "http"]
        made = create_connection((addresses_of(plain.host, port)[0], port), _TIMEOUT_S)
        secure = parts.scheme == "wss"
        return connect(
            endpoint,
            sock=made,
            ssl=_context(self._storage.settings.tls_ca) if secure else None,
            server_hostname=plain.host if secure else None,
            max_size=MESSAGE_MAX_BYTES,
            open_timeout=_TIMEOUT_S,
            close_timeout=1.0,
            proxy=None,
            compression=None,
        )

    def _take(self, socket: ClientConnection, text: str | bytes) -> bool:
        """What the other hub sends; False where it ends the subscription."""
        try:
            decoded = load_bounded_json(
                text.encode() if isinstance(text, str) else text, _MOST_ELEMENTS, strict=True
            )
        except (ValueError, MediViewError):
            return True
        if not isinstance(decoded, dict) or decoded.get("hub.mode") == "denied":
            return not isinstance(decoded, dict)
        event = decoded.get("event")
        if not isinstance(event, dict) or str(event.get("hub.event", "")).lower() == "heartbeat":
            return True
        socket.send(
            json.dumps({"id": str(decoded.get("id", "")), "status": self._announce(decoded)})
        )
        return True

    def _announce(self, decoded: Json) -> int:
        """The status with which the other hub is answered."""
        try:
            message = checked_message(decoded)
            if message.topic != self._joined_topic:
                return 404
            if message.anchor and message.version_id:
                self._versions[message.anchor] = message.version_id
            if message.event_id in self._known:
                return 200
            self._remember(message.event_id)
            moved = self._here(message)
            topic = self._storage.fhircast_topics.find(self._topic)
            of_owner = visibility_of(self._storage.engine, owner_of(topic))
            # It is open on the desk of the topic's owner, and for the programs there.
            with limited_to(of_owner):
                self._storage.fhircast_events.announce(moved, utcnow(), by=JOINED)
        except InvalidRequest:
            return 400
        except MediViewError as error:
            log.warning("fhircast_event_not_taken", error=error.code)
            return 409
        return 200

    def _here(self, message: CastMessage) -> CastMessage:
        """As an event of this node's topic, with this hub's version where one counts."""
        moved = _moved(message, self._topic)
        if message.change != "update":
            return moved
        contexts = self._storage.fhircast_events.contexts(self._topic)
        version = next((one.version_id for one in contexts if one.anchor == message.anchor), "")
        return moved.with_versions(version)

    def _pass_on(self, client: httpx.Client, number: int) -> int:
        """What was announced here since; up to where."""
        for one in self._read(self._topic, number):
            number = one.number
            if one.message.event_id not in self._known:
                self._remember(one.message.event_id)
                self._send(client, one.message)
        return number

    def _send(self, client: httpx.Client, message: CastMessage) -> None:
        moved = _moved(message, self._joined_topic)
        if message.change == "update":
            moved = moved.with_versions(self._version_there(client, message.anchor))
        status = self._post(client, moved)
        if message.change == "update" and status in (400, 409, 412):
            # Somebody shared something there meanwhile.
            self._versions.pop(message.anchor, None)
            moved = moved.with_versions(self._version_there(client, message.anchor))
            status = self._post(client, moved)
        if status >= 400:
            announce_sync_error(
                self._storage.fhircast_events, self._topic, _NAME,
                f"refused with {status}", message.event_id, message.name,
                of=JOINED,
            )  # fmt: skip

    def _post(self, client: httpx.Client, message: CastMessage) -> int:
        url = self._storage.settings.fhircast_hub_url
        with client.stream("POST", url, json=message.message) as answer:
            return answer.status_code

    def _version_there(self, client: httpx.Client, anchor: str) -> str:
        if anchor not in self._versions:
            url = f"{self._storage.settings.fhircast_hub_url.rstrip('/')}/{self._joined_topic}"
            with client.stream("GET", url) as answer:
                body = _body(answer)
            with suppress(ValueError, MediViewError):
                current = load_bounded_json(body, _MOST_ELEMENTS, strict=True)
                # Where nothing is open there, it has none.
                if isinstance(current, dict) and "context.versionId" in current:
                    self._versions[anchor] = str(current["context.versionId"])
        return self._versions.get(anchor, "")

    def _remember(self, event_id: str) -> None:
        """Under that id and the one that it has at the other hub."""
        self._known[event_id] = self._known[_moved_id(event_id)] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _moved(message: CastMessage, topic: str) -> CastMessage:
    versions = ("context.versionId", "context.priorVersionId")
    event = {name: one for name, one in message.event.items() if name not in versions}
    event["hub.topic"] = topic
    moved = {**message.message, "id": _moved_id(message.event_id), "event": event}
    return replace(message, message=moved, topic=topic)


def _moved_id(event_id: str) -> str:
    """The node's own ids are its own alone: another node's viewers follow what comes from here."""
    return f"of-{event_id}" if event_id.startswith(OWN_IDS) else event_id


def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    for part in answer.iter_raw():
        body += part
        if len(body) > MESSAGE_MAX_BYTES:
            raise httpx.DecodingError("the answer is too long")
    return bytes(body)


def _context(authority: object) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority:
        context.load_verify_locations(cafile=str(authority))
    return context
