"""The words of the audit trail: who did what, to what, from where, and how it went.

Codes are those of PS3.15 A.5.3 and of its value sets CID 400 (event ids) and
CID 401 (event types), all of coding scheme DCM.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from storage.core.clock import utcnow

Action = Literal["C", "R", "U", "D", "E"]
"""Create, read, update, delete, execute."""
ActorKind = Literal["local", "account", "key", "oidc", "peer", "node", "operator", "anonymous"]

SUCCESS, MINOR_FAILURE, SERIOUS_FAILURE, MAJOR_FAILURE = 0, 4, 8, 12
"""EventOutcomeIndicator."""


class Code(StrEnum):
    """What kind of event it was (CID 400)."""

    APPLICATION_ACTIVITY = "110100"
    AUDIT_LOG_USED = "110101"
    BEGIN_TRANSFER = "110102"
    INSTANCES_ACCESSED = "110103"
    INSTANCES_TRANSFERRED = "110104"
    STUDY_DELETED = "110105"
    EXPORT = "110106"
    IMPORT = "110107"
    NETWORK_ENTRY = "110108"
    ORDER_RECORD = "110109"
    PATIENT_RECORD = "110110"
    PROCEDURE_RECORD = "110111"
    QUERY = "110112"
    SECURITY_ALERT = "110113"
    USER_AUTHENTICATION = "110114"


class Type(StrEnum):
    """More exactly, where the standard has a word for it (CID 401)."""

    NONE = ""
    APPLICATION_START = "110120"
    APPLICATION_STOP = "110121"
    LOGIN = "110122"
    LOGOUT = "110123"
    NODE_AUTHENTICATION = "110126"
    EMERGENCY_OVERRIDE_STARTED = "110127"
    NETWORK_CONFIGURATION = "110128"
    SECURITY_CONFIGURATION = "110129"
    SOFTWARE_CONFIGURATION = "110131"
    USE_OF_RESTRICTED_FUNCTION = "110132"
    RECORDING_STOPPED = "110133"
    RECORDING_STARTED = "110134"
    SECURITY_ROLES_CHANGED = "110136"
    USER_SECURITY_ATTRIBUTES_CHANGED = "110137"
    EMERGENCY_OVERRIDE_STOPPED = "110138"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who: a person or key of the API, a peer by AE title, the node itself, or nobody known."""

    kind: ActorKind
    name: str
    address: str = ""
    """IP address it came from; empty for the node and its operator."""
    id: str = ""
    """The identity behind the name (`storage.core.callers.identity`); empty for who has none."""


NODE = Actor("node", "node")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened.

    `patient_ids` are found by the studies where they are left empty. `detail`
    holds JSON values: strings, whole numbers, lists and objects of them.
    `request_id` empty: that of the request or association at hand.
    """

    code: Code
    action: Action
    actor: Actor
    outcome: int = SUCCESS
    type: Type = Type.NONE
    study_instance_uids: tuple[str, ...] = ()
    patient_ids: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One event as it stands in the trail."""

    audit_id: int
    chain_index: int | None
    """Its place in the chain; None until it is sealed."""
    chain_hash: str
    at: datetime
    code: str
    type_code: str
    action: str
    outcome: int
    actor_kind: str
    actor_name: str
    actor_id: str
    """The identity behind the name: two may share one. Empty of what older versions wrote."""
    actor_address: str
    process: str
    request_id: str
    study_instance_uids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    occurrences: int
    """How often within the minute; more than one for views alone."""
    detail: dict[str, Any]
