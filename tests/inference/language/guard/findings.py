"""Findings as the pipelines gave them of real studies, for tests of words."""

from benchmarks.faithfulness.evidence import findings_of
from inference.language.guard import Evidence, StudyFacts

T1_HEAD = Evidence(
    findings=findings_of("brain-structures"),
    study=StudyFacts(
        patient_sex="F", patient_age_years=42, study_date="20240131", modalities=("MR",)
    ),
)
CHEST_CT = Evidence(
    findings=findings_of("lung-density"),
    study=StudyFacts(study_date="20000101", modalities=("CT",), body_part_examined="CHEST"),
)
