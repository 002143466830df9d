"""From projects and exports to their JSON."""

from dataclasses import asdict

from api.projects.schemas import (
    CohortConditions,
    ExportPayload,
    ProjectPayload,
    ProjectStudyPayload,
    SplitPayload,
)
from inference.deidentification.pseudonyms import Pseudonyms
from inference.projects.finding_criteria import FindingCriterion
from storage.projects.entities import ExportCounts, Project, ProjectExport, ProjectStudy
from storage.studies.filter import StudyFilter


def project_payload(project: Project, study_count: int) -> ProjectPayload:
    return ProjectPayload(
        name=project.name,
        options=list(project.options),
        needs_consent=project.needs_consent,
        split=SplitPayload(**asdict(project.split)),
        study_count=study_count,
        created_by=project.created_by,
        created_at=project.created_at,
    )


def cohort_conditions(stated: CohortConditions) -> tuple[StudyFilter, list[FindingCriterion]]:
    """What is asked of a study, and of its findings."""
    wanted = StudyFilter(
        modalities=frozenset(stated.modalities),
        study_date_from=stated.study_date_from,
        study_date_to=stated.study_date_to,
    )
    return wanted, [FindingCriterion(**one.model_dump()) for one in stated.findings]


def study_payload(project: Project, study: ProjectStudy) -> ProjectStudyPayload:
    share = Pseudonyms(project.key).share(study.patient_key)
    return ProjectStudyPayload(
        study_instance_uid=study.study_instance_uid,
        has_consent=study.has_consent,
        subset=project.split.subset(share),
        added_by=study.added_by,
        added_at=study.added_at,
    )


def export_payload(export: ProjectExport, counts: ExportCounts) -> ExportPayload:
    return ExportPayload(
        export_id=export.export_id,
        folder=export.folder,
        destination=export.destination,
        options=list(export.options),
        format=export.format,
        state=export.state,
        last_error=export.last_error,
        exported=counts.exported,
        refused=counts.refused,
        size_bytes=counts.size_bytes,
        requested_by=export.requested_by,
        created_at=export.created_at,
        updated_at=export.updated_at,
    )
