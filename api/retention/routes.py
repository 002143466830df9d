"""Retention for administrators: what would leave, how the disk is, and what has left."""

from functools import partial
from typing import Annotated

from fastapi import Query

from api.access.policy import ADMINS, policy
from api.audit_rules import UIDS_ALONE
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.lists.paging import PagingDep
from api.parameters import problems
from api.retention.schemas import (
    RemovedStudies,
    RetentionPlan,
    RetentionStatus,
)
from api.retention.serializers import planned_payload, removed_payload, status_payload
from api.router_factory import new_router
from inference.retention.departure import removals
from inference.retention.dry_run import plan
from inference.retention.outlook import disk_outlook
from storage.audit.query import NEWEST_EVENTS
from storage.core.clock import utcnow

router = new_router(prefix="/api/retention", tags=["retention"])


@router.get("", summary="What would leave, and why each other study stays", responses=problems(400))
@policy(ADMINS, "admin", UIDS_ALONE)
def plan_retention(
    storage: StorageDep,
    paging: PagingDep,
    within_days: Annotated[float, Query(ge=0, le=36_500, description="How far to look.")] = 0,
) -> RetentionPlan:
    """By the rules in force; nothing is removed and no peer is asked."""
    uids, total = storage.retention.page(paging.limit, paging.offset)
    studies = plan(storage, uids, utcnow(), within_days)
    return paging.page(RetentionPlan, [planned_payload(one) for one in studies], total)


@router.get("/status", summary="The disk, and what the last round could not free")
@policy(ADMINS, "admin", UIDS_ALONE)
def get_retention_status(storage: StorageDep) -> RetentionStatus:
    """When the disk will be full at the rate of the last days, and what studies wait for."""
    _, holds = storage.legal_holds.page(1, 0)
    return status_payload(
        disk_outlook(
            storage.settings, storage.volumes, storage.retention, storage.disk_samples, utcnow()
        ),
        holds,
    )


@router.get("/removed", summary="List the studies that have left by rule")
@policy(ADMINS, "admin", UIDS_ALONE)
def list_removed(storage: StorageDep, paging: CursorPagingDep) -> RemovedStudies:
    """As far back as the audit trail reaches."""
    return paging.read(
        RemovedStudies, NEWEST_EVENTS, partial(removals, storage.engine), removed_payload
    )
