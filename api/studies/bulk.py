"""Many studies in one request. Each has its own audit event, committed with its change."""

from typing import Annotated

import structlog
from fastapi import Request
from pydantic import Field

from api.access.actor import actor_of
from api.access.policy import ADMINS, WRITERS, policy
from api.access.principal import principal_of
from api.audit_rules import EACH_BY_ITSELF
from api.base_schemas import RequestBody
from api.deps import StorageDep
from api.lists.bulk import MOST, BulkAnswer, BulkId, for_each
from api.request_rules.text_lengths import PeerName
from api.router_factory import new_router
from inference.broker.notify import wake
from inference.routing.send import send_study
from storage.audit import Action, Audit, AuditEvent, Code
from storage.audit.change_event import record_of_change

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/studies", tags=["studies"])

_UID = r"[0-9.]{1,64}"
_Uids = Annotated[list[BulkId], Field(min_length=1, max_length=MOST)]


class SendStudies(RequestBody):
    study_instance_uids: _Uids
    to: list[PeerName] = Field(min_length=1, max_length=20, examples=[["archive"]])


class DeleteStudies(RequestBody):
    study_instance_uids: _Uids


@router.post("/send", status_code=202, summary="Send studies to peers")
@policy(WRITERS, "api:write", EACH_BY_ITSELF)
def send_studies(request: Request, storage: StorageDep, wanted: SendStudies) -> BulkAnswer:
    """Each as `POST /api/studies/{study}/send` does it."""

    def send(uid: str) -> str:
        event = _event(request, storage.audit, uid, Code.EXPORT, "E", to=wanted.to)
        with record_of_change(storage.audit, event):
            send_study(storage, uid, wanted.to, [])
        return ""

    try:
        answer = for_each(wanted.study_instance_uids, send, _UID, "UID")
    finally:
        wake(storage.settings)
    log.info("studies_sent", count=len(answer.items) - answer.failed)
    return answer


@router.post("/delete", summary="Delete studies for good")
@policy(ADMINS, "admin", EACH_BY_ITSELF, confirmed_to="delete studies")
def delete_studies(request: Request, storage: StorageDep, wanted: DeleteStudies) -> BulkAnswer:
    """Each with all that was worked out about it, as `DELETE /dicom-web/studies/{study}` does it.

    A study under a legal hold stays. A person confirms the session first.
    """

    def delete(uid: str) -> str:
        with storage.deletions.not_found_is_durable():
            storage.index.study(uid)
        event = _event(request, storage.audit, uid, Code.STUDY_DELETED, "D")
        with record_of_change(storage.audit, event):
            storage.deletions.study(uid)
        return ""

    answer = for_each(wanted.study_instance_uids, delete, _UID, "UID")
    log.info("studies_deleted", count=len(answer.items) - answer.failed)
    return answer


def _event(
    request: Request, audit: Audit, uid: str, code: Code, action: Action, **detail: list[str]
) -> AuditEvent:
    return AuditEvent(
        code,
        action,
        actor_of(request.scope, principal_of(request.scope)),
        study_instance_uids=(uid,),
        # Looked up before the study may be gone.
        patient_ids=audit.patients_of([uid]),
        detail={"route": f"POST {request.scope['path']}", **detail},
    )
