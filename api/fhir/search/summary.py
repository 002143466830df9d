"""Parts of resources (hl7.org/fhir/R4/search.html#summary): what `_summary` leaves."""

from typing import Any

MODES = ("true", "false", "text", "data", "count")
READ_MODES = tuple(mode for mode in MODES if mode != "count")
"""Of one resource, whose number is known."""
_ALWAYS = frozenset({"resourceType", "id", "meta"})
# Elements that R4's definitions mark as of the summary.
_SUMMARY: dict[str, frozenset[str]] = {
    "ImagingStudy": frozenset(
        "identifier status modality subject started basedOn referrer endpoint numberOfSeries"
        " numberOfInstances description series".split()
    ),
    "DiagnosticReport": frozenset(
        "identifier basedOn status category code subject effectiveDateTime issued media".split()
    ),
    "Observation": frozenset(
        "identifier status code subject effectiveDateTime issued valueQuantity derivedFrom"
        " component".split()
    ),
    "Device": frozenset(),
    "Subscription": frozenset(
        "status topic reason criteria error channel channelType endpoint content end".split()
    ),
    "SubscriptionTopic": frozenset("url version title status date resourceTrigger".split()),
    "AuditEvent": frozenset("type subtype action recorded outcome".split()),
    "CapabilityStatement": frozenset(
        "status date kind software implementation fhirVersion format rest".split()
    ),
}
# Elements that a resource is not valid without, which `text` keeps.
_REQUIRED: dict[str, frozenset[str]] = {
    "ImagingStudy": frozenset({"status", "subject"}),
    "DiagnosticReport": frozenset({"status", "code"}),
    "Observation": frozenset({"status", "code"}),
    "Device": frozenset(),
    "Subscription": frozenset({"status", "reason", "criteria", "channel", "topic", "channelType"}),
    "SubscriptionTopic": frozenset({"url", "status"}),
    "AuditEvent": frozenset({"type", "recorded", "agent", "source"}),
    "CapabilityStatement": frozenset({"status", "date", "kind", "fhirVersion", "format"}),
}
_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}


def summarised(resource: dict[str, Any], mode: str) -> dict[str, Any]:
    """The resource as `_summary` asks for it, marked as a part where one is left out."""
    if mode in ("", "false"):
        return resource
    kind = resource["resourceType"]
    if mode == "data":
        parts = {name: value for name, value in resource.items() if name != "text"}
    else:
        wanted = _ALWAYS | _REQUIRED[kind]
        wanted |= {"text"} if mode == "text" else _SUMMARY[kind]
        parts = {name: value for name, value in resource.items() if name in wanted}
        parts = _with_contained(parts, resource)
    if len(parts) == len(resource):
        return resource
    meta = dict(parts.get("meta") or {})
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != _SUBSETTED["code"]]
    return {**parts, "meta": {**meta, "tag": [*tags, _SUBSETTED]}}


def _with_contained(parts: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    """With what is still referred to, without which the resource would not be valid (dom-3)."""
    text = repr(parts)
    contained = [one for one in resource.get("contained", ()) if f"'#{one['id']}'" in text]
    if not contained:
        return parts
    names = ("resourceType", "id", "meta", "text")
    first = {name: parts[name] for name in names if name in parts}
    return {**first, "contained": contained, **parts}
