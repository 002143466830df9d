"""The routers of the API, in the order in which routes are tried; a new one is listed here."""

from fastapi import APIRouter

from api.access import admin_routes, preferences
from api.access import openid_connect_logout_routes as oidc_logout_routes
from api.access import openid_connect_routes as oidc_routes
from api.access.second_factor import routes as second_factor
from api.access.second_factor import sign_in as second_factor_sign_in
from api.access.sessions import own_sessions, session_routes
from api.access.smart.routes import router as smart_router
from api.access_groups import emergency_routes
from api.access_groups import routes as access_groups
from api.annotations import key_images, mask_edits, measurements
from api.audit.routes import router as audit_router
from api.delays import routes as delays
from api.deliveries import routes as deliveries
from api.dicomweb.router import router as dicomweb_router
from api.events import change_feed
from api.events import routes as events
from api.fhir.routes import router as fhir_router
from api.fhir.service_requests.routes import router as service_requests_router
from api.fhir.subscriptions.routes import router as subscriptions_router
from api.fhircast import channel as fhircast_channel
from api.fhircast import routes as fhircast
from api.findings import critical_alerts
from api.findings import routes as findings
from api.interactive import routes as interactive
from api.jobs import analyze, analyze_upload, pipelines
from api.jobs import bulk as job_bulk
from api.jobs import routes as jobs
from api.language import answers, documents, search
from api.language import routes as language
from api.lesions import routes as lesions
from api.models import adding, cards, monitoring, trials
from api.models import routes as models
from api.patient_identity import routes as patient_changes
from api.peers import routes as peers
from api.priors import elsewhere
from api.priors import routes as priors
from api.projects import dicomweb_routes as project_views
from api.projects import routes as projects
from api.report_templates import routes as report_templates
from api.reports import history as report_history
from api.reports import hl7_messages as hl7
from api.reports import pdf as report_pdf
from api.reports import routes as reports
from api.retention import legal_holds
from api.retention import routes as retention
from api.retrospective_runs import routes as retrospective_runs
from api.rules import explanations
from api.rules import preview as rule_preview
from api.rules import versions as rule_versions
from api.segmentations import routes as segmentations
from api.server import health, metrics, probes
from api.shared_views import routes as shared_views
from api.studies import bulk as study_bulk
from api.studies import expected_instances, pictures, release, sending
from api.studies import reader as study_reader
from api.studies import routes as studies
from api.studies import trends as trend
from api.studies.conflicts import routes as conflicts
from api.studies.hanging_protocols import routes as hanging
from api.uploads import parts as upload_parts
from api.uploads import routes as uploads
from api.ups.router import router as ups_router
from api.webhooks import routes as webhooks
from api.worklist import routes as worklist

ROUTERS: tuple[APIRouter, ...] = (
    studies.router,
    study_reader.router,
    sending.router,
    study_bulk.router,
    sending.receivers_router,
    release.router,
    elsewhere.router,
    expected_instances.router,
    findings.router,
    trend.router,
    delays.router,
    lesions.router,
    measurements.router,
    key_images.router,
    mask_edits.router,
    segmentations.router,
    segmentations.structures_router,
    interactive.router,
    shared_views.router,
    report_templates.router,
    reports.router,
    report_history.router,
    report_pdf.router,
    hl7.router,
    critical_alerts.router,
    deliveries.router,
    jobs.router,
    job_bulk.router,
    pictures.router,
    events.router,
    change_feed.router,
    analyze.router,
    analyze_upload.router,
    language.router,
    documents.router,
    answers.router,
    search.router,
    uploads.router,
    upload_parts.router,
    priors.router,
    retrospective_runs.router,
    projects.router,
    project_views.router,
    peers.kinds_router,
    peers.router,
    conflicts.router,
    worklist.router,
    webhooks.router,
    audit_router,
    pipelines.router,
    explanations.router,
    rule_versions.router,
    rule_preview.router,
    hanging.router,
    models.router,
    adding.router,
    cards.router,
    monitoring.router,
    trials.router,
    session_routes.router,
    preferences.router,
    second_factor_sign_in.router,
    second_factor.router,
    own_sessions.router,
    oidc_routes.router,
    oidc_logout_routes.router,
    smart_router,
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
    subscriptions_router,
    service_requests_router,
    fhircast.router,
    fhircast_channel.router,
    dicomweb_router,
    ups_router,
)
