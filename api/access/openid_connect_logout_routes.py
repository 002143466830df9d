"""The provider ends sessions here, over its own connection (Back-Channel Logout 1.0)."""

from functools import partial
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.access import audited_sign_ins
from api.access.openid_connect.logout import TOKEN_MAX_CHARACTERS, read_logout
from api.access.openid_connect.provider import NotAccepted
from api.access.openid_connect_routes import provider_of
from api.access.policy import ANYONE, policy
from api.access.sessions.session_routes import get_authenticator
from api.audit_rules import BY_ITSELF
from api.bodies import FORM, form_fields, media_type_of
from api.deps import StorageDep
from api.errors import ApiProblem
from api.middleware.body_limit import limited
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.provider_logouts import ProviderLogouts
from storage.audit import Audit
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest

log = structlog.get_logger(__name__)

# Providers send parameters of their own.
router = new_router(prefix="/api/session/oidc", tags=["session"], route_class=APIRoute)

_BODY_MAX_BYTES = 4 * TOKEN_MAX_CHARACTERS
_MOST_FIELDS = 20
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["logout_token"],
                    "properties": {
                        "logout_token": {"type": "string", "maxLength": TOKEN_MAX_CHARACTERS}
                    },
                }
            }
        },
    }
}


@router.post(
    "/backchannel-logout",
    summary="End sessions, as the identity provider",
    response_class=Response,
    responses=problems(400, 413, 503),
    openapi_extra=_BODY,
)
@policy(ANYONE, "api:write", BY_ITSELF)
async def end_sessions_of_provider(request: Request, storage: StorageDep) -> Response:
    """The token says whose (OpenID Connect Back-Channel Logout 1.0): all sessions of `sub`, or
    those of the provider's session `sid`. It counts once."""
    body = await Request(request.scope, limited(request.receive, _BODY_MAX_BYTES)).body()
    await run_in_threadpool(_end, request, storage.provider_logouts, storage.audit, body)
    return Response(headers={"Cache-Control": "no-store"})


def _end(request: Request, logouts: ProviderLogouts, audit: Audit, body: bytes) -> None:
    """Raises ApiProblem, NotConfigured."""
    provider = provider_of(request)
    try:
        logout = read_logout(provider, _token_in(request, body))
        note = partial(audited_sign_ins.signed_out_by_provider, audit, request.scope)
        ended = logouts.end(logout, utcnow(), note)
        if ended is None:
            raise NotAccepted("the token came before")
    except NotAccepted as error:
        log.warning("provider_logout_refused", reason=str(error))
        audited_sign_ins.sign_out_failed(audit, request.scope, str(error))
        raise ApiProblem(
            400,
            "logout_refused",
            "The logout token is not one of this node's identity provider, or has been used.",
            remedy="Send a new one, for this node's client; the log says what is wrong.",
        ) from error
    get_authenticator(request).forget()
    log.info("sessions_ended", method="back-channel logout", count=ended)


def _token_in(request: Request, body: bytes) -> str:
    """Raises NotAccepted."""
    if media_type_of(request.headers) != FORM:
        raise NotAccepted("the body is not a form")
    try:
        fields = form_fields(body, _MOST_FIELDS)
    except InvalidRequest as error:
        raise NotAccepted("the body is not a form") from error
    tokens = [value for name, value in fields if name == "logout_token"]
    if len(tokens) != 1:
        raise NotAccepted("the body has not one logout_token")
    return tokens[0]
