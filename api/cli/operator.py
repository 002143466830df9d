"""Who runs a command, for the audit trail."""

import getpass
from collections.abc import Mapping
from contextlib import AbstractContextManager

from storage.audit import Action, Actor, Audit, AuditEvent, Code, Type
from storage.audit.change_event import record_of_change


def operator() -> Actor:
    """The account of the operating system."""
    try:
        return Actor("operator", getpass.getuser())
    except (KeyError, OSError):
        return Actor("operator", "operator")


def change_by_operator(
    audit: Audit,
    code: Code,
    action: Action,
    *,
    type: Type = Type.NONE,
    studies: tuple[str, ...] = (),
    patients: tuple[str, ...] = (),
    **detail: object,
) -> AbstractContextManager[None]:
    """Around one change of a command: its record is committed with it, or neither is."""
    event = _event(code, action, type, studies, patients, detail)
    return record_of_change(audit, event)


def record_use(
    audit: Audit,
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
    audit.record(_event(code, action, type, studies, patients, detail))


def _event(
    code: Code,
    action: Action,
    type: Type,
    studies: tuple[str, ...],
    patients: tuple[str, ...],
    detail: Mapping[str, object],
) -> AuditEvent:
    return AuditEvent(
        code,
        action,
        operator(),
        type=type,
        study_instance_uids=studies,
        patient_ids=patients,
        detail=detail,
    )
