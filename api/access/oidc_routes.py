"""To the identity provider and back."""

import re

import structlog
from fastapi import Request
from fastapi.responses import RedirectResponse

from api.access import trail
from api.access.cookies import flow_cookie, is_https
from api.access.oidc import Flow, authorization_url, finish
from api.access.provider import NotAccepted, Provider
from api.access.session_routes import AuthenticatorDep, open_session
from api.deps import SettingsDep, StorageDep
from api.parameters import problems
from api.routing import new_router
from storage.errors import NotConfigured
from storage.settings import Settings

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/session/oidc", tags=["session"])

_FLOW_S = 600
# A page of ours and nothing that a browser could read as another host.
_OWN_PAGE = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")


@router.get(
    "/start",
    status_code=303,
    response_class=RedirectResponse,
    summary="Go to the identity provider",
    responses=problems(503),
)
def start(request: Request, settings: SettingsDep, next: str = "/") -> RedirectResponse:
    """`next` is the page of this node to come back to."""
    flow = Flow.begin(own_page(next))
    url = authorization_url(_provider(request), flow, redirect_uri(settings))
    response = RedirectResponse(url, 303)
    response.set_cookie(
        flow_cookie(settings),
        flow.text(),
        max_age=_FLOW_S,
        path="/",
        secure=is_https(settings),
        httponly=True,
        # Lax: the way back begins at another site.
        samesite="lax",
    )
    return response


@router.get(
    "/callback",
    status_code=303,
    response_class=RedirectResponse,
    summary="Back from the identity provider",
    responses=problems(503),
)
def callback(
    request: Request,
    storage: StorageDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> RedirectResponse:
    """Leads to the page that was asked for, or to the sign-in page with `?failed=provider`."""
    provider = _provider(request)
    try:
        flow = Flow.read(request.cookies.get(flow_cookie(settings), ""))
        principal = finish(provider, flow, request.query_params, redirect_uri(settings))
        target = own_page(flow.next)
    except NotAccepted as error:
        # The words are ours; what the provider or the browser sent is not repeated.
        log.warning("sign_in_failed", method="oidc", reason=str(error))
        trail.sign_in_failed(storage, request.scope, "oidc", str(error))
        response = RedirectResponse("/sign-in/?failed=provider", 303)
    else:
        response = RedirectResponse(target, 303)
        open_session(request, response, storage, settings, principal, "oidc")
        authenticator.forget()
    response.delete_cookie(
        flow_cookie(settings),
        path="/",
        secure=is_https(settings),
        httponly=True,
        samesite="lax",
    )
    return response


def redirect_uri(settings: Settings) -> str:
    """Where the provider sends people back to; it is registered there."""
    return f"{settings.resolved_public_url}{router.prefix}/callback"


def own_page(given: str) -> str:
    """The page, if it is one of ours, else the list of studies."""
    return given if _OWN_PAGE.fullmatch(given) else "/"


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotConfigured(
            "No identity provider is configured.",
            remedy="Sign in by name and password, or set MEDIVIEW_OIDC_ISSUER.",
        )
    return provider
