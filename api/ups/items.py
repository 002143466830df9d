"""Create, retrieve, update, claim, end and cancel workitems (PS3.18 11.4 to 11.8)."""

from typing import Annotated

from fastapi import Path, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.policy import INTEGRATORS, READERS, WRITERS, policy
from api.access.principal import OptionalPrincipalDep
from api.audit.middleware import name_studies
from api.audit_rules import CHANGED, Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.negotiation import DICOM_JSON, DICOM_XML, accepted, choose_model
from api.dicomweb.formats.responses import json_bytes
from api.dicomweb.formats.xml_answers import xml_answer
from api.dicomweb.lookups import service_url
from api.dicomweb.query_names import NEGOTIATION, ignore, reads_own_query
from api.dicomweb.routing import worklist_router
from api.ups.body import read_attributes
from api.ups.responses import empty, warning
from dicom_node.ups.values import printable
from inference.broker.notify import wake
from storage.audit import Code
from storage.core.errors import InvalidRequest
from storage.ups.dicom_json import JsonAttributes, tag_of, text_of
from storage.ups.repository import Workitems
from storage.ups.requests import change_state, request_cancel, update
from storage.ups.search import WorkitemList
from storage.ups.validation import STATES, WorkitemState

router = worklist_router()

WorkitemUid = Annotated[
    str, Path(pattern=r"^[0-9.]{1,64}$", description="SOP Instance UID of the workitem.")
]
_ITEM_NAMES = frozenset({"workitem", "affectedsopinstanceuid"})
_TRANSACTION_NAMES = frozenset({"transaction-uid", "transactionuid", "transaction"})
_BODY = {
    "requestBody": {
        "content": {
            DICOM_JSON: {"schema": {"type": "array", "maxItems": 1, "items": {"type": "object"}}}
        }
    }
}


@router.post("/workitems", status_code=201, summary="Create a workitem", openapi_extra=_BODY)
@policy(INTEGRATORS, "dicomweb:write", Audited(Code.PROCEDURE_RECORD, "C"))
@reads_own_query
async def create_workitem(request: Request, storage: StorageDep) -> Response:
    """The UID is the query itself (`?1.2.3`) or the body's; without one the node makes it.

    A Scheduled Workitem Code (or Scheduled Station Name) of scheme 99MEDIVIEW names the
    pipeline by which this node is to perform it; any other is kept for its performer.
    """
    attributes = await read_attributes(request)
    uid = _asked_uid(request, attributes)
    item, modified = await run_in_threadpool(storage.workitems.create, uid, attributes)
    name_studies(request, *filter(None, [item.study_instance_uid]))
    url = f"{service_url(request, storage.settings)}/workitems/{item.sop_instance_uid}"
    headers = {"Location": url, "Content-Location": url}
    if modified:
        headers["Warning"] = warning(
            request, storage.settings, "The Workitem was created with modifications."
        )
    if item.performer:
        await run_in_threadpool(wake, storage.settings)
    return empty(201, headers)


@router.get("/workitems/{workitem_uid}", summary="One workitem")
@policy(READERS, "dicomweb:read", Audited(Code.PROCEDURE_RECORD, "R", repeated=True))
def retrieve_workitem(request: Request, storage: StorageDep, workitem_uid: WorkitemUid) -> Response:
    """All its attributes, but for the Transaction UID, which only its owner may know."""
    model = choose_model(accepted(request))
    found = storage.workitem_list.find(workitem_uid, whole=True)
    if found is None:
        raise storage.workitems.missing(workitem_uid)
    name_studies(request, *filter(None, [found.study_instance_uid]))
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if model == DICOM_XML:
        return xml_answer([found.attributes], headers)
    return Response(json_bytes([found.attributes]), media_type=DICOM_JSON, headers=headers)


