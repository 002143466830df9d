"""Let in those who belong, and tell every route who asks."""

import hmac
from collections.abc import Callable

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import audited_sign_ins
from api.access.authenticator import Authenticator, Credential
from api.access.caller_visibility import CallerVisibility, nobody
from api.access.confirmation import check_confirmed, check_person
from api.access.limits.forwarded import client_address, client_group
from api.access.limits.headers import check_rate, take, telling_limits
from api.access.limits.limiter import Limits
from api.access.openid_connect.strength import InsufficientAuthentication
from api.access.principal import LOCAL, Principal
from api.access.refusals import insufficient, not_ours, unauthenticated, unfinished
from api.access.rule_index import Rule, RuleIndex
from api.access.session_cookies import CSRF_HEADER, csrf_token
from api.errors import ApiProblem, status_of
from api.middleware.methods import with_head
from api.middleware.refusing import refuse
from api.middleware.safe_methods import SAFE_METHODS
from storage.container import Storage
from storage.core.callers.shares import address_caller, on_behalf_of
from storage.core.callers.visibility import Visibility, limited_to
from storage.core.errors import MediViewError, StorageUnavailable
from storage.settings import Settings

log = structlog.get_logger(__name__)

# Nothing else is served below these, whether or not a route is there.
_OURS = frozenset({"api", "dicom-web", "fhir"})
# The address of an upload is the permission, and was counted when it was given out. A probe shares
# its address with others, and a node that does not answer it is restarted.
UNCOUNTED = frozenset(
    {
        "/api/uploads/content",
        "/api/uploads/parts",
        "/health",
        "/api/health",
        "/livez",
        "/readyz",
        "/startupz",
    }
)
# Nobody who only looks around may keep others at the address from signing in.
_PROVIDER = frozenset({"/api/session/oidc/start", "/api/session/oidc/callback"})
_FREE_IF_GOOD = {
    "/api/session": "sign-ins",
    "/api/session/oidc/backchannel-logout": "logouts",
}
_DOUBTFUL_AT_ONCE = 2


