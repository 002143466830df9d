"""The application: routers, middleware and the viewer put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from api.access import admin_routes, oidc_routes, preferences
from api.access.authenticator import Authenticator
from api.access.caller_visibility import CallerVisibility
from api.access.limits.forwarded import ForwardedClient
from api.access.limits.limiter import Limits
from api.access.middleware import AccessControl
from api.access.oidc import AccessTokens
from api.access.policy import READERS, policy
from api.access.provider import Provider
from api.access.rule_index import RuleIndex, rules_of
from api.access.second_factor import routes as second_factor
from api.access.second_factor import sign_in as second_factor_sign_in
from api.access.sessions import own_sessions, session_routes
from api.access_groups import emergency_routes
from api.access_groups import routes as access_groups
from api.annotations import key_images, mask_edits, measurements
from api.audit.middleware import AuditTrail
from api.audit.routes import router as audit_router
from api.audit.rules import PUBLIC
from api.delays import routes as delays
from api.deliveries import routes as deliveries
from api.dicomweb.rendering import rendered
from api.dicomweb.retrieval import frame_routes, retrieve
from api.dicomweb.retrieval.direct import DirectRoutes
from api.dicomweb.router import router as dicomweb_router
from api.dicomweb.search import qido
from api.dicomweb.store import stow
from api.errors import install_error_handlers
from api.events import changes
from api.events import routes as events
from api.events.newest import Newest
from api.fhir.outcomes import FhirOutcomes
from api.fhir.routes import router as fhir_router
from api.findings import critical_alerts as alerts
from api.findings import routes as findings
from api.idempotency.middleware import Idempotency
from api.jobs import analyze, analyze_upload, pipelines, rules
from api.jobs import bulk as job_bulk
from api.jobs import routes as jobs
from api.language import answers, documents, search
from api.language import routes as language
from api.lesions import routes as lesions
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
from api.models import monitoring as watching
from api.models import routes as models
from api.openapi import install_description
from api.patient_identity import routes as patient_changes
from api.peers import routes as peers
from api.priors import elsewhere
from api.priors import routes as priors
from api.projects import routes as projects
from api.reports import history as report_history
from api.reports import hl7_messages as hl7
from api.reports import pdf as report_pdf
from api.reports import routes as reports
from api.retention import legal_holds
from api.retention import routes as retention
from api.routing import routes_of
from api.server import health, metrics, probes
from api.server.viewer_files import ViewerFiles
from api.studies import bulk as study_bulk
from api.studies import conflicts, pictures, release, sending
from api.studies import expected_instances as expectations
from api.studies import hanging_protocols as hanging
from api.studies import routes as studies
from api.studies import trends as trend
from api.uploads import parts as upload_parts
from api.uploads import routes as uploads
from api.ups.responses import install_work_item_errors
from api.ups.router import router as ups_router
from api.webhooks import routes as webhooks
from api.worklist import routes as worklist
from storage.container import open_storage
from storage.settings import Settings

_DESCRIPTION = (
    "The imaging node beside the PACS: studies with their live state, jobs, findings, uploads"
    " and events. Images and results themselves are served by DICOMweb at `/dicom-web`."
    " Errors are problem details (RFC 9457) with a code, a sentence and a remedy."
)
_ROUTERS: tuple[APIRouter, ...] = (
    studies.router,
    sending.router,
    study_bulk.router,
    sending.receivers_router,
    release.router,
    elsewhere.router,
    expectations.router,
    findings.router,
    trend.router,
    delays.router,
    lesions.router,
    measurements.router,
    key_images.router,
    mask_edits.router,
    reports.router,
    report_history.router,
    report_pdf.router,
    hl7.router,
    alerts.router,
    deliveries.router,
    jobs.router,
    job_bulk.router,
    pictures.router,
    events.router,
    changes.router,
    analyze.router,
    analyze_upload.router,
    language.router,
    documents.router,
    answers.router,
    search.router,
    uploads.router,
    upload_parts.router,
    priors.router,
    projects.router,
    peers.kinds_router,
    peers.router,
    conflicts.router,
    worklist.router,
    webhooks.router,
    audit_router,
    pipelines.router,
    rules.router,
    hanging.router,
    models.router,
    watching.router,
    session_routes.router,
    preferences.router,
    second_factor_sign_in.router,
    second_factor.router,
    own_sessions.router,
    oidc_routes.router,
    admin_routes.router,
    access_groups.router,
    emergency_routes.router,
    legal_holds.router,
    retention.router,
    patient_changes.router,
    health.router,
    probes.router,
    metrics.router,
    fhir_router,
    dicomweb_router,
    ups_router,
)


def create_app(settings: Settings) -> FastAPI:
    """The node's HTTP side. It opens the storage when it starts and closes it when it ends.

    Who runs it may set `app.state.stopping` to a function that says when the
    server is on its way down, so that endless answers end in time.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with open_storage(settings) as storage, storage.audit.running("api"):
            app.state.storage = storage
            app.state.newest_event = Newest(storage.events)
            app.state.health = health.HealthChecks(storage)
            app.state.metrics.watch(storage)
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
    app.state.provider = Provider(settings) if settings.oidc_issuer else None
    tokens = AccessTokens(app.state.provider) if app.state.provider else None
    app.state.caller_visibility = CallerVisibility()
    app.state.authenticator = Authenticator(settings, tokens)
    install_error_handlers(app)
    install_work_item_errors(app)
    app.router.routes.extend(routes_of(_ROUTERS))
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
    unchanged = UnchangedLists(direct, (studies.router, jobs.router), _ROUTERS)
    app.router.middleware_stack = HeadAsGet(unchanged)
    # `TrailingSlash` has taken it off; a redirect would lose the body of some clients.
    app.router.redirect_slashes = False
    # The last added is the outermost.
    app.add_middleware(AllowedMethods, routes=lambda: app.routes)
    app.add_middleware(Idempotency, settings=settings, rules=rules)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestTimeout, settings=settings)
    # Inside of what knows who asks, outside of every route.
    app.add_middleware(AuditTrail, rules=rules)
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
    return app
