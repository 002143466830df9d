"""To the identity provider and back."""

import re
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import Query, Request
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from api.access import audited_sign_ins
from api.access.authenticator import with_own_name
from api.access.openid_connect.provider import NotAccepted, Provider
from api.access.openid_connect.sign_in import Flow, authorization_url, finish
from api.access.policy import ANYONE, policy
from api.access.principal import OptionalPrincipalDep, Principal
from api.access.session_cookies import delete_flow, flow_cookie, read_cookie, set_flow, set_session
from api.access.sessions.session_routes import AuthenticatorDep, open_session
from api.audit_rules import BY_ITSELF, PUBLIC
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import problems
from api.router_factory import new_router
from storage.accounts.confirmations import Confirmations
from storage.audit import Audit
from storage.core.clock import utcnow
from storage.core.errors import NotConfigured
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Providers send parameters of their own, such as `iss` and `session_state`.
router = new_router(prefix="/api/session/oidc", tags=["session"], route_class=APIRoute)

_NOT_CONFIRMED = "/sign-in/?confirmed=no"
# A page of ours and nothing that a browser could read as another host.
_OWN_PAGE = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")


@router.get(
    "/start",
    status_code=303,
    response_class=RedirectResponse,
    summary="Go to the identity provider",
    responses=problems(409, 503),
)
@policy(ANYONE, "api:read", PUBLIC)
def start_oidc_sign_in(
    request: Request,
    principal: OptionalPrincipalDep,
    settings: SettingsDep,
    next: Annotated[str, Query(max_length=2000)] = "/",
    confirm: Annotated[
        bool, Query(description="Show again who one is, within the session that there is.")
    ] = False,
) -> RedirectResponse:
    """`next` is the page of this node to come back to.

    With `confirm` the provider asks for the password again, and nobody else may come back. Who
    comes by a link of another site begins at the sign-in page.
    """
    provider = provider_of(request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        # Where the provider has a session of its own it asks nothing: without this no person would
        # have done anything for the session that begins (ASVS 5.0, 7.6.2).
        return RedirectResponse(f"/sign-in/?{urlencode({'next': own_page(next)})}", 303)
    confirms = ""
    if confirm:
        if principal is None or principal.kind != "oidc" or not principal.is_person:
            raise ApiProblem(
                409,
                "no_provider_session",
                "You have not signed in at the identity provider.",
                remedy="Sign in there first; an account sends its password to"
                " POST /api/session/confirmation.",
            )
        confirms = principal.session_hash
    flow = Flow.begin(own_page(next), confirms)
    # Core 1.0, 3.1.2.1; `finish` checks how the provider asked.
    acr_values = " ".join(settings.oidc_acr_values)
    asked = {"acr_values": acr_values} if acr_values else {}
    url = authorization_url(provider, flow, redirect_uri(settings), asked)
    response = RedirectResponse(url, 303)
    set_flow(response, settings, flow_cookie(settings), flow.text())
    return response


@router.get(
    "/callback",
    status_code=303,
    response_class=RedirectResponse,
    summary="Back from the identity provider",
    responses=problems(503),
)
@policy(ANYONE, "api:read", BY_ITSELF)
def finish_oidc_sign_in(
    request: Request,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> RedirectResponse:
    """Leads to the page that was asked for, or to the sign-in page with `?failed=provider`.

    Who was to show again who it is, and did not, comes to `/sign-in/?confirmed=no`.
    """
    provider = provider_of(request)
    failed = "/sign-in/?failed=provider"
    try:
        flow = Flow.read(read_cookie(request.headers, flow_cookie(settings)))
        if flow.confirms:
            failed = _NOT_CONFIRMED
        principal = with_own_name(
            storage.shown_names,
            finish(provider, flow, request.query_params, redirect_uri(settings)),
        )
        target = own_page(flow.next)
    except NotAccepted as error:
        # The words are ours; what the provider or the browser sent is not repeated.
        log.warning("sign_in_failed", method="oidc", reason=str(error))
        audited_sign_ins.sign_in_failed(storage.audit, request.scope, "oidc", str(error))
        response = RedirectResponse(failed, 303)
    else:
        token = (
            _confirm(request, storage.confirmations, storage.audit, flow, principal)
            if flow.confirms
            else None
        )
        if flow.confirms and token is None:
            target = failed
        response = RedirectResponse(target, 303)
        if token is not None:
            set_session(response, settings, token)
        if not flow.confirms:
            open_session(
                request, response, storage.sessions, storage.audit, settings, principal, "oidc"
            )
        authenticator.forget()
    delete_flow(response, settings, flow_cookie(settings))
    return response


def _confirm(
    request: Request, confirmations: Confirmations, audit: Audit, flow: Flow, principal: Principal
) -> str | None:
    """The token by which the session goes on from which the person set out; somebody else
    changes nothing.
    """
    token = confirmations.confirm(
        flow.confirms, principal.identity, utcnow(), principal.provider_session_id
    )
    if token is not None:
        audited_sign_ins.signed_in(audit, request.scope, principal, "confirmation by the provider")
    else:
        log.warning("confirmation_failed", method="oidc", reason="another person")
        audited_sign_ins.sign_in_failed(audit, request.scope, "oidc", "another person confirmed")
    return token


def redirect_uri(settings: Settings) -> str:
    """Where the provider sends people back to; it is registered there."""
    return f"{settings.resolved_public_url}{router.prefix}/callback"


def own_page(given: str) -> str:
    """The page, if it is one of ours, else the list of studies."""
    return given if _OWN_PAGE.fullmatch(given) else "/"


def provider_of(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotConfigured(
            "No identity provider is configured.",
            remedy="Sign in by name and password, or set MEDIVIEW_OIDC_ISSUER.",
        )
    return provider
