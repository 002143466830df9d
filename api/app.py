"""The application: routers, middleware and the viewer put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from starlette.routing import Route

from api.access.authenticator import Authenticator
from api.access.caller_visibility import CallerVisibility
from api.access.limits.forwarded import ForwardedClient
from api.access.limits.limiter import Limits
from api.access.limits.open_requests import CallerShares, OpenRequests
from api.access.middleware import AccessControl
from api.access.openid_connect.provider import Provider
from api.access.openid_connect.sign_in import AccessTokens
from api.access.policy import READERS, policy
from api.access.rule_index import RuleIndex, rules_of
from api.access.smart.routes import servers_of
from api.audit.middleware import AuditTrail
from api.audit_rules import PUBLIC
from api.dicomweb.instances.cache import clear_all
from api.dicomweb.rendering import rendered
from api.dicomweb.retrieval import frame_routes, retrieve
from api.dicomweb.retrieval.direct import DirectRoutes
from api.dicomweb.search import qido
from api.dicomweb.store import stow
from api.errors import install_error_handlers
from api.events.newest import Newest
from api.fhir.outcomes import FhirOutcomes
from api.fhircast.joining import JoinedHubs
from api.fhircast.newest import NewestOfTopics
from api.fhircast.standing import StandingChannels
from api.idempotency.middleware import Idempotency
from api.jobs import routes as jobs
from api.middleware import (
    AllowedMethods,
    ApiVersion,
    BodyLimit,
    CrossOrigin,
    HeadAsGet,
    OriginGuard,
    RequestContext,
    RequestTimeout,
    SecurityHeaders,
    TrailingSlash,
    UnchangedLists,
)
from api.middleware.full_disk import FullDisk
from api.models.upload_folder import remove_left_behind
from api.openapi import install_description
from api.router_factory import routes_of
from api.routers import ROUTERS
from api.server import health, metrics
from api.server.condition_watch import watching
from api.server.threads import share_threads
from api.server.viewer_files import ViewerFiles
from api.studies import routes as studies
from api.ups.responses import install_workitem_errors
from inference.model_registry.sharing import fetching
from inference.projects.single_instances import SingleInstances
from inference.site_rules.saving import follow_saved_rules
from storage.container import open_storage
from storage.maintenance.own_folder import keeping_own_folder
from storage.settings import Settings

_DESCRIPTION = (
    "The imaging node beside the PACS: studies with their live state, jobs, findings, uploads"
    " and events. Images and results themselves are served by DICOMweb at `/dicom-web`."
    " Errors are problem details (RFC 9457) with a code, a sentence and a remedy."
)


def create_app(settings: Settings) -> FastAPI:
    """The node's HTTP side. It opens the storage when it starts and closes it when it ends.

    Who runs it may set `app.state.stopping` to a function that says when the
    server is on its way down, so that endless answers end in time; and `app.state.watches_health`
    to whether this process announces what `/health` finds, which one of a host does.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        share_threads()
        with open_storage(settings) as storage, storage.audit.running("api"):
            app.state.storage = storage
            storage.damaged.known.when_changed = clear_all
            remove_left_behind(settings, storage.uploads)
            app.state.newest_event = Newest(storage.events)
            app.state.newest_fhircast = NewestOfTopics(storage.fhircast_events)
            app.state.standing_fhircast = StandingChannels(storage)
            app.state.joined_hubs = JoinedHubs(
                storage, app.state.caller_visibility, app.state.stopping
            )
            app.state.health = health.HealthChecks(storage)
            app.state.metrics.watch(storage)
            app.state.single_instances = SingleInstances(storage)
            follow = partial(follow_saved_rules, settings, storage.rule_versions, adopts=True)
            watched = watching(
                storage.settings, storage.node_conditions, app.state.health.run, follow
            )
            # Two that find different things would begin and end each other's conditions.
            of_one_process = watched if app.state.watches_health else nullcontext()
            with of_one_process, keeping_own_folder(storage), fetching(storage):
                yield

    app = FastAPI(
        title="MediViewAI",
        version=version("mediview"),
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/openapi.json",
        # Their pages load scripts of another site, which the security policy forbids.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.metrics = metrics.Metrics()
    app.state.stopping = lambda: False
    app.state.watches_health = True
    app.state.provider = Provider(settings) if settings.oidc_issuer else None
    tokens = AccessTokens(app.state.provider) if app.state.provider else None
    app.state.smart_servers = servers_of(settings)
    app.state.open_requests = OpenRequests(settings)
    app.state.caller_visibility = CallerVisibility()
    app.state.authenticator = Authenticator(settings, tokens)
    install_error_handlers(app)
    install_workitem_errors(app)
    app.router.routes.extend(routes_of(ROUTERS))
    install_description(app)
    for route in app.router.routes:
        if isinstance(route, Route) and route.path == app.openapi_url:
            policy(READERS, "api:read", PUBLIC)(route.endpoint)
    rules = app.state.rules = RuleIndex(rules_of(app.router.routes))
    # Not a mount at `/`: that would answer before a route is asked which methods it knows.
    app.router.default = ViewerFiles(settings)
    hot = (
        frame_routes.router,
        retrieve.router,
        rendered.router,
        qido.router,
        stow.router,
    )
    direct = DirectRoutes(app.router.middleware_stack, hot)
    unchanged = UnchangedLists(direct, (studies.router, jobs.router), ROUTERS)
    app.router.middleware_stack = HeadAsGet(unchanged)
    # `TrailingSlash` has taken it off; a redirect would lose the body of some clients.
    app.router.redirect_slashes = False
    _add_middleware(app, settings, rules)
    return app


def _add_middleware(app: FastAPI, settings: Settings, rules: RuleIndex) -> None:
    # The last added is the outermost.
    app.add_middleware(AllowedMethods, routes=lambda: app.routes)
    app.add_middleware(Idempotency, settings=settings, rules=rules)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestTimeout, settings=settings)
    # Inside of what knows who asks, outside of every route.
    app.add_middleware(AuditTrail, rules=rules)
    # The event of a deletion has to be written, too.
    app.add_middleware(FullDisk, data_dir=settings.data_dir)
    app.add_middleware(CallerShares, open_requests=app.state.open_requests)
    app.add_middleware(
        AccessControl,
        settings=settings,
        authenticator=app.state.authenticator,
        routes=lambda: app.routes,
        # Middleware is made at the first request, in the process that serves it.
        limits=Limits(settings),
        rules=rules,
    )
    app.add_middleware(OriginGuard, settings=settings)
    if settings.cors_origins:
        app.add_middleware(CrossOrigin, settings=settings)
    app.add_middleware(RequestContext, metrics=app.state.metrics)
    app.add_middleware(SecurityHeaders, settings=settings)
    app.add_middleware(ForwardedClient, settings=settings)
    app.add_middleware(FhirOutcomes)
    app.add_middleware(TrailingSlash)
    app.add_middleware(ApiVersion)
