"""Findings of a study: coded, with the model's version and what they were measured on."""

from fastapi import APIRouter

from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.payloads import FindingList
from api.present import finding_payload

router = APIRouter(prefix="/api/studies", tags=["studies"])


@router.get(
    "/{study_instance_uid}/findings", summary="The findings of a study", responses=problems(404)
)
def list_findings(storage: StorageDep, study_instance_uid: StudyUid) -> FindingList:
    """Every finding of every completed job of the study."""
    storage.index.study(study_instance_uid)
    findings = storage.findings.of_study(study_instance_uid)
    return FindingList(items=[finding_payload(finding) for finding in findings])
