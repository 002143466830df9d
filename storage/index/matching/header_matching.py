"""What the index has not: which attributes one stored header can tell of a study or series.

C-FIND and QIDO-RS read it from the data sets themselves, within one bound.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from storage.core.entities import Instance
from storage.index.matching.attributes import Level
from storage.index.repository import Index

MAX_ROWS = 1000
"""Each row costs the reading of a header; beyond this neither matching nor returning is
done, and the answer says so."""

# What is one for all instances of a study or series, so that any of them speaks for it.
OF_STUDY = frozenset(
    (
        "PhysiciansOfRecord NameOfPhysiciansReadingStudy RequestingPhysician RequestingService"
        " AdmittingDiagnosesDescription PatientAge PatientSize PatientWeight EthnicGroup"
        " Occupation AdditionalPatientHistory PatientComments OtherPatientIDs OtherPatientNames"
        " OtherPatientIDsSequence PatientBirthTime PatientBirthName PatientMotherBirthName"
        " MedicalAlerts Allergies PregnancyStatus PatientSpeciesDescription ResponsiblePerson"
        " ResponsibleOrganization ClinicalTrialSponsorName ClinicalTrialProtocolID"
        " ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSubjectID"
        " ProcedureCodeSequence ReferencedStudySequence IssuerOfAccessionNumberSequence"
        " ConsultingPhysicianName PatientIdentityRemoved TimezoneOffsetFromUTC"
    ).split()
)
OF_SERIES = OF_STUDY | frozenset(
    (
        "Laterality PatientPosition OperatorsName PerformingPhysicianName SeriesDescription"
        " RequestAttributesSequence PerformedProcedureStepID PerformedProcedureStepDescription"
        " PerformedProcedureStepEndDate PerformedProcedureStepEndTime"
        " PerformedProtocolCodeSequence ReferencedPerformedProcedureStepSequence"
        " InstitutionAddress InstitutionalDepartmentName DeviceSerialNumber SoftwareVersions"
        " SeriesDescriptionCodeSequence PositionReferenceIndicator SeriesType TreatmentSessionUID"
    ).split()
)


def is_same_for_all(level: Level, keyword: str) -> bool:
    """Whether any instance of the level's entity has the same value of the attribute."""
    if level == "IMAGE":
        return True
    return keyword in {"SERIES": OF_SERIES, "STUDY": OF_STUDY}.get(level, frozenset())


def speaking_instance(index: Index, level: Level, row: Mapping[str, Any]) -> Instance:
    """The instance whose header speaks for a row of STUDY, SERIES or IMAGE level.

    Of a study or series it is the first. Raises NotFound when it went away.
    """
    if level == "IMAGE":
        return index.instance(row["SOPInstanceUID"])
    series = row["SeriesInstanceUID"] if level == "SERIES" else None
    return index.first_instance_of(row["StudyInstanceUID"], series)


def speaking_instances(
    index: Index, level: Level, rows: Iterable[Mapping[str, Any]]
) -> list[Instance | None]:
    """The same of many rows, in a fraction of the time; None for one that went away."""
    return index.first_of_each(
        (
            row["StudyInstanceUID"],
            None if level == "STUDY" else row["SeriesInstanceUID"],
            row["SOPInstanceUID"] if level == "IMAGE" else None,
        )
        for row in rows
    )