class AccessControl:
    """Sets `scope["state"]["principal"]` before any route, websockets too.

    Without sign-in that is anybody at this machine. With it every request
    needs a route with a policy, and one of its roles; everything else is denied.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        authenticator: Authenticator,
        routes: Callable[[], list[BaseRoute]],
        limits: Limits,
        rules: RuleIndex,
    ) -> None:
        self.app = app
        self.settings = settings
        self.authenticator = authenticator
        self.routes = routes
        self.rules = rules
        self.limits = limits
        self._reserved: frozenset[str] | None = None
        # Made within the event loop to which it belongs.
        self._doubtful: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if self.settings.auth == "none":
            scope.setdefault("state", {})["principal"] = LOCAL
            await self.app(scope, receive, send)
            return
        # Until it is known who asks.
        with on_behalf_of(address_caller(client_address(scope))):
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = telling_limits(self.limits.of_principals, scope, send)
        try:
            principal = await self._admitted(scope)
            visibility = await self._visibility(scope, principal)
        except ApiProblem as problem:
            await refuse(scope, receive, send, problem)
            return
        except MediViewError as error:
            await refuse(
                scope,
                receive,
                send,
                ApiProblem(status_of(error), error.code, error.message, remedy=error.remedy),
            )
            return
        scope.setdefault("state", {})["principal"] = principal
        if principal is None and (purpose := _given_back(scope)):
            send = self._giving_back(scope, send, purpose)
        with limited_to(visibility):
            await self.app(scope, receive, send)

    async def _visibility(self, scope: Scope, principal: Principal | None) -> Visibility | None:
        """What the caller may see. Raises StorageUnavailable."""
        state = scope["app"].state
        caller_visibility: CallerVisibility = state.caller_visibility
        try:
            return await caller_visibility.of(state.storage.engine, principal)
        except StorageUnavailable:
            rule = self.rules.find(scope.get("method", "WEBSOCKET"), scope["path"])
            if rule is None or not rule.is_public:
                raise
            # An open address must answer also where the database does not.
            return nobody(principal)

    def _giving_back(self, scope: Scope, send: Send, purpose: str) -> Send:
        """An address pays for sign-ins that fail; one that works costs it nothing."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                await self.limits.of_addresses.give_back(f"{purpose} {client_group(scope)}")
            await send(message)

        return noted

    async def _admitted(self, scope: Scope) -> Principal | None:
        """Who asks, None for anyone at an open address. Raises ApiProblem, MediViewError."""
        method = scope.get("method", "WEBSOCKET")
        path = scope["path"]
        rule = self.rules.find(method, path)
        if rule is None and not self._is_reserved(path):
            # The viewer's files.
            return None
        is_public = rule is not None and (
            rule.is_public or (rule.path == "/metrics" and self.settings.metrics_public)
        )
        headers = Headers(scope=scope)
        credential = self.authenticator.credential(headers)
        principal = await self._identified(scope, credential, optional=is_public)
        unfinished_step = principal.step if principal is not None else ""
        if rule is not None and unfinished_step in rule.steps:
            unfinished_step = ""
        if is_public:
            if unfinished_step:
                principal = None
            if principal is None and path not in UNCOUNTED:
                purpose = "sign-ins" if path in _PROVIDER else _given_back(scope)
                await self._take(scope, purpose or "open pages")
            return principal
        if principal is None:
            raise unauthenticated(credential)
        if unfinished_step:
            await self._take(scope, "failures")
            raise unfinished(unfinished_step)
        await take(self.limits.of_principals, scope, principal.identity.id)
        if rule is None:
            raise self._nothing_there(path)
        if credential is not None and credential.kind == "cookie":
            _check_page(scope, headers, credential)
        await self._check_allowed(scope, principal, rule)
        return principal

    async def _identified(
        self, scope: Scope, credential: Credential | None, *, optional: bool
    ) -> Principal | None:
        if credential is None:
            if not optional:
                await self._take(scope, "failures")
            return None
        known = self.authenticator.recall(credential)
        if known is not None:
            return known
        storage: Storage = scope["app"].state.storage
        try:
            found = await run_sync(
                self.authenticator.identify,
                storage,
                credential,
                limiter=self._look_ups_of(scope),
            )
        except InsufficientAuthentication as error:
            if optional:
                return None
            await self._refused(scope, credential, "acr or auth_time")
            raise insufficient(error) from error
        except MediViewError:
            if optional:
                # An open address must answer also where the database does not.
                return None
            raise
        if found is None:
            await self._refused(scope, credential, "not accepted")
        return found

    async def _refused(self, scope: Scope, credential: Credential, reason: str) -> None:
        await self._take(scope, "failures")
        if credential.kind != "cookie":
            log.warning("credential_refused", kind=credential.kind, reason=reason)
            await run_sync(
                audited_sign_ins.sign_in_failed,
                scope["app"].state.storage.audit,
                scope,
                credential.kind,
                reason,
            )

    async def _take(self, scope: Scope, purpose: str) -> None:
        """Count one more for the address. Raises ApiProblem where it was too much.

        Each purpose by itself: who fails uses up nothing but further failures.
        """
        check_rate(await self.limits.of_addresses.take(f"{purpose} {client_group(scope)}"))

    def _look_ups_of(self, scope: Scope) -> CapacityLimiter | None:
        """The threads that may look a credential up; None: those that all requests share.

        A good credential is let in regardless of others behind the address, so it is looked up
        also where only failures came from there; these wait for one another and for nobody else.
        """
        if self.limits.of_addresses.wait_of(f"failures {client_group(scope)}") == 0:
            return None
        if self._doubtful is None:
            self._doubtful = CapacityLimiter(_DOUBTFUL_AT_ONCE)
        return self._doubtful

    async def _check_allowed(self, scope: Scope, principal: Principal, rule: Rule) -> None:
        is_allowed = rule.allows(principal)
        if is_allowed and (principal.is_person or not rule.people_only):
            if rule.policy.confirmed_to and principal.is_person:
                storage: Storage = scope["app"].state.storage
                deed = rule.policy.confirmed_to
                await run_sync(check_confirmed, storage.confirmations, principal, deed)
            return
        log.warning("access_denied", principal_kind=principal.kind, route=rule.path)
        await run_sync(
            audited_sign_ins.refused, scope["app"].state.storage.audit, scope, principal, rule.path
        )
        if is_allowed:
            check_person(principal, "do this")
        if not principal.has_any(rule.roles):
            needed = f"one of the roles {', '.join(sorted(rule.roles))}"
        else:
            needed = f"a key with the scope {rule.scope}"
        raise ApiProblem(
            403,
            "not_allowed",
            "You are signed in, but may not do this.",
            remedy=f"It needs {needed}; an administrator gives it.",
        )

    def _nothing_there(self, path: str) -> ApiProblem:
        methods = with_head(self.rules.methods(path))
        if methods and path.startswith("/dicom-web/"):
            # Every resource of DICOMweb answers it (PS3.18 8.9).
            methods = sorted({*methods, "OPTIONS"})
        if methods:
            return ApiProblem(
                405,
                "method_not_allowed",
                "This address does not know that method.",
                remedy=f"It knows {', '.join(methods)}.",
                headers={"Allow": ", ".join(methods)},
            )
        return ApiProblem(
            404,
            "not_found",
            "Nothing is served at this address.",
            remedy="Check the address; /api/openapi.json lists what there is.",
        )

    def _is_reserved(self, path: str) -> bool:
        if self._reserved is None:
            contexts = iter_route_contexts(self.routes())
            self._reserved = _OURS | {_first_segment(one.path or "/") for one in contexts}
        # A route whose very first part is a parameter would answer anywhere.
        return _first_segment(path) in self._reserved or any(
            one.startswith("{") for one in self._reserved
        )


def _first_segment(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _given_back(scope: Scope) -> str:
    """What a request is counted as that costs its address nothing where it succeeds."""
    if scope.get("method") != "POST":
        return ""
    return _FREE_IF_GOOD.get(scope["path"], "")


def _check_page(scope: Scope, headers: Headers, credential: Credential) -> None:
    """A browser sends cookies for any page; only a page of ours knows the token."""
    if scope["type"] == "websocket":
        # No header can be set there; `OriginGuard` has looked at who opens it, if it says so.
        if not headers.get("origin"):
            raise not_ours("A browser says where a web socket comes from.")
        return
    if scope["method"] in SAFE_METHODS:
        return
    shown = headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(shown.encode(), csrf_token(credential.text).encode()):
        raise not_ours("The request does not show that a page of this node made it.")
