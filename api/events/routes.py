"""Live events as server-sent events, resumable by number (HTML Standard 9.2).

The events table is the source: what is committed is sent, whichever process
did it. All streams of a process share one look at the newest number, so that
many open pages cost the database little.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.access.caller_visibility import AccessEnded, as_caller, present_principal
from api.access.limits.event_stream import EventStream
from api.access.policy import READERS, policy
from api.audit_rules import UIDS_ALONE
from api.deps import StoppingDep, StorageDep
from api.events.newest import LOOK_EVERY_S, Newest
from api.events.parameters import After, EventStudy, EventTypes, LastEventId, resume_point
from api.jobs.routes import JobStorage, read_job
from api.parameters import JobId, problems
from api.router_factory import new_router
from storage.container.has import HasEvents
from storage.core.callers.visibility import as_node
from storage.core.clock import rfc3339
from storage.core.entities import OPEN_STATES, Event, EventTopic
from storage.core.errors import NotFound
from storage.core.state_words import state_word

router = new_router(prefix="/api", tags=["events"])

P = ParamSpec("P")
R = TypeVar("R")

# Well below the idle timeouts of proxies.
_KEEP_ALIVE_S = 15.0
_RECONNECT_AFTER_MS = 2000
_REREAD = "Read again what you show; the stream goes on from here."

_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    "/events",
    summary="Everything that happens on the node, live",
    response_class=StreamingResponse,
    responses=_EVENT_STREAM,
)
@policy(READERS, "api:read", UIDS_ALONE)
async def node_events(
    request: Request,
    storage: StorageDep,
    stopping: StoppingDep,
    last_event_id: LastEventId = None,
    after: After = None,
    study_instance_uid: EventStudy = None,
    topics: EventTypes = None,
) -> EventStream:
    """Events `study`, `job`, `delivery`, `finding` and `upload`, each with what changed.

    A new stream begins with what happens next. With `Last-Event-ID` or `after`
    it first tells what was missed. An event `reset` says that some of it is not kept any
    more: read again what you show. A comment comes every 15 seconds.
    """
    start = resume_point(last_event_id, after)
    stream = _Stream(request, storage, stopping)
    # Looked up before the answer begins: who has its first line misses nothing from then on.
    newest = await stream.newest(start)
    wanted = _Wanted(study_instance_uid=study_instance_uid, topics=tuple(topics or ()))
    return EventStream(_until_access_ends(stream.of_node(start, newest, wanted)))


@router.get(
    "/jobs/{job_id}/events",
    summary="One job, live",
    response_class=StreamingResponse,
    responses={**_EVENT_STREAM, **problems(404)},
)
@policy(READERS, "api:read", UIDS_ALONE)
async def job_events(
    request: Request,
    storage: StorageDep,
    stopping: StoppingDep,
    job_id: JobId,
    last_event_id: LastEventId = None,
    after: After = None,
) -> EventStream:
    """Events `job`, each with the whole job as it is then; the first comes at once.

    The stream ends once the job is `completed`, `failed`, `cancelled` or `superseded`.
    """
    start = resume_point(last_event_id, after)
    await run_in_threadpool(storage.jobs.get, job_id)
    stream = _Stream(request, storage, stopping)
    return EventStream(_until_access_ends(stream.of_job(job_id, start)))


@dataclass(frozen=True)
class _Wanted:
    """Which events a stream has; None and empty: all."""

    job_id: str | None = None
    study_instance_uid: str | None = None
    topics: tuple[EventTopic, ...] = ()


class EventStorage(JobStorage, HasEvents, Protocol):
    """What of the storage layer streams of events are read from."""


class _Stream:
    def __init__(
        self, request: Request, storage: EventStorage, stopping: Callable[[], bool]
    ) -> None:
        self._request = request
        self._storage = storage
        self._stopping = stopping
        self._newest: Newest = request.app.state.newest_event

    async def newest(self, start: int | None = None) -> int:
        return await self._newest.event_id(at_least=start or 0)

    async def _check_access(self) -> None:
        """Also while nothing happens. Raises AccessEnded."""
        await run_in_threadpool(present_principal, self._request)

    async def _read(self, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """With what the reader may see by now: a stream may last for days."""
        return await run_in_threadpool(partial(as_caller, self._request, read, *args, **kwargs))

    async def of_node(self, start: int | None, newest: int, wanted: _Wanted) -> AsyncIterator[str]:
        position, lost = newest, ""
        if start is not None:
            position, lost = await run_in_threadpool(self._resumed, start, newest)
        yield _opening(position)
        if lost:
            yield _message(
                position, "reset", {"code": "events_gone", "detail": lost, "remedy": _REREAD}
            )
        async for batch in self._batches(position, wanted):
            if not batch:
                await self._check_access()
                yield ": still here\n\n"
            for event in batch:
                data = await self._read(self._node_data, event)
                yield _message(event.event_id, event.topic, data)

    @as_node()
    def _resumed(self, start: int, newest: int) -> tuple[int, str]:
        """Where to go on, and what to say where events in between are not there any more."""
        if start > newest:
            return newest, "The node has no event of that number: its database is another one."
        oldest = self._storage.events.oldest_id()
        if start < oldest - 1:
            return oldest - 1, "Events after that number have been removed by retention."
        return start, ""

    async def of_job(self, job_id: str, start: int | None) -> AsyncIterator[str]:
        # The number is taken before the state: what happens between is sent twice, not never.
        newest = await self.newest(start)
        # The whole job is in each message, so nothing is lost with events that are gone.
        position = newest if start is None or start > newest else start
        yield _opening(position)
        job = await self._read(read_job, self._storage, job_id)
        if position != start or job.state not in OPEN_STATES:
            yield _message(position, "job", job.model_dump(mode="json"))
        if job.state not in OPEN_STATES:
            return
        async for batch in self._batches(position, _Wanted(job_id=job_id)):
            if not batch:
                await self._check_access()
                yield ": still here\n\n"
                continue
            # Each message is the job as it is now, so one for the batch says everything.
            job = await self._read(read_job, self._storage, job_id)
            yield _message(batch[-1].event_id, "job", job.model_dump(mode="json"))
            if job.state not in OPEN_STATES:
                return

    async def _batches(self, position: int, wanted: _Wanted) -> AsyncIterator[list[Event]]:
        """Events after `position`, as they come; an empty batch asks for a keep-alive."""
        sent_at = time.monotonic()
        while not self._stopping():
            batch: list[Event] = []
            newest = await self.newest()
            if newest > position:
                batch = await self._read(
                    self._storage.events.since,
                    position,
                    job_id=wanted.job_id,
                    study_instance_uid=wanted.study_instance_uid,
                    topics=wanted.topics,
                )
                # Without an event that is wanted the next look starts behind all that was seen.
                position = batch[-1].event_id if batch else newest
            if batch or time.monotonic() - sent_at >= _KEEP_ALIVE_S:
                sent_at = time.monotonic()
                yield batch
            if not batch:
                await asyncio.sleep(LOOK_EVERY_S)

    def _node_data(self, event: Event) -> dict[str, Any]:
        data: dict[str, Any] = {
            **event.payload,
            "study_instance_uid": event.study_instance_uid,
            "at": rfc3339(event.at),
        }
        if event.job_id:
            data["job_id"] = event.job_id
            # As the job itself says it; the state of the UPS is for workitems.
            data["state"] = data.pop("status", data.get("state", ""))
        if "state" in data:
            data["state"] = state_word(data["state"])
        if event.topic == "job" and event.job_id:
            try:
                data["job"] = read_job(self._storage, event.job_id).model_dump(mode="json")
            except NotFound:
                data["job"] = None
        return data


async def _until_access_ends(body: AsyncIterator[str]) -> AsyncIterator[str]:
    """A browser then opens the stream again, and learns that it has to sign in."""
    with suppress(AccessEnded):
        async for message in body:
            yield message


def _opening(position: int) -> str:
    # An id without data moves a browser's resume point and dispatches nothing.
    return f"retry: {_RECONNECT_AFTER_MS}\nid: {position}\n\n"


def _message(event_id: int, event: str, data: dict[str, Any]) -> str:
    return f"id: {event_id}\nevent: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
