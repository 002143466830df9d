"""Resources that a notification carries, as they are when it is sent."""

from collections.abc import Iterable
from typing import Protocol

from inference.fhir.diagnostic_report import diagnostic_report
from inference.fhir.heat_maps import findings_of, with_heat_maps
from inference.fhir.imaging_study import imaging_study
from inference.fhir.observation import observation
from inference.fhir.r5 import FhirVersion, Json, as_version
from inference.findings.derived import void_among
from storage.container.has import (
    HasEngine,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasJobs,
    HasSettings,
)
from storage.core.entities import Study
from storage.core.errors import NotFound
from storage.findings.conditions import finding_id_in
from storage.findings.search import find_findings, find_reports
from storage.index.repository import Index
from storage.reports.conditions import report_id_is


class ResourceStorage(
    HasSettings, HasEngine, HasIndex, HasJobs, HasFindings, HasFindingFeedback, Protocol
):
    """What of the storage layer the resources of notifications are made of."""


def read_resources(
    storage: ResourceStorage, references: Iterable[str], version: FhirVersion
) -> dict[str, Json]:
    """By reference; without those that are gone or that the current visibility does not show."""
    ids: dict[str, list[str]] = {}
    for one in dict.fromkeys(references):
        kind, _, resource_id = one.partition("/")
        ids.setdefault(kind, []).append(resource_id)
    found = {
        **_observations(storage, ids.get("Observation", [])),
        **_reports(storage, ids.get("DiagnosticReport", [])),
        **_studies(storage, ids.get("ImagingStudy", [])),
    }
    return {reference: as_version(resource, version) for reference, resource in found.items()}


def _observations(storage: ResourceStorage, ids: list[str]) -> dict[str, Json]:
    if not ids:
        return {}
    found, _ = find_findings(storage.engine, [finding_id_in(ids)], len(ids), 0)
    feedback = storage.finding_feedback.of_findings([one.entity.finding_id for one in found])
    void = void_among(storage.findings, storage.finding_feedback, [one.entity for one in found])
    made: dict[str, Json] = {}
    for one in found:
        finding_id = one.entity.finding_id
        study = _study(storage.index, one.entity.study_instance_uid)
        if study is not None:
            resource = observation(one, study, feedback[finding_id], is_void=finding_id in void)
            made[f"Observation/{finding_id}"] = resource.to_json()
    return made


def _reports(storage: ResourceStorage, ids: list[str]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for report_id in ids:
        found, _ = find_reports(storage.engine, [report_id_is(report_id)], 1, 0)
        for one in found:
            study = _study(storage.index, one.entity.study_instance_uid)
            if study is not None:
                (cited,) = findings_of(storage, one.entity)
                resource = with_heat_maps(diagnostic_report(one, study), storage, study, cited)
                made[f"DiagnosticReport/{report_id}"] = resource.to_json()
    return made


def _studies(storage: ResourceStorage, ids: list[str]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    url = f"{storage.settings.resolved_public_url}/dicom-web"
    for uid in ids:
        study = _study(storage.index, uid)
        if study is not None:
            series = storage.index.series_of(uid)
            made[f"ImagingStudy/{uid}"] = imaging_study(study, series, url).to_json()
    return made


def _study(index: Index, study_instance_uid: str) -> Study | None:
    try:
        return index.study(study_instance_uid)
    except NotFound:
        return None