@router.post("/workitems/{workitem_uid}", summary="Update a workitem", openapi_extra=_BODY)
@policy(INTEGRATORS, "dicomweb:write", CHANGED)
@reads_own_query
async def update_workitem(
    request: Request, storage: StorageDep, workitem_uid: WorkitemUid
) -> Response:
    """Change what is named. One that is claimed takes its Transaction UID, as the query
    itself, as `transaction-uid`, or in the body.
    """
    await run_in_threadpool(_find, request, storage.workitems, storage.workitem_list, workitem_uid)
    attributes = await read_attributes(request)
    if not attributes:
        raise InvalidRequest("The body names nothing to change.", remedy="Send a data set.")
    transaction_uid = text_of(attributes, "TransactionUID") or _uid_in_query(
        request, _TRANSACTION_NAMES
    )
    await run_in_threadpool(update, storage, workitem_uid, transaction_uid, attributes)
    return empty(200)


@router.put(
    "/workitems/{workitem_uid}/state", summary="Claim or end a workitem", openapi_extra=_BODY
)
@policy(INTEGRATORS, "dicomweb:write", CHANGED)
async def change_workitem_state(
    request: Request, storage: StorageDep, workitem_uid: WorkitemUid
) -> Response:
    """The body holds Procedure Step State and Transaction UID (PS3.18 11.7.1.4)."""
    await run_in_threadpool(_find, request, storage.workitems, storage.workitem_list, workitem_uid)
    attributes = await read_attributes(request)
    state = _state(attributes)
    already = await run_in_threadpool(
        change_state, storage, workitem_uid, state, text_of(attributes, "TransactionUID")
    )
    if already:
        sentence = f"The UPS is already in the requested state of {state}."
        return empty(200, {"Warning": warning(request, storage.settings, sentence)})
    return empty(200)


@router.post(
    "/workitems/{workitem_uid}/cancelrequest",
    status_code=202,
    summary="Ask for the end of a workitem",
    openapi_extra=_BODY,
)
@policy(WRITERS, "dicomweb:write", CHANGED)
async def request_cancellation(
    request: Request,
    storage: StorageDep,
    workitem_uid: WorkitemUid,
    principal: OptionalPrincipalDep,
) -> Response:
    """What nobody has claimed, or this node performs, is canceled; else its performer is asked."""
    await run_in_threadpool(_find, request, storage.workitems, storage.workitem_list, workitem_uid)
    details = await read_attributes(request)
    asked_by = (principal.name if principal else "") or "UNKNOWN"
    already = await run_in_threadpool(request_cancel, storage, workitem_uid, asked_by, details)
    if already:
        sentence = "The UPS is already in the requested state of CANCELED."
        return empty(202, {"Warning": warning(request, storage.settings, sentence)})
    return empty(202)


def _find(
    request: Request, workitems: Workitems, workitem_list: WorkitemList, workitem_uid: str
) -> None:
    """Before the body is read; names the study for the audit trail. Raises NotFound."""
    found = workitem_list.find(workitem_uid)
    if found is None:
        raise workitems.missing(workitem_uid)
    if found.study_instance_uid:
        name_studies(request, found.study_instance_uid)


def _asked_uid(request: Request, attributes: JsonAttributes) -> str:
    """From the query, in the standard's form and in older ones, or from the data set."""
    in_query = _uid_in_query(request, _ITEM_NAMES)
    in_body = text_of(attributes, "SOPInstanceUID")
    if in_query and in_body and in_query != in_body:
        raise InvalidRequest(
            "The address and the data set name different UIDs.",
            remedy="Name it in one of the two, or the same in both.",
        )
    return in_query or in_body


def _uid_in_query(request: Request, names: frozenset[str]) -> str:
    """The query itself (`?1.2.3`), or the value under one of the names; empty where it has none."""
    found = ""
    for name, value in request.query_params.multi_items():
        if not value or name.lower() in names:
            found = found or value or name
        elif name not in NEGOTIATION:
            ignore(request, name, names | NEGOTIATION)
    return found


def _state(attributes: JsonAttributes) -> WorkitemState:
    stated = text_of(attributes, "ProcedureStepState")
    for state in STATES:
        # The standard's own text writes CANCELLED once.
        if stated == state or (stated == "CANCELLED" and state == "CANCELED"):
            return state
    named = f"'{printable(stated)}'" if stated else "not there"
    raise InvalidRequest(
        f"ProcedureStepState (0074,1000) is {named}.",
        remedy=f"Set {tag_of('ProcedureStepState')} to IN PROGRESS, COMPLETED or CANCELED.",
    )
