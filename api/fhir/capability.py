"""What the FHIR side can do, told from the very tables that the searches use."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from api.fhir import audit_event, diagnostic_report, imaging_study, observation
from api.fhir.resources import CapabilityStatement
from storage.settings import Settings

FHIR_VERSION = "4.0.1"
# When this statement last changed.
_DATE = "2026-11-24"
_DEVICE: Mapping[str, object] = {}
_SEARCHES: Mapping[str, Mapping[str, object]] = {
    "ImagingStudy": imaging_study.PARAMETERS,
    "DiagnosticReport": diagnostic_report.PARAMETERS,
    "Observation": observation.PARAMETERS,
    "Device": _DEVICE,
    "AuditEvent": audit_event.PARAMETERS,
}
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
                "documentation": "Read and search alone; changes go over DICOM and REST.",
                "resource": [_resource(kind, known) for kind, known in _SEARCHES.items()],
            }
        ],
    )


def _resource(kind: str, known: Mapping[str, object]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "conditionalRead": "not-match",
    }
    # A modifier or a chain is a way to use a parameter, not one of its own.
    names = dict.fromkeys(name.partition(":")[0].partition(".")[0] for name in known)
    if names:
        told["searchParam"] = [_parameter(name) for name in names]
    return told


def _parameter(name: str) -> dict[str, str]:
    if name not in ("patient", "subject"):
        return {"name": name, "type": _KINDS.get(name, "token")}
    return {
        "name": name,
        "type": "reference",
        "documentation": "By `patient.identifier` or `:identifier`.",
    }
