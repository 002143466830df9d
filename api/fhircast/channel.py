"""A subscriber's WebSocket: confirmation, what is open, then each event as it comes.

Everybody who knows its address has it (FHIRcast 3.0.0, 2.4): a browser can show nothing else
there. It sends what the one who subscribed may see by now, and ends with that sign-in or key.
"""

import asyncio
import json
import time
import uuid
from collections import deque
from typing import Annotated, Any

import structlog
from fastapi import Path, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from api.access.caller_visibility import CallerVisibility
from api.access.policy import ANYONE, policy
from api.access.principal import Principal
from api.audit_rules import NotAudited
from api.fhircast.joining import Joined, JoinedHubs
from api.fhircast.members import HubStorage
from api.fhircast.newest import LOOK_EVERY_S, NewestOfTopics
from api.fhircast.standing import Standing, StandingChannels
from api.fhircast.subscribers import present_subscriber
from api.fhircast.subscribing import CHANNELS
from api.fhircast.sync_errors import announce_sync_error
from api.router_factory import new_router
from storage.core.callers.visibility import limited_to
from storage.core.clock import rfc3339, utcnow
from storage.core.errors import MediViewError
from storage.fhircast.entities import Announced, Context, Subscription
from storage.fhircast.event_names import ANCHORS, HEARTBEAT, SYNC_ERROR, with_anchor
from storage.fhircast.messages import CastMessage, Json
from storage.fhircast.subscriptions import endpoint_hash

log = structlog.get_logger(__name__)

router = new_router(tags=["fhircast"])

_SEND_LIMIT_S = 10.0
_CHECK_EVERY_S = 1.0
_OUTAGE_S = 1.0
_ANSWER_MAX_CHARACTERS = 64 * 1024
_ANSWERS_AT_MOST = 100
_ANSWERS_WITHIN_S = 10.0
_AWAITED_AT_MOST = 200
# RFC 6455 7.4.1.
_NORMAL = 1000
_GOING_AWAY = 1001
_NOT_ALLOWED = 1008
_BY_SUBSCRIPTION = NotAudited("Its subscription is recorded, with who subscribed.")

Secret = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]


@router.websocket(f"{CHANNELS}/{{secret}}")
@policy(ANYONE, "fhircast:read", _BY_SUBSCRIPTION)
async def serve_channel(socket: WebSocket, secret: Secret) -> None:
    """Messages are those of FHIRcast 3.0.0, 2.4 and 2.5."""
    storage: HubStorage = socket.app.state.storage
    hashed, connection_id = endpoint_hash(secret), uuid.uuid4().hex
    try:
        subscription = await run_in_threadpool(
            storage.fhircast_subscriptions.connect, hashed, connection_id, utcnow()
        )
    except MediViewError:
        subscription = None
    if subscription is None or not storage.settings.fhircast:
        # Refused before it is open, and so with 403.
        await socket.close(_NOT_ALLOWED)
        return
    await socket.accept()
    channel = _Channel(socket, storage, subscription)
    try:
        await channel.run()
    finally:
        await asyncio.shield(run_in_threadpool(_disconnect, storage, hashed, connection_id))


def _disconnect(storage: HubStorage, hashed: str, connection_id: str) -> None:
    try:
        storage.fhircast_subscriptions.disconnect(hashed, connection_id)
    except MediViewError:
        log.warning("fhircast_channel_not_noted")


