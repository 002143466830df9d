"""The audit events of changes of access: groups, accounts, keys, legal holds, patient moves.

Each goes around one change, whose transaction has the event: a crash leaves both or neither.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from storage.audit import SUCCESS, Action, Actor, Audit, AuditEvent, Code, Type
from storage.audit.change_event import record_of_change, record_of_noted_change
from storage.webhooks.owner_ends import EndedOwner


def group_change(
    audit: Audit, actor: Actor, action: Action, group: str, **detail: str
) -> AbstractContextManager[None]:
    """An access group, its members or its studies are changed."""
    return record_of_change(
        audit,
        AuditEvent(
            Code.SECURITY_ALERT,
            action,
            actor,
            outcome=SUCCESS,
            type=Type.SECURITY_CONFIGURATION,
            detail={"access_group": group, **detail},
        ),
    )


def access_change(
    audit: Audit,
    actor: Actor,
    action: Action,
    kind: str,
    name: str,
    **detail: str | Sequence[str],
) -> AbstractContextManager[None]:
    """An account or a key is made, changed or ended; never with a secret in `detail`."""
    return record_of_change(audit, _access_event(actor, action, kind, name, detail))


@contextmanager
def owner_change(
    audit: Audit,
    actor: Actor,
    action: Action,
    kind: str,
    name: str,
    **detail: str | Sequence[str],
) -> Iterator[list[EndedOwner]]:
    """The same, where webhooks may be paused with it: what the change adds to the list is stated
    in its event."""
    ended: list[EndedOwner] = []

    def event() -> AuditEvent:
        all_detail = dict(detail)
        for one in ended:
            all_detail |= one.audit_detail
        return _access_event(actor, action, kind, name, all_detail)

    with record_of_noted_change(audit, event):
        yield ended


def _access_event(
    actor: Actor, action: Action, kind: str, name: str, detail: Mapping[str, str | Sequence[str]]
) -> AuditEvent:
    return AuditEvent(
        Code.SECURITY_ALERT,
        action,
        actor,
        outcome=SUCCESS,
        type=Type.SECURITY_ROLES_CHANGED
        if "roles" in detail
        else Type.USER_SECURITY_ATTRIBUTES_CHANGED,
        detail={kind: name, **detail},
    )


def legal_hold_change(
    audit: Audit, actor: Actor, action: Action, study_instance_uid: str, reason: str = ""
) -> AbstractContextManager[None]:
    """A study is put on legal hold, with the reason, or released."""
    return record_of_change(
        audit,
        AuditEvent(
            Code.PROCEDURE_RECORD,
            action,
            actor,
            study_instance_uids=(study_instance_uid,),
            detail={"legal_hold": "released" if action == "D" else "placed", "reason": reason},
        ),
    )


def patient_change(
    audit: Audit,
    actor: Actor,
    what: str,
    reason: str,
    patient_ids: tuple[str, ...],
    study_instance_uid: str = "",
) -> AbstractContextManager[None]:
    """A study is moved to another patient, or a change of a patient is undone."""
    return record_of_change(
        audit,
        AuditEvent(
            Code.PATIENT_RECORD,
            "U",
            actor,
            study_instance_uids=(study_instance_uid,) if study_instance_uid else (),
            patient_ids=patient_ids,
            detail={"patient_change": what, "reason": reason},
        ),
    )
