"""The audit trail for administrators: search it, verify it. Reading it is an event too."""

from functools import partial
from typing import Annotated

from fastapi import Query

from api.access.policy import ADMINS, policy
from api.audit.schemas import AuditPage, AuditVerification, event_payload, verification_payload
from api.audit_rules import Audited
from api.deps import StorageDep
from api.lists.cursors import CursorPagingDep
from api.parameters import problems
from api.router_factory import new_router
from api.times import Moment
from storage.audit import Code
from storage.audit.anchors import local_anchors
from storage.audit.keys import audit_keys
from storage.audit.query import NEWEST_EVENTS, AuditFilter, find_events
from storage.audit.sinks import sink_names
from storage.audit.verify import verify_chain

router = new_router(prefix="/api/audit", tags=["audit"])

_Text = Annotated[str, Query(max_length=128, pattern=r"^[^\x00]*$")]
_Code = Annotated[str, Query(pattern=r"^([0-9]{1,16})?$", description="Event id or event type.")]
_Uid = Annotated[str, Query(pattern=r"^[0-9.]{0,64}$")]


@router.get("", summary="Search the audit trail", responses=problems(422, 503))
@policy(ADMINS, "admin", Audited(Code.AUDIT_LOG_USED, "R"))
def list_events(
    storage: StorageDep,
    paging: CursorPagingDep,
    since: Moment | None = None,
    until: Annotated[Moment | None, Query(description="Exclusive.")] = None,
    actor: _Text = "",
    code: _Code = "",
    study_instance_uid: _Uid = "",
    patient_id: _Text = "",
    request_id: _Text = "",
    outcome: Annotated[int | None, Query(ge=0, le=12)] = None,
    failures: Annotated[bool, Query(description="Only what did not succeed.")] = False,
    text: Annotated[_Text, Query(description="Within actor, address, request id, details.")] = "",
) -> AuditPage:
    """Events, the newest first. Views are counted by minute, so the last minute may still grow."""
    wanted = AuditFilter(
        since=since,
        until=until,
        actor=actor,
        code=code,
        study_instance_uid=study_instance_uid,
        patient_id=patient_id,
        request_id=request_id,
        outcome=outcome,
        failures=failures,
        text=text,
    )
    return paging.read(
        AuditPage, NEWEST_EVENTS, partial(find_events, storage.engine, wanted), event_payload
    )


@router.get("/verification", summary="Verify the chain of the trail", responses=problems(503))
@policy(ADMINS, "admin", Audited(Code.AUDIT_LOG_USED, "R"))
def verify_audit_trail(storage: StorageDep) -> AuditVerification:
    """Walk the whole chain, and compare it with the heads that this machine has noted.

    `mediview audit verify --anchor` also compares it with anchors that were kept elsewhere.
    """
    anchors = local_anchors(storage.settings)
    keys = audit_keys(storage.settings)
    sinks = sink_names(storage.settings)
    return verification_payload(verify_chain(storage.engine, keys, anchors, sinks))
