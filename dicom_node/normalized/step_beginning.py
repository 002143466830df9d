"""What only the N-CREATE of a procedure step may state (PS3.4 table F.7.2-1)."""

from pydicom.tag import Tag

OF_THE_BEGINNING = frozenset(
    Tag(keyword)
    for keyword in (
        *("ScheduledStepAttributesSequence", "PatientName", "PatientID", "IssuerOfPatientID"),
        *("IssuerOfPatientIDQualifiersSequence", "PatientBirthDate", "PatientSex"),
        *("ReferencedPatientSequence", "AdmissionID", "IssuerOfAdmissionIDSequence"),
        *("ServiceEpisodeID", "IssuerOfServiceEpisodeIDSequence", "ServiceEpisodeDescription"),
        *("PerformedProcedureStepID", "PerformedStationAETitle", "PerformedStationName"),
        *("PerformedLocation", "PerformedProcedureStepStartDate"),
        *("PerformedProcedureStepStartTime", "Modality", "StudyID"),
    )
)
