"""What someone may be, and what a key may be narrowed to.

What each role may do stands in the sets of `api.access.policy`, who may sign in
`api.reports.change_preconditions`, whose word counts as a reader's in `api.access.authors`.
"""

from collections.abc import Iterable
from typing import Literal, cast, get_args

from storage.core.errors import InvalidRequest

Role = Literal["viewer", "radiologist", "integrator", "admin"]
ROLES: frozenset[Role] = frozenset(get_args(Role))

AccessScope = Literal[
    "dicomweb:read",
    "dicomweb:write",
    "api:read",
    "api:write",
    "fhir:read",
    "fhir:write",
    "fhircast:read",
    "fhircast:write",
    "metrics:read",
    "admin",
]
SCOPES: frozenset[AccessScope] = frozenset(get_args(AccessScope))


def checked_roles(given: Iterable[str]) -> frozenset[Role]:
    """The roles, at least one of them. Raises InvalidRequest naming an unknown one."""
    roles = {one.strip() for one in given if one.strip()}
    if not roles or not roles <= ROLES:
        wrong = ", ".join(sorted(roles - ROLES)) or "nothing"
        raise InvalidRequest(
            f"'{wrong}' is not a role.", remedy=f"Roles are {', '.join(get_args(Role))}."
        )
    return cast(frozenset[Role], frozenset(roles))


def checked_scopes(given: Iterable[str]) -> frozenset[AccessScope]:
    """The scopes; none given means all that the roles allow. Raises InvalidRequest."""
    scopes = {one.strip() for one in given if one.strip()} or SCOPES
    if not scopes <= SCOPES:
        raise InvalidRequest(
            f"'{', '.join(sorted(scopes - SCOPES))}' is not a scope.",
            remedy=f"Scopes are {', '.join(get_args(AccessScope))}.",
        )
    return cast(frozenset[AccessScope], frozenset(scopes))


def known_roles(kept: Iterable[str]) -> frozenset[Role]:
    """Those of kept roles that this version knows."""
    return ROLES & frozenset(kept)


def known_scopes(kept: Iterable[str]) -> frozenset[AccessScope]:
    return SCOPES & frozenset(kept)
