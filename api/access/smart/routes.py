"""From a hospital's system to the viewer: launched there, signed in there, opened here."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import Query, Request
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from api.access import audited_sign_ins
from api.access.authenticator import with_own_name
from api.access.caller_visibility import CallerVisibility
from api.access.openid_connect.provider import NotAccepted
from api.access.openid_connect.sign_in import (
    Flow,
    authorization_url,
    exchange_code,
    principal_from,
)
from api.access.policy import ANYONE, policy
from api.access.principal import Principal, Role
from api.access.session_cookies import delete_flow, read_cookie, set_flow, smart_cookie
from api.access.sessions.session_routes import AuthenticatorDep, open_session
from api.access.smart.launch_context import LaunchContext
from api.access.smart.server import EHR_SCOPE, SCOPES, STANDALONE_SCOPE, SmartServer
from api.audit_rules import BY_ITSELF, PUBLIC
from api.deps import SettingsDep, StorageDep
from api.errors import ApiProblem
from api.parameters import problems
from api.router_factory import new_router
from storage.core.callers.visibility import limited_to
from storage.core.errors import NotConfigured
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Servers send parameters of their own.
router = new_router(prefix="/api/session/smart", tags=["session"], route_class=APIRoute)

_SERVER = "server"
_FAILED = "/sign-in/?failed=provider"
_ROLES: frozenset[Role] = frozenset({"viewer", "radiologist"})
_PRACTITIONERS = ("Practitioner", "PractitionerRole", "Person")


@router.get(
    "/launch",
    status_code=303,
    response_class=RedirectResponse,
    summary="Begin a SMART App Launch",
    responses=problems(403, 503),
)
@policy(ANYONE, "api:read", PUBLIC)
def start_smart_launch(
    request: Request,
    settings: SettingsDep,
    iss: Annotated[str, Query(max_length=2000, description="The FHIR server that launches.")],
    launch: Annotated[
        str,
        Query(max_length=2000, description="What an EHR launch is about; empty: standalone."),
    ] = "",
) -> RedirectResponse:
    """The launch URL to be registered there, for both kinds of launch."""
    server = _server(request, iss)
    provider = server.provider()
    flow = Flow.begin(server.iss)
    wanted = EHR_SCOPE if launch else STANDALONE_SCOPE
    asked = {"scope": f"{wanted} {SCOPES}", "aud": server.iss}
    if launch:
        asked["launch"] = launch
    url = authorization_url(provider, flow, _redirect_uri(settings, server), asked)
    response = RedirectResponse(url, 303)
    set_flow(response, settings, smart_cookie(settings), flow.text())
    return response


@router.get(
    "/callback",
    status_code=303,
    response_class=RedirectResponse,
    summary="Back from the system that launched",
    responses=problems(503),
)
@policy(ANYONE, "api:read", BY_ITSELF)
def finish_smart_launch(
    request: Request,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> RedirectResponse:
    """Leads to the study of the launch, to the list of studies where the node has none that the
    person may see, or to the sign-in page with `?failed=provider`."""
    try:
        flow = Flow.read(read_cookie(request.headers, smart_cookie(settings)))
        server = _server(request, flow.next)
        if request.query_params.get(_SERVER, "") != _named(settings, server):
            raise NotAccepted("the answer came to the redirect URI of another server")
        provider = server.provider()
        tokens, claims = exchange_code(
            provider, flow, request.query_params, _redirect_uri(settings, server)
        )
        _check_practitioner(claims.get("fhirUser"))
        principal = with_own_name(
            storage.shown_names,
            _reading(principal_from(provider.settings, claims, settings.smart_role)),
        )
    except (NotAccepted, ApiProblem) as error:
        reason = str(error) if isinstance(error, NotAccepted) else "the server is not listed"
        log.warning("sign_in_failed", method="smart", reason=reason)
        audited_sign_ins.sign_in_failed(storage.audit, request.scope, "smart", reason)
        response = RedirectResponse(_FAILED, 303)
    else:
        context = LaunchContext(server, tokens)
        visibility: CallerVisibility = request.app.state.caller_visibility
        with limited_to(visibility.now(storage.engine, principal)):
            page = context.page(
                settings, storage.index, storage.patient_studies, storage.patient_changes
            )
        response = RedirectResponse(page, 303)
        open_session(
            request, response, storage.sessions, storage.audit, settings, principal, "smart"
        )
        authenticator.forget()
    delete_flow(response, settings, smart_cookie(settings))
    return response


def _check_practitioner(fhir_user: object) -> None:
    """Raises NotAccepted: patients and their relatives have portals."""
    kind = str(fhir_user).split("/")[-2:][0] if isinstance(fhir_user, str) else ""
    if kind not in _PRACTITIONERS:
        raise NotAccepted("fhirUser names no practitioner")


def _reading(principal: Principal) -> Principal:
    """With the roles that a launch may give. Raises NotAccepted where none is left."""
    roles = principal.roles & _ROLES
    if not roles:
        raise NotAccepted("a launch makes nobody an administrator")
    return replace(principal, roles=roles)


def _server(request: Request, iss: str) -> SmartServer:
    """Raises ApiProblem where an operator does not list it."""
    servers: dict[str, SmartServer] = request.app.state.smart_servers
    if not servers:
        raise NotConfigured(
            "No system may launch the viewer.", remedy="Set MEDIVIEW_SMART_SERVERS."
        )
    server = servers.get(iss.rstrip("/"))
    if server is None:
        raise ApiProblem(
            403,
            "launch_refused",
            "This system may not launch the viewer.",
            remedy="An operator adds its FHIR server to MEDIVIEW_SMART_SERVERS.",
        )
    return server


def _redirect_uri(settings: Settings, server: SmartServer) -> str:
    """As it is registered at the server: one of its own where several are listed, so that none
    takes the answers of another (RFC 9700 4.4.2)."""
    named = _named(settings, server)
    of_server = f"?{urlencode({_SERVER: named})}" if named else ""
    return f"{settings.resolved_public_url}{router.prefix}/callback{of_server}"


def _named(settings: Settings, server: SmartServer) -> str:
    """How the redirect URI names the server; empty where it is the only one."""
    return server.iss if len(settings.smart_servers) > 1 else ""


def servers_of(settings: Settings) -> dict[str, SmartServer]:
    return {iss: SmartServer(settings, iss, client_id) for iss, client_id in settings.smart_servers}
