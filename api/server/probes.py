"""What schedulers of containers ask: does it live, has it started, may it get requests.

Unlike `/health`, whose parts are for people, an answer here is a status, and nothing of a broker or
a worker that another process has to bring back.
"""

from typing import Annotated

from fastapi import Depends, Response
from starlette.concurrency import run_in_threadpool

from api.access.policy import ANYONE, policy
from api.audit_rules import PUBLIC
from api.deps import StoppingDep
from api.router_factory import new_router
from api.server.health import HealthChecks, get_checks
from api.server.schemas import Probe

router = new_router(tags=["operation"])


@router.get("/livez", summary="Whether the process answers")
@policy(ANYONE, "api:read", PUBLIC)
async def livez(response: Response) -> Probe:
    """Always `ok`: a process that does not answer must be restarted, and no other."""
    response.headers["Cache-Control"] = "no-store"
    return Probe(status="ok")


@router.get("/startupz", summary="Whether the process has started")
@policy(ANYONE, "api:read", PUBLIC)
async def startupz(response: Response) -> Probe:
    """Connections are accepted once the storage is open, so that an answer means yes."""
    response.headers["Cache-Control"] = "no-store"
    return Probe(status="ok")


@router.get(
    "/readyz",
    summary="Whether the process may get requests",
    responses={503: {"model": Probe, "description": "Stopping, or a part that is needed is down."}},
)
@policy(ANYONE, "api:read", PUBLIC)
async def readyz(
    response: Response,
    stopping: StoppingDep,
    checks: Annotated[HealthChecks, Depends(get_checks)],
) -> Probe:
    """503 while the process stops, and while database, object store or disk take nothing in."""
    response.headers["Cache-Control"] = "no-store"
    if stopping():
        response.status_code = 503
        return Probe(status="stopping")
    if not await run_in_threadpool(checks.takes_in):
        response.status_code = 503
        return Probe(status="unavailable")
    return Probe(status="ok")
