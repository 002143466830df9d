"""What the audit trail hears of changes of who may come in, by a route or by a command."""

from storage.audit import SUCCESS, Action, Actor, AuditEvent, Code, Type
from storage.container import Storage


def groups_changed(
    storage: Storage, actor: Actor, action: Action, group: str, **detail: str
) -> None:
    """An access group, its members or its studies were changed."""
    storage.audit.record(
        AuditEvent(
            Code.SECURITY_ALERT,
            action,
            actor,
            outcome=SUCCESS,
            type=Type.SECURITY_CONFIGURATION,
            detail={"access_group": group, **detail},
        )
    )


def access_changed(
    storage: Storage, actor: Actor, action: Action, kind: str, name: str, **detail: str | list[str]
) -> None:
    """An account or a key was made, changed or ended; never with a secret in `detail`."""
    storage.audit.record(
        AuditEvent(
            Code.SECURITY_ALERT,
            action,
            actor,
            outcome=SUCCESS,
            type=Type.SECURITY_ROLES_CHANGED
            if "roles" in detail
            else Type.USER_SECURITY_ATTRIBUTES_CHANGED,
            detail={kind: name, **detail},
        )
    )


def legal_hold_changed(
    storage: Storage, actor: Actor, action: Action, study_instance_uid: str, reason: str = ""
) -> None:
    """A study was put on legal hold, with the reason, or released."""
    storage.audit.record(
        AuditEvent(
            Code.PROCEDURE_RECORD,
            action,
            actor,
            study_instance_uids=(study_instance_uid,),
            detail={"legal_hold": "released" if action == "D" else "placed", "reason": reason},
        )
    )
