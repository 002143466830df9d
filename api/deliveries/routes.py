"""Deliveries: results on their way, what holds them up, and letting them go now."""

from functools import partial
from typing import Annotated

import structlog
from fastapi import Path, Query, Request
from pydantic import Field

from api.access.policy import INTEGRATORS, READERS, policy
from api.audit.middleware import add_detail, name_studies
from api.audit_rules import UIDS_ALONE, Audited
from api.base_schemas import RequestBody
from api.deliveries.schemas import DeliveryPage, DeliveryPayload, Retried
from api.deliveries.serializers import delivery_payload
from api.deps import StorageDep
from api.errors import ApiProblem
from api.lists.cursors import CursorPagingDep
from api.parameters import NameFilter, UidFilter, UpdatedSince, problems
from api.request_rules.enum_spelling import DeliveryStateWord
from api.router_factory import new_router
from inference.broker.notify import wake
from storage.audit import Code
from storage.deliveries import listing as delivery_list
from storage.deliveries.listing import LAST_CHANGED, DeliveryFilter, retry_now, send_again
from storage.deliveries.repository import NOT_RELEASED

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/deliveries", tags=["deliveries"])

DeliveryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The delivery's id.")]


class RetryDeliveries(RequestBody):
    """Which waiting deliveries go at once: those that meet every condition."""

    destination: str | None = Field(
        None, min_length=1, max_length=80, pattern=r"^[^\x00]*$", examples=["pacs"]
    )
    study_instance_uid: str | None = Field(None, pattern=r"^[0-9.]{1,64}$")


@router.get("", summary="List the deliveries, the last changed first")
@policy(READERS, "api:read", UIDS_ALONE)
def list_deliveries(
    storage: StorageDep,
    paging: CursorPagingDep,
    destination: NameFilter = None,
    study_instance_uid: UidFilter = None,
    job_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,64}$")] = None,
    state: Annotated[
        DeliveryStateWord | None,
        Query(description="`held` is the former name of `confirmed`."),
    ] = None,
    troubled: Annotated[
        bool | None,
        Query(
            description="Those that failed five times or more and still wait: the failed"
            " deliveries. They are tried on, at the longest interval, and never dropped."
        ),
    ] = None,
    updated_since: UpdatedSince = None,
) -> DeliveryPage:
    """Each result and destination with its state, its attempts and its last error."""
    wanted = DeliveryFilter(
        destination=destination,
        study_instance_uid=study_instance_uid,
        job_id=job_id,
        state=state,
        updated_since=updated_since,
        is_troubled=troubled,
    )
    return paging.read(
        DeliveryPage,
        LAST_CHANGED,
        partial(delivery_list.list_deliveries, storage.engine, wanted),
        delivery_payload,
    )


@router.get("/{delivery_id}", summary="One delivery", responses=problems(404))
@policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
def get_delivery(request: Request, storage: StorageDep, delivery_id: DeliveryId) -> DeliveryPayload:
    """One result on its way to one destination."""
    delivery = storage.deliveries.get(delivery_id)
    name_studies(request, delivery.study_instance_uid)
    return delivery_payload(delivery)


@router.post("/retry", summary="Let waiting deliveries go now")
@policy(INTEGRATORS, "api:write", Audited(Code.EXPORT, "E", with_change=True))
def retry_deliveries(request: Request, storage: StorageDep, wanted: RetryDeliveries) -> Retried:
    """All that wait, or those of one destination or study."""
    if wanted.destination:
        add_detail(request, to=[wanted.destination])
    if wanted.study_instance_uid:
        name_studies(request, wanted.study_instance_uid)
    count = retry_now(
        storage.engine,
        DeliveryFilter(
            destination=wanted.destination, study_instance_uid=wanted.study_instance_uid
        ),
    )
    log.info("deliveries_retried", count=count)
    wake(storage.settings)
    return Retried(count=count)


@router.post(
    "/{delivery_id}/retry", summary="Let one delivery go now", responses=problems(404, 409)
)
@policy(INTEGRATORS, "api:write", Audited(Code.EXPORT, "E", with_change=True))
def retry_delivery(
    request: Request, storage: StorageDep, delivery_id: DeliveryId
) -> DeliveryPayload:
    """A waiting one goes at once. One that was sent is sent again: the destination may
    have lost it.
    """
    delivery = storage.deliveries.get(delivery_id)
    name_studies(request, delivery.study_instance_uid)
    add_detail(request, to=[delivery.destination])
    if delivery.state == "PENDING":
        retry_now(storage.engine, DeliveryFilter(delivery_id=delivery_id))
    elif delivery.state in NOT_RELEASED:
        raise ApiProblem(
            409,
            "not_released",
            "The result has not been released.",
            remedy="A radiologist releases it: POST /api/studies/{study}/release.",
        )
    elif not send_again(storage.engine, [delivery_id]):
        raise ApiProblem(
            409,
            "delivery_in_progress",
            "The result is being sent just now.",
            remedy="Look again in a moment; it needs no other attempt if this one succeeds.",
        )
    log.info("delivery_retried", delivery_id=delivery_id)
    wake(storage.settings)
    return delivery_payload(storage.deliveries.get(delivery_id))
