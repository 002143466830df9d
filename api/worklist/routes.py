"""The modality worklist: integrators post what is scheduled, modalities ask by C-FIND."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

from fastapi import Path, Query, Request, Response

from api.access.policy import INTEGRATORS, READERS, policy
from api.audit.middleware import name_studies
from api.audit_rules import QUERY, Audited
from api.deps import StorageDep
from api.errors import MISMATCH_TITLE, ApiProblem
from api.lists.cursors import CursorPagingDep
from api.parameters import UpdatedSince, problems
from api.request_rules.enum_spelling import WorklistStateWord
from api.router_factory import new_router
from api.worklist.schemas import (
    NewWorklistItem,
    WorklistChanges,
    WorklistItemPayload,
    WorklistPage,
    item_payload,
    to_attributes,
)
from storage.audit import Code
from storage.core.uids import new_uid
from storage.worklist.changed_meanwhile import ChangedMeanwhile
from storage.worklist.entities import NEXT_TO_START, WorklistItem

router = new_router(prefix="/api/worklist", tags=["worklist"])

ItemId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The item's id.")]
_REQUIRED = frozenset(
    {"patient_name", "patient_id", "study_instance_uid", "scheduled_procedure_step_sequence"}
)


@router.post("", status_code=201, summary="Schedule a procedure", responses=problems(409, 422))
@policy(INTEGRATORS, "api:write", Audited(Code.ORDER_RECORD, "C"))
def add_worklist_item(
    request: Request, storage: StorageDep, response: Response, new: NewWorklistItem
) -> WorklistItemPayload:
    """List a requested procedure with its steps; each step is one answer to a modality.

    An accession number names one item, as in orders by HL7 and FHIR: 409 where there is one. That
    of another issuer is another.
    """
    values = {name: value for name, value in new.model_dump(exclude_none=True).items() if value}
    values.setdefault("study_instance_uid", new_uid())
    numbered = bool(new.accession_number)
    with _one_of_a_number():
        item = storage.worklist.add(to_attributes(values), state=new.state, is_first=numbered)
    _name(request, item)
    response.headers["Location"] = f"/api/worklist/{item.worklist_item_id}"
    return item_payload(item)


@router.get("", summary="List worklist items, the next to start first")
@policy(READERS, "api:read", QUERY)
def list_worklist_items(
    storage: StorageDep,
    paging: CursorPagingDep,
    state: WorklistStateWord | None = None,
    accession_number: Annotated[str, Query(max_length=16, pattern=r"^[^\x00]*$")] = "",
    updated_since: UpdatedSince = None,
) -> WorklistPage:
    """Items in any state, unless one is asked for."""
    return paging.read(
        WorklistPage,
        NEXT_TO_START,
        partial(storage.worklist.list, state, accession_number, updated_since=updated_since),
        item_payload,
    )


@router.get("/{worklist_item_id}", summary="One worklist item", responses=problems(404))
@policy(READERS, "api:read", Audited(Code.ORDER_RECORD, "R"))
def get_worklist_item(
    request: Request, storage: StorageDep, worklist_item_id: ItemId
) -> WorklistItemPayload:
    """The item with its attributes and its state."""
    item = storage.worklist.get(worklist_item_id)
    _name(request, item)
    return item_payload(item)


@router.patch("/{worklist_item_id}", summary="Change or cancel", responses=problems(404, 409, 422))
@policy(INTEGRATORS, "api:write", Audited(Code.ORDER_RECORD, "U"))
def change_worklist_item(
    request: Request, storage: StorageDep, worklist_item_id: ItemId, changes: WorklistChanges
) -> WorklistItemPayload:
    """Change what is named; null or an empty text takes a value away.

    A state of CANCELED or COMPLETED takes the item off the modalities' lists.
    """
    values = changes.model_dump(exclude_unset=True)
    emptied = sorted(name for name in _REQUIRED & values.keys() if not values[name])
    if emptied:
        raise ApiProblem(
            422,
            "validation_failed",
            f"{emptied[0]} cannot be empty.",
            title=MISMATCH_TITLE,
            remedy="Leave it out, and it stays as it is.",
        )
    current = storage.worklist.get(worklist_item_id)
    _name(request, current)
    merged = {**current.attributes, **to_attributes(values)}
    with _one_of_a_number():
        item = storage.worklist.change(
            worklist_item_id,
            state=changes.state if "state" in values else None,
            attributes={
                name: value for name, value in merged.items() if value not in ("", None, [])
            },
        )
    return item_payload(item)


@router.delete(
    "/{worklist_item_id}",
    status_code=204,
    summary="Remove a worklist item",
    responses=problems(404),
)
@policy(
    INTEGRATORS, "api:write", Audited(Code.ORDER_RECORD, "D"), confirmed_to="remove a worklist item"
)
def remove_worklist_item(request: Request, storage: StorageDep, worklist_item_id: ItemId) -> None:
    """Forget the item. To keep a record of a cancelled procedure, cancel the item instead.

    A person confirms the session first.
    """
    _name(request, storage.worklist.get(worklist_item_id))
    storage.worklist.remove(worklist_item_id)


@contextmanager
def _one_of_a_number() -> Iterator[None]:
    """Raises ApiProblem where another item has the accession number."""
    try:
        yield
    except ChangedMeanwhile as error:
        raise ApiProblem(
            409,
            "state_conflict",
            "There is a worklist item of this accession number already.",
            remedy="Find it by GET /api/v1/worklist?accession_number=…, and change it by PATCH;"
            " with the state scheduled it is listed for modalities again.",
        ) from error


def _name(request: Request, item: WorklistItem) -> None:
    """For the audit trail: the node may not hold a study yet that says whose it is."""
    patient_id = str(item.attributes.get("PatientID") or "")
    name_studies(request, item.study_instance_uid, patients=(patient_id,) if patient_id else ())
