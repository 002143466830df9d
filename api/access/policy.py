"""Who may use a route, and what the audit trail records of it: stated where the route is.

    @router.get("/{job_id}")
    @policy(READERS, "api:read", Audited(Code.PROCEDURE_RECORD, "R"))
    def get_job(…): …

An application with a route that states nothing does not start (`api.access.rule_index`).
`docs/access.md` is the table of all, for review; `scripts/access-table.py` writes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from api.audit_rules import AuditRule
from storage.accounts.sessions import SignInStep
from storage.core.callers.roles import AccessScope, Role

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "WEBSOCKET"]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

ANYONE: frozenset[Role] = frozenset()
"""Also those who have not signed in."""
READERS: frozenset[Role] = frozenset({"viewer", "radiologist", "integrator", "admin"})
RADIOLOGISTS: frozenset[Role] = frozenset({"radiologist", "admin"})
WRITERS: frozenset[Role] = frozenset({"radiologist", "integrator", "admin"})
INTEGRATORS: frozenset[Role] = frozenset({"integrator", "admin"})
ADMINS: frozenset[Role] = frozenset({"admin"})

ANY_STEP: frozenset[SignInStep] = frozenset({"second_factor", "password", "enrolment"})
FACTOR_STEP: frozenset[SignInStep] = frozenset({"second_factor"})
PASSWORD_STEP: frozenset[SignInStep] = frozenset({"password"})
ENROLMENT_STEP: frozenset[SignInStep] = frozenset({"enrolment"})

_ATTRIBUTE = "__route_policy__"


@dataclass(frozen=True)
class RoutePolicy:
    """`roles` may use the route; a key needs `scope` besides. `audit`: what is recorded.

    `people_only`: no program may, whatever its roles and scopes: what a key could give itself
    by it would outlive the key. `steps`: somebody whose sign-in lacks one of these may, too.
    `confirmed_to`: what a person does by it only after having shown again who it is, as in "add a
    peer"; a program, which has no session to be stolen, goes on. Empty: a session is enough.
    """

    roles: frozenset[Role]
    scope: AccessScope
    audit: AuditRule
    people_only: bool = False
    steps: frozenset[SignInStep] = frozenset()
    confirmed_to: str = ""

    @property
    def is_public(self) -> bool:
        return not self.roles


def policy(
    roles: frozenset[Role],
    scope: AccessScope,
    audit: AuditRule,
    *,
    people_only: bool = False,
    steps: frozenset[SignInStep] = frozenset(),
    confirmed_to: str = "",
) -> Callable[[Endpoint], Endpoint]:
    """Put the policy on the function of a route, below its `@router.…` lines."""

    def put(endpoint: Endpoint) -> Endpoint:
        found = RoutePolicy(roles, scope, audit, people_only, steps, confirmed_to)
        setattr(endpoint, _ATTRIBUTE, found)
        return endpoint

    return put


def policy_of(endpoint: object) -> RoutePolicy | None:
    """What the function of a route states."""
    found = getattr(endpoint, _ATTRIBUTE, None)
    return found if isinstance(found, RoutePolicy) else None