class _Ended(Exception):
    """The hub ends the channel, with this close code; `reason`: sent to the subscriber."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Channel:
    def __init__(self, socket: WebSocket, storage: HubStorage, subscription: Subscription) -> None:
        self._socket = socket
        self._storage = storage
        self._subscription = subscription
        self._newest: NewestOfTopics = socket.app.state.newest_fhircast
        self._joined_hubs: JoinedHubs = socket.app.state.joined_hubs
        self._standing: StandingChannels = socket.app.state.standing_fhircast
        self._joined: Joined | None = None
        self._beat_s = storage.settings.fhircast_heartbeat_s
        self._checked_at = time.monotonic()
        self._beat_at = time.monotonic()
        self._answers: deque[float] = deque()
        # The event's name and until when an answer is waited for, by its id.
        self._awaited: dict[str, tuple[str, float]] = {}

    async def run(self) -> None:
        """Until one side ends it."""
        self._standing.enter(self._subscription.endpoint_hash)
        try:
            await self._serve()
        finally:
            self._standing.leave(self._subscription.endpoint_hash)

    async def _serve(self) -> None:
        listening = asyncio.create_task(self._listen())
        sending = asyncio.create_task(self._send_all())
        try:
            done, _ = await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect as left:
            if left.code not in (_NORMAL, _GOING_AWAY):
                await self._sync_error("has lost its connection", "", "")
        except TimeoutError:
            await self._sync_error("does not read what it is sent", "", "")
        except _Ended as ended:
            await self._end(ended)
        finally:
            for task in (listening, sending):
                task.cancel()
            await asyncio.gather(listening, sending, return_exceptions=True)
            await run_in_threadpool(self._joined_hubs.leave, self._joined)

    async def _end(self, ended: _Ended) -> None:
        try:
            if ended.reason:
                await self._send(
                    {
                        "hub.mode": "denied",
                        "hub.topic": self._subscription.topic,
                        "hub.events": ",".join(self._subscription.events),
                        "hub.reason": ended.reason,
                    }
                )
            await self._socket.close(ended.code)
        except (RuntimeError, TimeoutError, WebSocketDisconnect):
            return

    async def _send_all(self) -> None:
        # Before it is confirmed: what is announced from then on is sent as an event, once.
        number, contexts = await self._read(self._opened)
        left_s = (self._subscription.expires_at - utcnow()).total_seconds()
        await self._send(
            {
                "hub.mode": "subscribe",
                "hub.topic": self._subscription.topic,
                "hub.events": ",".join(self._subscription.events),
                "hub.lease_seconds": max(1, round(left_s)),
            }
        )
        await self._check_subscription()
        for context in contexts:
            # As if it were opened now; the time says when it was (2.4).
            await self._deliver(context.opened)
        while not self._socket.app.state.stopping():
            try:
                await self._check()
                number = await self._send_since(number)
            except MediViewError as error:
                # The connection outlasts a database that is away for a while.
                log.warning("fhircast_channel_waits", error=error.code)
                await asyncio.sleep(_OUTAGE_S)
        raise _Ended(_GOING_AWAY)

    async def _send_since(self, number: int) -> int:
        newest = await self._newest.number(self._subscription.topic)
        if newest <= number:
            await asyncio.sleep(LOOK_EVERY_S)
            return number
        events: list[Announced] = await self._read(
            lambda: self._storage.fhircast_events.since(self._subscription.topic, number)
        )
        for one in events:
            if one.not_for != self._subscription.endpoint_hash:
                await self._deliver(one.message)
            number = one.number
        # What is not for this subscriber's eyes is not asked for again.
        return max(number, newest) if len(events) < 100 else number

    async def _check(self) -> None:
        """Whether the subscription still stands, who answers, and whether a beat is due."""
        now = time.monotonic()
        if now - self._checked_at >= _CHECK_EVERY_S:
            self._checked_at = now
            await self._check_subscription()
        for event_id, (name, until) in self._awaited.items():
            if now > until:
                await self._sync_error("did not answer", event_id, name)
                await run_in_threadpool(
                    self._storage.fhircast_subscriptions.remove, self._subscription.endpoint_hash
                )
                raise _Ended(_NORMAL, "An event was not answered in time.")
        if HEARTBEAT in self._subscription.events and now - self._beat_at >= self._beat_s:
            self._beat_at = now
            await self._send(_heartbeat(self._subscription.topic, self._beat_s))

    async def _check_subscription(self) -> None:
        found = await self._standing.of(self._subscription.endpoint_hash)
        if found.subscription is None:
            raise _Ended(_NORMAL, "The subscription has ended.")
        if found.subscription.connection_id != self._subscription.connection_id:
            raise _Ended(_GOING_AWAY)
        self._subscription = found.subscription
        await self._follow(found)

    async def _follow(self, found: Standing) -> None:
        """Take part in another system's hub, where the person joined one by now."""
        principal = _present(found.principal)
        self._joined = await run_in_threadpool(
            self._joined_hubs.follow, self._joined, self._subscription, principal, found.joined
        )

    async def _principal(self) -> Principal:
        found = await run_in_threadpool(
            present_subscriber, self._storage, self._subscription, utcnow()
        )
        return _present(found)

    async def _read(self, read: Any) -> Any:
        """With what the one who subscribed may see by now."""
        principal = await self._principal()
        known: CallerVisibility = self._socket.app.state.caller_visibility

        def as_subscriber() -> Any:
            with limited_to(known.now(self._storage.engine, principal)):
                return read()

        return await run_in_threadpool(as_subscriber)

    def _opened(self) -> tuple[int, list[Context]]:
        return self._storage.fhircast_events.opened(self._subscription.topic)

    async def _deliver(self, message: CastMessage) -> None:
        asked = self._subscription.events
        if message.name not in asked:
            if message.change != "open":
                return
            wider = ANCHORS[: ANCHORS.index(message.anchor)]
            implied = with_anchor(asked, [one for one in reversed(wider) if _names(message, one)])
            if not implied:
                return
            message = message.opening(implied)
        if message.name != SYNC_ERROR and len(self._awaited) < _AWAITED_AT_MOST:
            until = time.monotonic() + self._beat_s
            self._awaited[message.event_id] = (message.name, until)
        await self._send(message.message)

    async def _send(self, message: Json) -> None:
        async with asyncio.timeout(_SEND_LIMIT_S):
            await self._socket.send_text(json.dumps(message, separators=(",", ":")))

    async def _listen(self) -> None:
        """Read what the subscriber answers, and notice that it leaves."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or 1006)
            now = time.monotonic()
            self._answers.append(now)
            while now - self._answers[0] > _ANSWERS_WITHIN_S:
                self._answers.popleft()
            text = message.get("text") or ""
            if len(self._answers) > _ANSWERS_AT_MOST or len(text) > _ANSWER_MAX_CHARACTERS:
                raise _Ended(_NOT_ALLOWED, "It sends too much.")
            answer = _answer(text)
            if answer is None:
                continue
            event_id, status = answer
            name, _ = self._awaited.pop(event_id, ("", 0.0))
            if name and not 200 <= status < 300:
                await self._sync_error(f"refused with {status}", event_id, name)

    async def _sync_error(self, what: str, event_id: str, event_name: str) -> None:
        await run_in_threadpool(
            announce_sync_error,
            self._storage.fhircast_events,
            self._subscription.topic,
            self._subscription.name,
            what,
            event_id,
            event_name,
            of=self._subscription.identity_id,
            not_for=self._subscription.endpoint_hash,
        )


def _present(principal: Principal | None) -> Principal:
    if principal is None:
        raise _Ended(_NOT_ALLOWED, "Its sign-in or key has ended, or may not listen any more.")
    return principal


def _names(message: CastMessage, anchor: str) -> bool:
    """Whether the event says what of that kind is open, too."""
    return bool(message.opening(anchor).resource_id)


def _answer(text: str) -> tuple[str, int] | None:
    """Id and status that a subscriber answers with; None for what is none."""
    try:
        decoded = json.loads(text)
        return str(decoded["id"]), int(decoded["status"])
    except (ValueError, OverflowError, TypeError, KeyError, RecursionError):
        return None


def _heartbeat(topic: str, period_s: float) -> Json:
    event = {
        "hub.topic": topic,
        "hub.event": HEARTBEAT,
        "context": [{"key": "period", "decimal": f"{period_s:g}"}],
    }
    return {"timestamp": rfc3339(utcnow()), "id": str(uuid.uuid4()), "event": event}
