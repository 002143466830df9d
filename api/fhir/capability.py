"""What the FHIR side can do, from the very tables that the searches use."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from api.fhir import audit_event, diagnostic_report, imaging_study, observation
from api.fhir.includes import INCLUDES
from api.fhir.resources import CapabilityStatement
from api.fhir.responses import FHIR_VERSION
from inference.fhir_subscriptions.notifications import BACKPORT, topic_url
from storage.fhir_subscriptions.topics import TOPICS
from storage.settings import Settings

# When this statement last changed.
_DATE = "2026-11-30"
_DEVICE: Mapping[str, object] = {}
_SEARCHES: Mapping[str, Mapping[str, object]] = {
    "ImagingStudy": imaging_study.PARAMETERS,
    "DiagnosticReport": diagnostic_report.PARAMETERS,
    "Observation": observation.PARAMETERS,
    "Device": _DEVICE,
    "AuditEvent": audit_event.PARAMETERS,
}
_SORTS: Mapping[str, tuple[str, ...]] = {
    "ImagingStudy": tuple(imaging_study.SORTS),
    "DiagnosticReport": tuple(diagnostic_report.SORTS),
    "Observation": tuple(observation.SORTS),
    "AuditEvent": audit_event.SORTS,
}
_ORDERS: Mapping[str, object] = {
    "type": "ServiceRequest",
    "interaction": [{"code": "read"}, {"code": "create"}, {"code": "update"}],
    "versioning": "no-version",
    "conditionalRead": "not-match",
    "updateCreate": False,
    "documentation": "An accession number (ACSN) that is known changes the order that has it.",
}
_STATUS_OPERATION = (
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status"
)
_SUBSCRIPTIONS: Mapping[str, object] = {
    "extension": [
        {
            "url": f"{BACKPORT}/capabilitystatement-subscriptiontopic-canonical",
            "valueCanonical": topic_url(topic_id),
        }
        for topic_id in TOPICS
    ],
    "type": "Subscription",
    "supportedProfile": [f"{BACKPORT}/backport-subscription"],
    "interaction": [
        {"code": "read"},
        {"code": "create"},
        {"code": "delete"},
        {"code": "search-type"},
    ],
    "versioning": "no-version",
    "conditionalRead": "not-match",
    "searchParam": [
        {"name": "status", "type": "token"},
        {"name": "type", "type": "token"},
        {"name": "payload", "type": "token"},
        {"name": "url", "type": "uri"},
        {"name": "criteria", "type": "string"},
    ],
    "operation": [{"name": "status", "definition": _STATUS_OPERATION}],
    "documentation": "rest-hook alone, of R4 with the Subscriptions R5 Backport and of R5."
    " SubscriptionTopic lists what may be subscribed to, in the form of R4B, or of R5 with"
    " fhirVersion=5.0; R4 has no such resource to name here.",
}
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_KINDS = {
    "_lastUpdated": "date",
    "started": "date",
    "issued": "date",
    "date": "date",
    "derived-from": "reference",
    "device": "reference",
    "study": "reference",
    "entity": "reference",
    "agent-name": "string",
}


def capability_statement(settings: Settings) -> CapabilityStatement:
    return CapabilityStatement(
        status="active",
        date=_DATE,
        kind="instance",
        software={"name": "MediViewAI", "version": version("mediview")},
        implementation={
            "description": "What an imaging node holds, to be read and searched",
            "url": f"{settings.resolved_public_url}/fhir",
        },
        fhir_version=FHIR_VERSION,
        format=["application/fhir+json", "json"],
        rest=[
            {
                "mode": "server",
                "documentation": "Read and search; orders and subscriptions are taken, other"
                " changes go over DICOM and REST."
                " Searches take _count, _offset, _sort, _summary and _total, and refuse what"
                " they do not know.",
                "security": _security(settings),
                "resource": [
                    *(_resource(kind, known) for kind, known in _SEARCHES.items()),
                    _ORDERS,
                    _SUBSCRIPTIONS,
                ],
            }
        ],
    )


def _resource(kind: str, known: Mapping[str, object]) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "conditionalRead": "not-match",
    }
    # A modifier or a chain is a way to use a parameter, not one of its own.
    names = dict.fromkeys(name.partition(":")[0].partition(".")[0] for name in known)
    if names:
        resource["searchParam"] = [_parameter(name) for name in names]
    if INCLUDES.get(kind):
        resource["searchInclude"] = list(INCLUDES[kind])
    if _SORTS.get(kind):
        resource["documentation"] = f"Sorted by {', '.join(_SORTS[kind])}."
    return resource


def _security(settings: Settings) -> dict[str, Any]:
    """Who may ask, and how they say who they are."""
    security: dict[str, Any] = {"cors": bool(settings.cors_origins)}
    if settings.auth == "none":
        security["description"] = "No sign-in: the node answers this machine alone."
        return security
    services = [{"text": "API key as a bearer token (RFC 6750), with the scope fhir:read"}]
    if settings.oidc_issuer and settings.oidc_audience:
        oauth = {"system": _SECURITY_SERVICE, "code": "OAuth", "display": "OAuth"}
        services.append({"coding": [oauth], "text": "Access token"})  # type: ignore[dict-item]
    security["service"] = services
    security["description"] = "Roles and scopes decide what is answered; each access is audited."
    return security


def _parameter(name: str) -> dict[str, str]:
    if name not in ("patient", "subject"):
        return {"name": name, "type": _KINDS.get(name, "token")}
    return {
        "name": name,
        "type": "reference",
        "documentation": f"As `Patient/<PatientID>`, or by `{name}.identifier` or"
        f" `{name}:identifier`: the node has no Patient of its own.",
    }
