"""Views of a study that people share by a link, for an hour, a day or a week."""

from functools import partial
from typing import Annotated

import structlog
from fastapi import Path, Query, Request, Response

from api.access.policy import READERS, policy
from api.access.principal import PrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import READ, UIDS_ALONE, Audited
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import problems
from api.router_factory import new_router
from api.shared_views.schemas import (
    DURATIONS,
    NewSharedView,
    SharedViewPage,
    SharedViewPayload,
    SharedViewSummary,
    ViewState,
)
from storage.audit import Code
from storage.shared_views.entities import SharedView
from storage.shared_views.repository import NEWEST_SHARED_VIEWS, check_opens

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/shared-views", tags=["reading"])

SharedViewId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="What the link carries.")
]
OfStudy = Annotated[
    str | None, Query(pattern=r"^[0-9.]{1,64}$", description="Of this study alone.")
]


@router.get("", summary="My links to views")
@policy(READERS, "api:read", UIDS_ALONE)
def list_shared_views(
    storage: StorageDep,
    principal: PrincipalDep,
    paging: CursorPagingDep,
    study_instance_uid: OfStudy = None,
) -> SharedViewPage:
    """Those of the caller that open now, the newest first."""
    return paging.read(
        SharedViewPage,
        NEWEST_SHARED_VIEWS,
        partial(storage.shared_views.list, principal.identity.id, study_instance_uid),
        _summary,
    )


@router.post(
    "", status_code=201, summary="Share a view by a link", responses=problems(400, 404, 429)
)
@policy(READERS, "api:write", Audited(Code.PROCEDURE_RECORD, "C"))
def share_view(
    request: Request,
    storage: StorageDep,
    principal: PrincipalDep,
    response: Response,
    new: NewSharedView,
) -> SharedViewSummary:
    """The link opens for everybody who may see the study, once signed in, and for nobody else.

    429 where the caller has 200 links open.
    """
    name_studies(request, new.study_instance_uid)
    storage.index.study(new.study_instance_uid)
    shared = storage.shared_views.share(
        new.study_instance_uid,
        new.view.model_dump(mode="json"),
        principal.identity.id,
        DURATIONS[new.valid_for],
    )
    log.info("view_shared", valid_for=new.valid_for)
    response.headers["Location"] = f"/api/shared-views/{shared.shared_view_id}"
    return _summary(shared)


@router.get("/{shared_view_id}", summary="Open a shared view", responses=problems(404, 410))
@policy(READERS, "api:read", READ)
def open_shared_view(
    request: Request, storage: StorageDep, principal: PrincipalDep, shared_view_id: SharedViewId
) -> SharedViewPayload:
    """404 also for whom access groups do not let see the study; 410 `shared_view_over` once the
    link has expired or was revoked."""
    shared = storage.shared_views.get(shared_view_id)
    name_studies(request, shared.study_instance_uid)
    check_opens(shared)
    return SharedViewPayload(
        **_summary(shared).model_dump(),
        is_yours=shared.owner_id == principal.identity.id,
        view=ViewState.model_validate(shared.view),
    )


@router.delete(
    "/{shared_view_id}", status_code=204, summary="Revoke a shared view", responses=problems(404)
)
@policy(READERS, "api:write", Audited(Code.PROCEDURE_RECORD, "D"))
def revoke_shared_view(
    request: Request, storage: StorageDep, principal: PrincipalDep, shared_view_id: SharedViewId
) -> None:
    """The link opens nothing from then on. Its owner alone may, also who lost sight of the study.

    Again it is answered alike.
    """
    shared = storage.shared_views.revoke(shared_view_id, principal.identity.id)
    name_studies(request, shared.study_instance_uid)
    log.info("shared_view_revoked")


def _summary(shared: SharedView) -> SharedViewSummary:
    return SharedViewSummary(
        shared_view_id=shared.shared_view_id,
        study_instance_uid=shared.study_instance_uid,
        created_at=shared.created_at,
        expires_at=shared.expires_at,
    )
