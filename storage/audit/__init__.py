"""Who did what, to whose images, when and from where (PS3.15 A.5)."""

from storage.audit.events import (
    MAJOR_FAILURE,
    MINOR_FAILURE,
    NODE,
    SERIOUS_FAILURE,
    SUCCESS,
    Action,
    Actor,
    ActorKind,
    AuditEvent,
    AuditRecord,
    Code,
    Type,
)
from storage.audit.trail_writer import Audit

__all__ = [
    "MAJOR_FAILURE",
    "MINOR_FAILURE",
    "NODE",
    "SERIOUS_FAILURE",
    "SUCCESS",
    "Action",
    "Actor",
    "ActorKind",
    "Audit",
    "AuditEvent",
    "AuditRecord",
    "Code",
    "Type",
]
