"""Take an order, change it, read it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.policy import INTEGRATORS, READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import Audited
from api.deps import StorageDep
from api.errors import ApiProblem
from api.fhir.bodies import resource_body
from api.fhir.resources import ServiceRequest
from api.fhir.responses import FHIR_JSON, FhirJson, answer
from api.fhir.routing import fhir_router, read_by
from api.fhir.service_requests.order import Order, read_order
from api.fhir.service_requests.resource import service_request
from api.parameters import problems
from storage.access_groups.orders import takes_over
from storage.audit import Code
from storage.core.clock import utcnow
from storage.core.uids import new_uid
from storage.settings import Settings
from storage.worklist.changed_meanwhile import looking_again
from storage.worklist.entities import WorklistItem
from storage.worklist.patients import are_of_two_patients
from storage.worklist.repository import Worklist

router = fhir_router()

OrderId = Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$", description="The logical id.")]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {FHIR_JSON: {"schema": {"type": "object", "required": ["resourceType"]}}},
    }
}


@router.post(
    "/ServiceRequest",
    status_code=201,
    summary="Order a procedure",
    response_model=ServiceRequest,
    responses=problems(409, 415, 422),
    openapi_extra=_BODY,
)
@policy(INTEGRATORS, "fhir:write", Audited(Code.ORDER_RECORD, "C"))
async def create_service_request(request: Request, storage: StorageDep) -> Response:
    """The order is listed for modalities. Its accession number names it: the same once more changes
    the order that is there, and is answered with 200, as HL7's ORM is."""
    body = await resource_body(request)
    return await run_in_threadpool(_take, request, storage.worklist, storage.settings, body, "")


@router.put(
    "/ServiceRequest/{resource_id}",
    summary="Change or cancel an order",
    response_model=ServiceRequest,
    responses=problems(404, 409, 415, 422),
    openapi_extra=_BODY,
)
@policy(INTEGRATORS, "fhir:write", Audited(Code.ORDER_RECORD, "U"))
async def update_service_request(
    request: Request, storage: StorageDep, resource_id: OrderId
) -> Response:
    """The whole order as it is now. `revoked` cancels it; ids are given by the node alone."""
    body = await resource_body(request)
    return await run_in_threadpool(
        _take, request, storage.worklist, storage.settings, body, resource_id
    )


@router.get(
    "/ServiceRequest/{resource_id}",
    summary="One order",
    response_model=ServiceRequest,
    openapi_extra=read_by(),
)
@policy(READERS, "fhir:read", Audited(Code.ORDER_RECORD, "R"))
def read_service_request(request: Request, storage: StorageDep, resource_id: OrderId) -> Response:
    """An item of the modality worklist, by whatever way it came."""
    item = storage.worklist.get(resource_id)
    _name(request, item)
    return answer(request, service_request(item))


def _take(
    request: Request, worklist: Worklist, settings: Settings, body: bytes, resource_id: str
) -> Response:
    order, own_id = read_order(body, settings)
    if resource_id and own_id != resource_id:
        raise ApiProblem(
            422,
            "validation_failed",
            "ServiceRequest.id is not the id of the address.",
            remedy="Send the resource with the id that it has here.",
        )
    item, is_new = looking_again(lambda: _place(worklist, order, resource_id))
    _name(request, item)
    taken = answer(request, service_request(item))
    if not is_new:
        return taken
    url = f"{settings.resolved_public_url}/fhir/ServiceRequest/{item.worklist_item_id}"
    headers = {"Location": url, "ETag": taken.headers["ETag"]}
    return FhirJson(bytes(taken.body), 201, headers=headers)


def _place(worklist: Worklist, order: Order, resource_id: str) -> tuple[WorklistItem, bool]:
    """The item, and whether it is a new one. Raises ChangedMeanwhile."""
    existing: WorklistItem | None
    if resource_id:
        existing = worklist.get(resource_id)
        _check_number(existing, order)
    else:
        existing = worklist.with_accession_number(order.accession_number, order.attributes)
    now = utcnow()
    # The clock of a sender may be ahead.
    ordered_at = min(order.stated_at or now, now)
    if existing is not None:
        is_taken_over = not resource_id and takes_over(existing.orderer_groups)
        return _change(worklist, existing, order, ordered_at, is_taken_over), False
    attributes = {"StudyInstanceUID": new_uid(), **order.attributes}
    return worklist.add(attributes, ordered_at, order.state, is_first=True), True


def _check_number(existing: WorklistItem, order: Order) -> None:
    is_other = order.accession_issuer.is_other_than(existing.accession_issuer)
    if is_other or order.accession_number != existing.accession_number:
        raise ApiProblem(
            422,
            "validation_failed",
            "ServiceRequest.identifier of the type ACSN is not the accession number of this order.",
            remedy="Revoke the order, and POST the one with the other number.",
            extra={"issue": "business-rule"},
        )


def _change(
    worklist: Worklist,
    existing: WorklistItem,
    order: Order,
    ordered_at: datetime,
    is_taken_over: bool,
) -> WorklistItem:
    newest = (None if is_taken_over else existing.ordered_at) or ordered_at
    # What states no time is as new as its arrival, and this node's clock may have been set back.
    if not is_taken_over and order.stated_at is not None and order.stated_at < newest:
        raise ApiProblem(
            409,
            "state_conflict",
            "The order was changed later than this message of it (meta.lastUpdated).",
            remedy="Read the order, and send what holds now.",
        )
    # One that is under way is not set back by a repetition that it is active.
    is_started = existing.state == "IN PROGRESS" and order.state == "SCHEDULED"
    # Images of one patient must not go into the study that another was ordered for.
    is_another = is_taken_over or are_of_two_patients(existing.attributes, order.attributes)
    study_uid, issuer = new_uid(), order.accession_issuer
    if not is_another:
        study_uid = existing.study_instance_uid
        issuer = issuer.with_what_is_known_of(existing.accession_issuer)
    return worklist.change(
        existing.worklist_item_id,
        state=None if is_started and not is_another else order.state,
        attributes={
            "StudyInstanceUID": study_uid,
            **order.attributes,
            **issuer.in_attributes(),
        },
        ordered_at=max(ordered_at, newest),
        as_read=existing,
        is_taken_over=is_taken_over,
    )


def _name(request: Request, item: WorklistItem) -> None:
    """For the audit trail: the node may not hold a study yet that says whose it is."""
    patient_id = str(item.attributes.get("PatientID") or "")
    name_studies(request, item.study_instance_uid, patients=(patient_id,) if patient_id else ())
