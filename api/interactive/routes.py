"""Segmenting by clicks: a session of an interactive model on a stored series.

The series and the model are in the memory of a worker's process, never in this one: a route writes
what is wanted into the session's row, and waits there for the worker's answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Query, Request
from starlette.concurrency import run_in_threadpool

from api.access.authors import author_of
from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import Principal, PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import CAPABILITIES, CHANGED, Audited
from api.deps import StorageDep
from api.errors import ApiProblem
from api.interactive.opening import model_payload, open_session, why_unavailable
from api.interactive.schemas import (
    AcceptMask,
    Clicks,
    InteractiveModelList,
    InteractiveSessionPayload,
    NewInteractiveSession,
)
from api.interactive.serializers import session_payload
from api.jobs.routes import read_job
from api.jobs.schemas import JobPayload
from api.parameters import problems
from api.router_factory import new_router
from inference.broker.notify import wake, wake_interactive
from inference.interactive.grid import check_inside
from inference.interactive.models import click_models
from storage.audit import Code
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.errors import StateConflict
from storage.interactive.entities import Acceptance, InitialMask, InteractiveSession, Point, Shape
from storage.interactive.repository import InteractiveSessions, session_over
from storage.settings import Settings

router = new_router(prefix="/api/interactive", tags=["reading"])

SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The session's id.")]
WaitS = Annotated[float, Query(ge=0, le=30, description="Wait so long for what the worker is at.")]
_LOOK_EVERY_S = 0.03
_WAKE_EVERY_S = 1.0
_MASK_S = 30.0
_SAVING_S = 60.0
_READ_OF_SESSION = Audited(Code.PROCEDURE_RECORD, "R", repeated=True)
_CLICKED = Audited(Code.PROCEDURE_RECORD, "U", repeated=True)


@router.get("/models", summary="Models that segment by clicks")
@policy(READERS, "api:read", CAPABILITIES)
def list_interactive_models(storage: StorageDep) -> InteractiveModelList:
    """Of what was added: bundles in the manner of DeepEdit and VISTA3D, models of nnInteractive."""
    unavailable = why_unavailable(storage.settings, storage.heartbeats)
    return InteractiveModelList(
        is_available=unavailable is None,
        reason=unavailable.message if unavailable else "",
        remedy=unavailable.remedy if unavailable else "",
        items=[model_payload(storage.model_states, one) for one in click_models(storage.settings)],
    )


@router.post(
    "/sessions",
    status_code=201,
    summary="Open a session of an interactive model",
    responses=problems(400, 404, 409, 429, 503),
)
@policy(RADIOLOGISTS, "api:write", Audited(Code.PROCEDURE_RECORD, "C"))
async def open_interactive_session(
    request: Request, storage: StorageDep, principal: PrincipalDep, new: NewInteractiveSession
) -> InteractiveSessionPayload:
    """A worker loads the series and the model; `GET` with `wait_s` waits until it is `ready`.

    Somebody has one session at a time: an earlier one ends. 503 where the node has no worker for
    it, 429 where all sessions of the node are in use.
    """
    name_studies(request, new.study_instance_uid)
    return session_payload(await run_in_threadpool(open_session, storage, principal, new))


@router.get(
    "/sessions/{session_id}", summary="A session of an interactive model", responses=problems(404)
)
@policy(RADIOLOGISTS, "api:read", _READ_OF_SESSION)
async def get_interactive_session(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    session_id: SessionId,
    wait_s: WaitS = 0.0,
) -> InteractiveSessionPayload:
    """Its state, the points, and the newest mask. For who opened it alone."""
    session = await _waited(
        storage.settings,
        storage.interactive_sessions,
        principal,
        session_id,
        wait_s,
        lambda one: not one.is_waiting,
    )
    name_studies(request, session.study_instance_uid)
    return await _with_mask(storage.interactive_sessions, session)


@router.put(
    "/sessions/{session_id}/clicks",
    summary="Segment by these points and this box",
    responses=problems(400, 404, 409),
)
@policy(RADIOLOGISTS, "api:write", _CLICKED)
async def put_interactive_clicks(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    session_id: SessionId,
    clicks: Clicks,
) -> InteractiveSessionPayload:
    """All that hold from now on; the answer has the mask. A point is taken back by leaving it out.

    Where the model takes longer than 30 s, `answered` is still below `number`: `GET` with `wait_s`
    goes on waiting. 409 where the session is over, not ready, or was changed at the same moment.
    """
    changed = await run_in_threadpool(
        _change, storage.interactive_sessions, principal, session_id, clicks
    )
    name_studies(request, changed.study_instance_uid)
    session = await _waited(
        storage.settings,
        storage.interactive_sessions,
        principal,
        session_id,
        _MASK_S,
        lambda one: one.answered >= changed.wanted,
    )
    _check_goes_on(session)
    return await _with_mask(storage.interactive_sessions, session)


@router.post(
    "/sessions/{session_id}/accept",
    status_code=201,
    summary="Save the mask of a session",
    responses=problems(400, 404, 409, 422, 507),
)
@policy(RADIOLOGISTS, "api:write", CHANGED)
async def accept_interactive_mask(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    session_id: SessionId,
    accept: AcceptMask,
) -> JobPayload:
    """As a segment of a SEG, with an SR of its volume; sent like every result, UNVERIFIED.

    The answer is the job that stands for it. The session goes on: the next structure that is
    accepted is another segment of the same Segmentation, and one of the same label takes its
    place.
    """
    asked = await run_in_threadpool(
        _accept, storage.interactive_sessions, principal, session_id, accept
    )
    name_studies(request, asked.study_instance_uid)
    session = await _waited(
        storage.settings,
        storage.interactive_sessions,
        principal,
        session_id,
        _SAVING_S,
        lambda one: one.acceptance is None,
    )
    _check_goes_on(session)
    if not session.job_id:
        problem = session.problem
        raise ApiProblem(
            409,
            problem["code"] if problem else "state_conflict",
            problem["detail"] if problem else "The worker is still saving the mask.",
            remedy=problem["remedy"] if problem else "Look at the results of the study.",
        )
    wake(storage.settings)
    return await run_in_threadpool(read_job, storage, session.job_id)


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    summary="End a session of an interactive model",
    responses=problems(404),
)
@policy(RADIOLOGISTS, "api:write", Audited(Code.PROCEDURE_RECORD, "D"))
def end_interactive_session(
    request: Request, storage: StorageDep, principal: PrincipalDep, session_id: SessionId
) -> None:
    """What was not accepted is gone. Who lost the right to see the study meanwhile ends it, too."""
    # Somebody else's is not found all the same.
    with as_node():
        session = storage.interactive_sessions.get(session_id, principal.identity.id, utcnow())
    name_studies(request, session.study_instance_uid)
    storage.interactive_sessions.end(session_id, "It was cancelled.")


def _change(
    sessions: InteractiveSessions,
    principal: Principal,
    session_id: str,
    clicks: Clicks,
) -> InteractiveSession:
    session = _usable(sessions, principal, session_id)
    points: list[Point] = [{"lps_mm": one.lps_mm, "inside": one.inside} for one in clicks.points]
    shapes: list[Shape] = [
        {"kind": one.kind, "inside": one.inside, "lps_mm": one.lps_mm} for one in clicks.shapes
    ]
    grid = sessions.grid(session_id)
    if grid is not None:
        check_inside(points, clicks.box, shapes, grid)
    initial: InitialMask | None = None
    if clicks.initial is not None:
        initial = {
            "sop_instance_uid": clicks.initial.sop_instance_uid,
            "segment_number": clicks.initial.segment_number,
        }
    return sessions.change(session, points, clicks.box, utcnow(), shapes, initial)


def _accept(
    sessions: InteractiveSessions, principal: Principal, session_id: str, accept: AcceptMask
) -> InteractiveSession:
    session = _usable(sessions, principal, session_id)
    if accept.number != session.wanted or session.answered != session.wanted:
        raise StateConflict(
            f"The session is at change {session.wanted}, and the mask to be saved is of change"
            f" {accept.number}.",
            remedy="Look at the newest mask, and accept that.",
        )
    author = author_of(principal)
    code = accept.code
    acceptance: Acceptance = {
        "author_name": author.name,
        "author_id": author.id,
        "is_person": author.is_person,
        "label": accept.label,
        "code": None if code is None else (code.value, code.scheme_designator, code.meaning),
    }
    return sessions.accept(session, acceptance, utcnow())


def _usable(
    sessions: InteractiveSessions, principal: Principal, session_id: str
) -> InteractiveSession:
    session = sessions.get(session_id, principal.identity.id, utcnow())
    _check_goes_on(session)
    if session.state == "opening":
        raise StateConflict(
            "The session is not ready yet: a worker loads the series and the model.",
            remedy="Wait for it: GET the session with wait_s.",
        )
    return session


def _check_goes_on(session: InteractiveSession) -> None:
    if session.state == "ended":
        raise session_over(session)


async def _waited(
    settings: Settings,
    sessions: InteractiveSessions,
    principal: Principal,
    session_id: str,
    at_most_s: float,
    is_enough: Callable[[InteractiveSession], bool],
) -> InteractiveSession:
    """The session, once it is as it is waited for, has ended, or time is over."""
    until = time.monotonic() + at_most_s
    woken = time.monotonic()
    while True:
        session = await run_in_threadpool(sessions.get, session_id, principal.identity.id, utcnow())
        now = time.monotonic()
        if session.state == "ended" or is_enough(session) or now >= until:
            return session
        if not session.lease_owner and now - woken > _WAKE_EVERY_S:
            # The worker may have been busy with another, or the message was lost.
            woken = now
            await run_in_threadpool(wake_interactive, settings)
        await asyncio.sleep(_LOOK_EVERY_S)


async def _with_mask(
    sessions: InteractiveSessions, session: InteractiveSession
) -> InteractiveSessionPayload:
    def read() -> InteractiveSessionPayload:
        session_id = session.session_id
        packed = sessions.mask(session_id) if session.mask_place is not None else b""
        return session_payload(session, sessions.grid(session_id), packed)

    return await run_in_threadpool(read)
