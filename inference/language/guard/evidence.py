"""What a sentence may rest on: findings, priors, texts, and what the headers say of the study."""

from dataclasses import dataclass
from typing import Literal

from storage.core.findings import Finding

TextKind = Literal["report", "request", "header", "document", "prior report"]
STUDY = "study"
"""The id under which a verdict names the study's own facts."""


@dataclass(frozen=True)
class SourceText:
    """A text whose sentences may be repeated; of a prior report, as what was found then."""

    source_id: str
    text: str
    kind: TextKind = "report"
    date: str = ""
    """Of the examination that it speaks of, as DICOM writes dates (`20240131`)."""


@dataclass(frozen=True)
class PriorFindings:
    """What the same pipelines measured of the same patient before."""

    study_date: str
    """As DICOM writes dates (`20240131`)."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class StudyFacts:
    """What the headers say, decoded to text; the empty string where they say nothing."""

    patient_name: str = ""
    patient_id: str = ""
    patient_sex: str = ""
    """`F`, `M` or `O` (PS3.3 C.7.1.1)."""
    patient_age_years: int | None = None
    study_date: str = ""
    modalities: tuple[str, ...] = ()
    body_part_examined: str = ""
    study_description: str = ""
    laterality: str = ""
    """`L` or `R`, where the whole study is of one side."""


@dataclass(frozen=True)
class Evidence:
    """All that is known; what is not in here cannot be stated.

    Hashable, since it is read once and then asked about many sentences.
    """

    findings: tuple[Finding, ...] = ()
    priors: tuple[PriorFindings, ...] = ()
    texts: tuple[SourceText, ...] = ()
    study: StudyFacts = StudyFacts()
