"""What the audit trail records of an HTTP request. Each route names one (`api.access.policy`).

DICOM associations are recorded by `dicom_node.association.auditing`, jobs by `inference.auditing`,
what leaves the node by `inference.deliveries.auditing`, sign-ins by `api.access.audited_sign_ins`.
"""

from dataclasses import dataclass

from storage.audit import Action, Code, Type


@dataclass(frozen=True)
class Audited:
    """The event that a request of the route is."""

    code: Code
    action: Action
    type: Type = Type.NONE
    via: str = ""
    """A look at the study of the path: many share a row."""
    repeated: bool = False
    """What a page asks again and again: the same question within a minute shares a row."""
    with_change: bool = False
    """The event is committed with what the route changes, in one transaction: its first one."""
    stores: bool = False
    """What came in is recorded, study by study; a request that brings nothing in is not."""


@dataclass(frozen=True)
class NotAudited:
    """Nothing is recorded, and why."""

    reason: str


AuditRule = Audited | NotAudited

PUBLIC = NotAudited("It shows nobody's data.")
BY_ITSELF = NotAudited("its handler records it, with more than the route knows.")
UIDS_ALONE = NotAudited("It carries UIDs, states and codes, and no patient.")
OWN_SETTINGS = NotAudited("It is how the one who asks likes the pages, and names no patient.")
OWN_ACCESS = NotAudited("It shows people how they themselves sign in, and nobody else.")
EACH_BY_ITSELF = NotAudited("Each thing has an event of its own, committed with its change.")
NOT_YET = NotAudited("Nothing has changed yet; what follows is recorded.")
NOT_IN_YET = NotAudited("Nothing has come in yet; its content is recorded.")
CAPABILITIES = NotAudited("It says what the node can do.")
QUERY = Audited(Code.QUERY, "E", repeated=True)
STORES = Audited(Code.INSTANCES_TRANSFERRED, "C", stores=True)
RESULTS = Audited(Code.INSTANCES_ACCESSED, "R", via="results")
READ = Audited(Code.INSTANCES_ACCESSED, "R", repeated=True)
RETRIEVED = Audited(Code.INSTANCES_TRANSFERRED, "R")
CHANGED = Audited(Code.PROCEDURE_RECORD, "U")
SUBSCRIBED = Audited(Code.PROCEDURE_RECORD, "E", repeated=True)
MODEL_CHANGED = Audited(Code.SECURITY_ALERT, "U", Type.SOFTWARE_CONFIGURATION, with_change=True)

MODEL_ADDED = Audited(Code.SECURITY_ALERT, "C", Type.SOFTWARE_CONFIGURATION, with_change=True)

MODEL_REMOVED = Audited(Code.SECURITY_ALERT, "D", Type.SOFTWARE_CONFIGURATION, with_change=True)


def network_change(action: Action) -> Audited:
    """Of a route that changes whom the node talks to."""
    return Audited(Code.SECURITY_ALERT, action, Type.NETWORK_CONFIGURATION, with_change=True)


_UNKNOWN: dict[str, Audited] = {
    "GET": Audited(Code.INSTANCES_ACCESSED, "R"),
    "WEBSOCKET": Audited(Code.INSTANCES_ACCESSED, "R"),
    "DELETE": Audited(Code.INSTANCES_ACCESSED, "D"),
    "POST": Audited(Code.INSTANCES_ACCESSED, "U"),
    "PUT": Audited(Code.INSTANCES_ACCESSED, "U"),
    "PATCH": Audited(Code.INSTANCES_ACCESSED, "U"),
}


def unknown_method(method: str) -> AuditRule:
    """Of a method that the path does not take: an attempt to do what it names."""
    return _UNKNOWN.get(method, CAPABILITIES)
