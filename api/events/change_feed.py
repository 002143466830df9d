"""Changes page by page, for programs that mirror the node."""

import asyncio
import time
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.caller_visibility import AccessEnded, as_caller
from api.access.policy import READERS, policy
from api.audit_rules import UIDS_ALONE
from api.deps import StoppingDep, StorageDep
from api.errors import ApiProblem
from api.events.newest import LOOK_EVERY_S, Newest
from api.events.parameters import After, EventStudy, EventTypes
from api.events.schemas import Change, ChangePage
from api.parameters import Limit, problems
from api.router_factory import new_router
from storage.core.callers.visibility import as_node
from storage.core.entities import Event
from storage.core.state_words import state_word
from storage.events.repository import Events

router = new_router(prefix="/api", tags=["events"])

WaitSeconds = Annotated[
    float,
    Query(ge=0, le=30, description="Wait so long for a change where there is none yet."),
]


@router.get("/changes", summary="What changed since a number", responses=problems(410))
@policy(READERS, "api:read", UIDS_ALONE)
async def list_changes(
    request: Request,
    response: Response,
    storage: StorageDep,
    stopping: StoppingDep,
    after: After = None,
    study_instance_uid: EventStudy = None,
    types: EventTypes = None,
    limit: Limit = 200,
    wait_s: WaitSeconds = 0.0,
) -> ChangePage:
    """Changes of studies, jobs, findings, reports, deliveries and all else that has events.

    Without `after` there are none, and `next_after` is the number to begin with: take it, read
    everything once, and ask for what came after it from then on. Each change names what to read
    again; what is then not found was deleted, or is not for you any more. Numbers stay the same
    over restarts. 410 `events_gone`: what came after that number is not known any more.
    """
    newest: Newest = request.app.state.newest_event
    response.headers["Cache-Control"] = "no-store"
    if after is None:
        return ChangePage(items=[], next_after=await newest.event_id(), has_more=False)
    read = partial(
        storage.events.since,
        after,
        study_instance_uid=study_instance_uid,
        topics=tuple(types or ()),
        limit=limit + 1,
    )
    # Looked up before the events are read: what is not among them then came later.
    up_to = await newest.event_id(at_least=after)
    await run_in_threadpool(_check_known, storage.events, after, up_to)
    end = time.monotonic() + wait_s
    found = await run_in_threadpool(read)
    while not found and not stopping() and time.monotonic() < end:
        await asyncio.sleep(LOOK_EVERY_S)
        before, up_to = up_to, await newest.event_id()
        if up_to > before:
            try:
                found = await run_in_threadpool(as_caller, request, read)
            except AccessEnded:
                break
    has_more = len(found) > limit
    items = [_change(event) for event in found[:limit]]
    following = items[-1].event_id if has_more else max([up_to, *(one.event_id for one in items)])
    return ChangePage(items=items, next_after=following, has_more=has_more)


@as_node()
def _check_known(events: Events, after: int, newest: int) -> None:
    """Raises ApiProblem where it is not known what came after that number."""
    if after > newest:
        reason = "The node has no change of that number: its database is another one."
    elif after < events.oldest_id() - 1:
        reason = "What came after that number is not known any more."
    else:
        return
    raise ApiProblem(
        410,
        "events_gone",
        reason,
        remedy="GET /api/v1/changes without `after` gives the number to begin with;"
        " take it, then read everything once more.",
    )


def _change(event: Event) -> Change:
    data = dict(event.payload)
    # The state for people is `status` in events of jobs, beside the state of the UPS.
    state = data.pop("status", "") or data.get("state", "")
    data.pop("state", None)
    return Change(
        event_id=event.event_id,
        type=event.topic,
        at=event.at,
        study_instance_uid=event.study_instance_uid,
        job_id=event.job_id,
        state=state_word(state),
        change=data.pop("change", ""),
        data=data,
    )
