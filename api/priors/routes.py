"""What is fetched from other archives, what could not be, and trying it again."""

from functools import partial
from typing import Annotated

import structlog
from fastapi import Path, Request

from api.access.policy import INTEGRATORS, policy
from api.audit.middleware import name_studies
from api.audit_rules import QUERY, UIDS_ALONE, Audited
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import StudyUid, UpdatedSince, problems
from api.priors.schemas import (
    PriorFetchPage,
    PriorFetchPayload,
    PriorSearchPage,
    PriorSearchPayload,
    RetriedPriors,
)
from api.priors.serializers import prior_payload, search_payload
from api.request_rules.enum_spelling import PriorStateWord
from api.router_factory import new_router
from inference.broker.notify import wake
from storage.audit import Code
from storage.priors.fetches import LAST_FETCHED
from storage.priors.searches import LAST_SEARCHED

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/priors", tags=["priors"])

SearchId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The search's id.")]
_FETCHED = Audited(Code.IMPORT, "E", with_change=True)


@router.get("", summary="List the studies that come from other archives")
@policy(INTEGRATORS, "api:read", QUERY)
def list_priors(
    storage: StorageDep,
    paging: CursorPagingDep,
    state: PriorStateWord | None = None,
    updated_since: UpdatedSince = None,
) -> PriorFetchPage:
    """What changed last comes first."""
    return paging.read(
        PriorFetchPage,
        LAST_FETCHED,
        partial(storage.prior_fetches.list, state, updated_since=updated_since),
        prior_payload,
    )


@router.get("/searches", summary="List the searches for earlier studies")
@policy(INTEGRATORS, "api:read", UIDS_ALONE)
def list_searches(
    storage: StorageDep,
    paging: CursorPagingDep,
    state: PriorStateWord | None = None,
    updated_since: UpdatedSince = None,
) -> PriorSearchPage:
    """One for each study or order, rule and archive; what changed last comes first."""
    return paging.read(
        PriorSearchPage,
        LAST_SEARCHED,
        partial(storage.prior_searches.list, state, updated_since=updated_since),
        search_payload,
    )


@router.post("/retry", summary="Try again all that was given up")
@policy(INTEGRATORS, "api:write", _FETCHED)
def retry_priors(storage: StorageDep) -> RetriedPriors:
    """Searches and studies."""
    retried = RetriedPriors(
        searches=storage.prior_searches.retry_failed(), studies=storage.prior_fetches.retry_failed()
    )
    log.info("priors_retried", searches=retried.searches, studies=retried.studies)
    wake(storage.settings)
    return retried


@router.post(
    "/searches/{search_id}/retry", summary="Ask an archive again now", responses=problems(404)
)
@policy(INTEGRATORS, "api:write", _FETCHED)
def retry_search(storage: StorageDep, search_id: SearchId) -> PriorSearchPayload:
    """Whatever became of it before."""
    search = storage.prior_searches.retry(search_id)
    wake(storage.settings)
    return search_payload(search)


@router.post(
    "/{study_instance_uid}/retry", summary="Fetch a study again now", responses=problems(404)
)
@policy(INTEGRATORS, "api:write", _FETCHED)
def retry_prior(
    request: Request, storage: StorageDep, study_instance_uid: StudyUid
) -> PriorFetchPayload:
    """Whatever became of it before; one that is coming just now goes on."""
    name_studies(request, study_instance_uid)
    fetch = storage.prior_fetches.retry(study_instance_uid)
    wake(storage.settings)
    return prior_payload(fetch)
