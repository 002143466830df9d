"""Resources of R4 as R5 has them (hl7.org/fhir/R5/diff.html of each).

Only what the node states is changed; everything else has the same name and shape in both.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

FhirVersion = Literal["R4", "R5"]
FHIR_VERSIONS: tuple[FhirVersion, ...] = get_args(FhirVersion)
Json = dict[str, Any]


def as_version(resource: Json, version: FhirVersion) -> Json:
    """The JSON of a resource of R4 as the version writes it."""
    change = _CHANGES.get(str(resource.get("resourceType")))
    if version == "R4" or change is None:
        return resource
    changed = change(dict(resource))
    if "contained" in changed:
        changed["contained"] = [as_version(one, version) for one in changed["contained"]]
    return changed


def _diagnostic_report(resource: Json) -> Json:
    resource["study"] = resource.pop("imagingStudy")
    return resource


def _media(resource: Json) -> Json:
    """R5 has no Media: its note on DiagnosticReport.media names DocumentReference."""
    resource["resourceType"] = "DocumentReference"
    is_current = resource["status"] == "completed"
    resource["status"] = "current" if is_current else "entered-in-error"
    resource["date"] = resource.pop("createdDateTime")
    resource["content"] = [{"attachment": resource["content"]}]
    return resource


def _imaging_study(resource: Json) -> Json:
    if "modality" in resource:
        resource["modality"] = [_concept(one) for one in resource["modality"]]
    if "series" in resource:
        resource["series"] = [_series(dict(one)) for one in resource["series"]]
    return resource


def _series(series: Json) -> Json:
    series["modality"] = _concept(series["modality"])
    if "bodySite" in series:
        series["bodySite"] = {"concept": {"text": series["bodySite"]["display"]}}
    return series


def _endpoint(resource: Json) -> Json:
    resource["connectionType"] = [_concept(resource["connectionType"])]
    resource["payload"] = [{"type": resource.pop("payloadType")}]
    return resource


def _device(resource: Json) -> Json:
    resource["name"] = [
        {"value": one["name"], "type": one["type"]} for one in resource.pop("deviceName")
    ]
    resource["type"] = [resource["type"]]
    # What R5 says instead is bound to other codes.
    resource.pop("statusReason", None)
    return resource


def _concept(coding: Json) -> Json:
    return {"coding": [coding]}


_CHANGES: Mapping[str, Callable[[Json], Json]] = {
    "DiagnosticReport": _diagnostic_report,
    "ImagingStudy": _imaging_study,
    "Media": _media,
    "Endpoint": _endpoint,
    "Device": _device,
}
