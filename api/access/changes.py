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
