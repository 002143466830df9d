"""What a FHIR server must be able to do (hl7.org/fhir/R4/capabilitystatement.html)."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference.fhir.r5 import FhirVersion

# R4B has the same resources, as far as they are written here.
_VERSIONS: Mapping[FhirVersion, tuple[str, ...]] = {"R4": ("4.0", "4.3"), "R5": ("5.",)}
_UPDATED = ("DiagnosticReport", "Observation", "ImagingStudy")
_CREATED = ("ImagingStudy", "Device")


def lacking(statement: Any, version: FhirVersion, patients: str) -> list[str]:
    """What its CapabilityStatement does not offer, in words; nothing where all is there."""
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        return ["a CapabilityStatement at /metadata"]
    return list(_lacking(statement, version, patients))


def _lacking(statement: dict[str, Any], version: FhirVersion, patients: str) -> Iterator[str]:
    stated = str(statement.get("fhirVersion"))[:20]
    if not stated.startswith(_VERSIONS[version]):
        yield f"FHIR {version} (it states {stated})"
    servers = [one for one in _items(statement, "rest") if one.get("mode") == "server"]
    if not any(_interacts(one, "transaction") for one in servers):
        yield "the interaction transaction"
    resources = {str(one.get("type")): one for rest in servers for one in _items(rest, "resource")}
    updated = (*_UPDATED, "ImagingSelection") if version == "R5" else _UPDATED
    for kind in updated:
        if not resources.get(kind, {}).get("conditionalUpdate"):
            yield f"conditional update of {kind}"
    created = (*_CREATED, "Patient") if patients == "create" else _CREATED
    for kind in created:
        if not resources.get(kind, {}).get("conditionalCreate"):
            yield f"conditional create of {kind}"
    searched = (
        ("DiagnosticReport",) if patients == "identifier" else ("DiagnosticReport", "Patient")
    )
    for kind in searched:
        if not _interacts(resources.get(kind, {}), "search-type"):
            yield f"search of {kind}"


def _interacts(stated: Mapping[str, Any], code: str) -> bool:
    return any(one.get("code") == code for one in _items(stated, "interaction"))


def _items(stated: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = stated.get(name)
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
