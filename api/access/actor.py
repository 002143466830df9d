"""The actor of an audit event: who sent a request, and from where."""

from starlette.types import Scope

from api.access.limits.forwarded import client_address
from api.access.principal import Principal
from storage.audit import Actor


def actor_of(scope: Scope, principal: Principal | None, claimed_name: str = "") -> Actor:
    """Who did it; one who did not get in is nobody, under the name that was given."""
    address = client_address(scope)
    if principal is None:
        return Actor("anonymous", claimed_name or "anonymous", address)
    return Actor(principal.kind, principal.name, address, principal.identity.id)
