"""The audit events of sign-ins, sign-outs and refused requests."""

from sqlalchemy import Connection
from starlette.types import Scope

from api.access.actor import actor_of
from api.access.limits.forwarded import client_address
from api.access.principal import Principal
from storage.audit import MINOR_FAILURE, Actor, Audit, AuditEvent, Code, Type
from storage.core.callers.identity import Identity


def signed_in(audit: Audit, scope: Scope, principal: Principal, method: str) -> None:
    audit.record(
        AuditEvent(
            Code.USER_AUTHENTICATION,
            "E",
            actor_of(scope, principal),
            type=Type.LOGIN,
            detail={"method": method},
        )
    )


def sign_in_failed(
    audit: Audit, scope: Scope, method: str, reason: str, claimed_name: str = ""
) -> None:
    """`claimed_name` only where it is known to be a name: people type passwords into the field."""
    audit.without_effect(
        AuditEvent(
            Code.USER_AUTHENTICATION,
            "E",
            actor_of(scope, None, claimed_name),
            outcome=MINOR_FAILURE,
            type=Type.LOGIN,
            detail={"method": method, "reason": reason},
        )
    )


def signed_out(audit: Audit, scope: Scope, principal: Principal) -> None:
    audit.record(
        AuditEvent(Code.USER_AUTHENTICATION, "E", actor_of(scope, principal), type=Type.LOGOUT)
    )


def signed_out_by_provider(
    audit: Audit, scope: Scope, connection: Connection, identity: Identity, count: int
) -> None:
    """The provider ends the sessions of its person, in the transaction of `connection`."""
    actor = Actor(identity.kind, identity.name, client_address(scope), identity.id)
    audit.record_within(
        connection,
        AuditEvent(
            Code.USER_AUTHENTICATION,
            "E",
            actor,
            type=Type.LOGOUT,
            detail={"method": "logout by the provider", "sessions": count},
        ),
    )


def sign_out_failed(audit: Audit, scope: Scope, reason: str) -> None:
    """Somebody who is not the provider, or not any more, tried to end sessions."""
    audit.without_effect(
        AuditEvent(
            Code.USER_AUTHENTICATION,
            "E",
            actor_of(scope, None),
            outcome=MINOR_FAILURE,
            type=Type.LOGOUT,
            detail={"method": "logout by the provider", "reason": reason},
        )
    )


def refused(audit: Audit, scope: Scope, principal: Principal, route: str) -> None:
    """Someone asked for what the roles or scopes do not allow."""
    audit.without_effect(
        AuditEvent(
            Code.SECURITY_ALERT,
            "E",
            actor_of(scope, principal),
            outcome=MINOR_FAILURE,
            type=Type.USE_OF_RESTRICTED_FUNCTION,
            detail={"method": scope.get("method", "WEBSOCKET"), "route": route},
        )
    )
