"""What the cases are made from: findings that the pipelines gave of real studies, and reports.

The findings were taken from the node after `brain-volume`, `brain-structures` and `lung-density`
had run on the T1-weighted head and the chest CT of the shared data. Their priors are made: each
value moved by a stated part, since the data hold no second examination of these patients.
"""

import json
from dataclasses import replace
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from inference.language.guard import Evidence, PriorFindings, SourceText, StudyFacts
from storage.core.findings import Code, Finding
from tests.shared import SHARED

_FOLDER = Path(__file__).parent / "findings"
STUDY_DATE, PRIOR_DATE, OLDER_DATE = "20240131", "20220914", "20210302"
# A third of the values stays within what is called unchanged.
_MOVES = (0.0, 0.004, -0.003, 0.035, -0.047, 0.082, -0.12, 0.21, -0.3)
_CLASSES = {"Cardiomegaly": 0.83, "Effusion": 0.412, "Pneumothorax": 0.27, "Mass": 0.615}
_REPORTS = {
    "ct_chest_joe": StudyFacts(study_date="19860330", modalities=("CT",)),
    "ct_head_neck_neela": StudyFacts(study_date="19860428", modalities=("CT",)),
    "cta_chest_joe": StudyFacts(study_date="19860512", modalities=("CT",)),
    "cxr_ap_ravi": StudyFacts(study_date="19860601", modalities=("CR",)),
    "mammo_bilateral_sally": StudyFacts(study_date="20080412", modalities=("MG",)),
}


@cache
def findings_of(pipeline: str) -> tuple[Finding, ...]:
    """The findings of one run of a pipeline, by its name."""
    rows = json.loads((_FOLDER / f"{pipeline}.json").read_text(encoding="utf-8"))
    return tuple(
        Finding(
            **{
                **row,
                "code": Code(**row["code"]),
                "unit": Code(**row["unit"]) if row["unit"] else None,
                "segmentation": None,
                "created_at": datetime.fromisoformat(row["created_at"]),
            }
        )
        for row in rows
    )


@cache
def labels_of_a_classifier() -> tuple[Finding, ...]:
    """Findings as an image classifier gives them: a label and a confidence, no value."""
    sample = findings_of("brain-volume")[0]
    return tuple(
        replace(
            sample,
            finding_id=f"class-{label.lower()}",
            pipeline="image-classification",
            label=label,
            code=Code(label, "99MEDIVIEW", label),
            value=None,
            unit=None,
            confidence=confidence,
        )
        for label, confidence in _CLASSES.items()
    )


def _earlier(finding: Finding, salt: str) -> Finding:
    move = _MOVES[sha256(f"{salt}{finding.label}".encode()).digest()[0] % len(_MOVES)]
    value = None if finding.value is None else round(finding.value * (1.0 + move), 3)
    return replace(finding, finding_id=f"{salt}-{finding.finding_id}", value=value)


def _with_priors(findings: tuple[Finding, ...], study: StudyFacts) -> Evidence:
    return Evidence(
        findings=findings,
        priors=tuple(
            PriorFindings(date, tuple(_earlier(one, date) for one in findings))
            for date in (PRIOR_DATE, OLDER_DATE)
        ),
        study=study,
    )


@cache
def measured() -> dict[str, Evidence]:
    """Evidence of findings, by a name; with two priors where the name says so."""
    head = StudyFacts("DOE^JANE", "MR-17", "F", 42, STUDY_DATE, ("MR",), "HEAD")
    chest = StudyFacts("ROE^RICHARD", "CT-23", "M", 61, STUDY_DATE, ("CT",), "CHEST")
    structures, lungs = findings_of("brain-structures"), findings_of("lung-density")
    return {
        "brain-volume": Evidence(findings=findings_of("brain-volume"), study=head),
        "brain-structures": Evidence(findings=structures, study=head),
        "lung-density": Evidence(findings=lungs, study=chest),
        "image-classification": Evidence(findings=labels_of_a_classifier(), study=chest),
        "brain-structures with priors": _with_priors(structures, head),
        "lung-density with priors": _with_priors(lungs, chest),
    }


@cache
def reported() -> dict[str, Evidence]:
    """The five reports, each as evidence; empty where the shared data are not there."""
    folder = SHARED / "data" / "reports"
    return {
        name: Evidence(
            texts=(SourceText(name, (folder / f"{name}.txt").read_text(encoding="utf-8")),),
            study=study,
        )
        for name, study in _REPORTS.items()
        if (folder / f"{name}.txt").is_file()
    }
