"""Messages to HL7 v2 systems: what became of each, and another attempt."""

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Path, Request
from pydantic import Field

from api.access.policy import INTEGRATORS, policy
from api.audit.middleware import name_studies
from api.audit_rules import UIDS_ALONE, Audited
from api.base_schemas import CursorPage, Payload
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import UpdatedSince, problems
from api.request_rules.enum_spelling import Hl7StateWord
from api.router_factory import new_router
from storage.audit import Code
from storage.reports.hl7_entities import Hl7Message
from storage.reports.hl7_outbox import NEWEST_MESSAGES

router = new_router(prefix="/api/hl7", tags=["hl7"])

MessageId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The message's id.")]


class Hl7MessagePayload(Payload):
    """A report on its way to one system. DEAD: it waits for somebody to retry it."""

    message_id: str
    destination: str = Field(examples=["ris"])
    report_id: str
    report_version: int
    study_instance_uid: str
    control_id: str = Field(description="MSH-10, the same at each attempt.")
    state: Hl7StateWord
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime
    updated_at: datetime
    superseded_at: datetime | None = Field(
        None,
        description="When results under the version were withdrawn, where the message says so;"
        " null for the version itself.",
    )


class Hl7MessagePage(CursorPage):
    items: list[Hl7MessagePayload]


@router.get("/messages", summary="List the messages to HL7 systems, the newest first")
@policy(INTEGRATORS, "api:read", UIDS_ALONE)
def list_hl7_messages(
    storage: StorageDep,
    paging: CursorPagingDep,
    state: Hl7StateWord | None = None,
    updated_since: UpdatedSince = None,
) -> Hl7MessagePage:
    """Without their text, which is made from the report when it is sent."""
    return paging.read(
        Hl7MessagePage,
        NEWEST_MESSAGES,
        partial(storage.hl7_outbox.list, state, updated_since=updated_since),
        _payload,
    )


@router.get("/messages/{message_id}", summary="One message", responses=problems(404))
@policy(INTEGRATORS, "api:read", UIDS_ALONE)
def get_hl7_message(
    request: Request, storage: StorageDep, message_id: MessageId
) -> Hl7MessagePayload:
    """With the reason why the last attempt failed."""
    message = storage.hl7_outbox.get(message_id)
    name_studies(request, message.study_instance_uid)
    return _payload(message)


@router.post(
    "/messages/{message_id}/retry", summary="Send a message again", responses=problems(404, 409)
)
@policy(INTEGRATORS, "api:write", Audited(Code.EXPORT, "E"))
def retry_hl7_message(
    request: Request, storage: StorageDep, message_id: MessageId
) -> Hl7MessagePayload:
    """Now, and with all its attempts; one that was accepted is not sent again."""
    message = storage.hl7_outbox.retry(message_id)
    name_studies(request, message.study_instance_uid)
    return _payload(message)


def _payload(message: Hl7Message) -> Hl7MessagePayload:
    return Hl7MessagePayload(
        **{name: getattr(message, name) for name in Hl7MessagePayload.model_fields}
    )
