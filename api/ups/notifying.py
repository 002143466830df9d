"""Report to subscribers over a WebSocket what becomes of workitems (PS3.18 8.10, 11.13).

The events table is the source, so that it does not matter which process changed an
item and which one holds the connection. A subscriber that comes back gets what
it missed; after a break it may get a report twice, and never not at all.
"""

import asyncio
import json
import time

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from api.access.caller_visibility import AccessEnded, as_caller, present_principal
from api.access.limits.open_requests import OpenRequests
from api.access.policy import INTEGRATORS, policy
from api.audit_rules import SUBSCRIBED
from api.dicomweb.routing import worklist_router
from api.errors import ApiProblem
from api.events.newest import Newest
from api.ups.subscribing import AeTitle
from dicom_node.ups.audience import Audience, Report
from storage.container import Storage
from storage.core.errors import MediViewError, NotPermitted
from storage.ups.events import event_report

log = structlog.get_logger(__name__)

router = worklist_router()

_LOOK_EVERY_S = 0.25
_SEND_LIMIT_S = 30.0
_OUTAGE_S = 1.0
_CHECK_EVERY_S = 15.0
# RFC 6455 7.4.1.
_GOING_AWAY = 1001
_NOT_ALLOWED = 1008
_TRY_LATER = 1013
_MAX_MESSAGE_ID = 65535


@router.websocket("/subscribers/{ae_title}")
@policy(INTEGRATORS, "dicomweb:read", SUBSCRIBED)
async def notify(socket: WebSocket, ae_title: AeTitle) -> None:
    """Each message is one event report in DICOM JSON, in the order of the events."""
    open_requests: OpenRequests = socket.app.state.open_requests
    try:
        with open_requests.stream():
            await socket.accept()
            await _report(socket, ae_title)
    except ApiProblem:
        # Refused before it is open, and so with 403.
        await socket.close(_TRY_LATER)


async def _report(socket: WebSocket, ae_title: AeTitle) -> None:
    """Until one side ends it."""
    reporter = _Reporter(socket, ae_title)
    listening = asyncio.create_task(_listen(socket))
    reporting = asyncio.create_task(reporter.run())
    try:
        done, _ = await asyncio.wait({listening, reporting}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except (WebSocketDisconnect, TimeoutError):
        pass  # it is gone, or does not read any more; what it missed is reported when it is back
    finally:
        for task in (listening, reporting):
            task.cancel()
        await asyncio.gather(listening, reporting, return_exceptions=True)


async def _listen(socket: WebSocket) -> None:
    """Notice that the subscriber leaves; nothing that it says means anything."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))


class _Reporter:
    def __init__(self, socket: WebSocket, ae_title: str) -> None:
        self._socket = socket
        self._ae_title = ae_title
        self._storage: Storage = socket.app.state.storage
        self._newest: Newest = socket.app.state.newest_event
        self._message_id = 0
        self._checked_at = time.monotonic()

    async def run(self) -> None:
        position: int | None = None
        while not self._socket.app.state.stopping():
            try:
                await self._check_access()
                position = await self._report_since(position)
            except (AccessEnded, NotPermitted):
                await self._socket.close(_NOT_ALLOWED)
                return
            except MediViewError as error:
                # The connection outlasts a database that is away for a while.
                log.warning("subscriber_waits", error=error.code)
                await asyncio.sleep(_OUTAGE_S)
        await self._socket.close(_GOING_AWAY)

    async def _check_access(self) -> None:
        """Now and then, also while nothing happens. Raises AccessEnded, MediViewError."""
        if time.monotonic() - self._checked_at < _CHECK_EVERY_S:
            return
        await run_in_threadpool(present_principal, self._socket)
        self._checked_at = time.monotonic()

    async def _report_since(self, position: int | None) -> int:
        """Send what happened since; up to where that was. Raises MediViewError."""
        subscriptions = self._storage.subscriptions
        if position is None:
            position = await run_in_threadpool(subscriptions.position, self._ae_title)
        newest = await self._newest.event_id()
        if position is None:
            # The connection may be opened before anything is subscribed to.
            return newest
        if newest <= position:
            await asyncio.sleep(_LOOK_EVERY_S)
            return position
        last, reports = await run_in_threadpool(as_caller, self._socket, self._reports, position)
        for report in reports:
            await self._send(report)
        position = last if last > position else newest
        await run_in_threadpool(subscriptions.mark_reported, self._ae_title, position)
        return position

    async def _send(self, report: Report) -> None:
        self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
        message = event_report(report.workitem_uid, report.event, self._message_id)
        async with asyncio.timeout(_SEND_LIMIT_S):
            await self._socket.send_text(
                json.dumps(dict(sorted(message.items())), separators=(",", ":"))
            )

    def _reports(self, position: int) -> tuple[int, list[Report]]:
        """Up to where was looked, and what of it this subscriber gets. Raises NotPermitted."""
        self._storage.subscriptions.check_subscriber(self._ae_title)
        events = self._storage.events.since(position)
        if not events:
            return position, []
        audience = Audience(
            self._storage.workitem_list, self._storage.subscriptions, self._ae_title
        )
        return events[-1].event_id, [
            report for event in events for report in audience.reports(event)
        ]
