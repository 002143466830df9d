"""Who runs a command, for the audit trail."""

import getpass

from storage.audit import Action, Actor, AuditEvent, Code, Type
from storage.container import Storage


def operator() -> Actor:
    """The account of the operating system."""
    try:
        return Actor("operator", getpass.getuser())
    except (KeyError, OSError):
        return Actor("operator", "operator")


def record_use(
    storage: Storage,
    code: Code,
    action: Action,
    *,
    type: Type = Type.NONE,
    studies: tuple[str, ...] = (),
    patients: tuple[str, ...] = (),
    **detail: object,
) -> None:
    """Note in the audit trail what a command does.

    Raises StorageUnavailable where the trail fails closed.
    """
    storage.audit.record(
        AuditEvent(
            code,
            action,
            operator(),
            type=type,
            study_instance_uids=studies,
            patient_ids=patients,
            detail=detail,
        )
    )
