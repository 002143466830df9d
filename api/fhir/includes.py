"""What `_include` adds to a page of a search (hl7.org/fhir/R4/search.html#include)."""

from collections.abc import Collection, Iterable
from typing import Protocol

from sqlalchemy import Engine

from api.fhir import device
from inference.fhir.imaging_study import imaging_study
from inference.fhir.observation import observation
from inference.fhir.resources import DiagnosticReport, Observation, Resource
from inference.findings.derived import void_among
from storage.container.has import HasEngine, HasFindingFeedback, HasFindings, HasIndex, HasSettings
from storage.core.entities import Study
from storage.findings.conditions import finding_id_in
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.findings.search import find_findings
from storage.index.repository import Index
from storage.settings import Settings
from storage.studies.conditions import study_uid_in

INCLUDES: dict[str, tuple[str, ...]] = {
    "DiagnosticReport": ("DiagnosticReport:result", "DiagnosticReport:study"),
    "Observation": ("Observation:device", "Observation:derived-from"),
}
_MOST_FINDINGS = 2_000


def studies_of(index: Index, study_instance_uids: Iterable[str]) -> dict[str, Study]:
    """The studies by their UID, as far as they are there."""
    wanted = sorted(set(study_instance_uids))
    if not wanted:
        return {}
    found, _ = index.studies(len(wanted), 0, where=[study_uid_in(wanted)])
    return {one.study_instance_uid: one for one in found}


class IncludedStorage(HasSettings, HasEngine, HasIndex, HasFindings, HasFindingFeedback, Protocol):
    """What of the storage layer resources beside those found are read from."""


def included(
    storage: IncludedStorage,
    asked: Collection[str],
    found: Iterable[DiagnosticReport | Observation],
    studies: dict[str, Study],
) -> list[Resource]:
    """Each resource once that those of the page refer to by what was asked."""
    page = list(found)
    added: list[Resource] = []
    if "DiagnosticReport:result" in asked:
        references = [one for report in page for one in getattr(report, "result", None) or ()]
        added += _findings(
            storage.engine,
            storage.index,
            storage.findings,
            storage.finding_feedback,
            [one.reference or "" for one in references],
        )
    if "Observation:device" in asked:
        wanted = {
            str(one.device.reference).rpartition("/")[2]
            for one in page
            if isinstance(one, Observation)
        }
        added += [
            one for one in device.devices(storage.settings, storage.engine) if one.id in wanted
        ]
    if {"DiagnosticReport:study", "Observation:derived-from"} & set(asked):
        added += _studies(storage.settings, storage.index, studies)
    return added


def _findings(
    engine: Engine,
    index: Index,
    findings: Findings,
    finding_feedback: FindingFeedback,
    references: Iterable[str],
) -> list[Resource]:
    ids = sorted({one.rpartition("/")[2] for one in references})
    if not ids:
        return []
    found, _ = find_findings(engine, [finding_id_in(ids)], _MOST_FINDINGS, 0)
    studies = studies_of(index, [one.entity.study_instance_uid for one in found])
    feedback = finding_feedback.of_findings([one.entity.finding_id for one in found])
    void = void_among(findings, finding_feedback, [one.entity for one in found])
    return [
        observation(
            one,
            studies[one.entity.study_instance_uid],
            feedback[one.entity.finding_id],
            is_void=one.entity.finding_id in void,
        )
        for one in found
        if one.entity.study_instance_uid in studies
    ]


def _studies(settings: Settings, index: Index, studies: dict[str, Study]) -> list[Resource]:
    series = index.series_of_studies(list(studies))
    url = f"{settings.resolved_public_url}/dicom-web"
    return [imaging_study(study, series[uid], url) for uid, study in studies.items()]
