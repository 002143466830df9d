"""What a worklist item may carry (PS3.4 Table K.6-1), and its names in JSON.

Keywords in snake case, mechanically: `ScheduledStationAETitle` ↔
`scheduled_station_ae_title`. Sequences hold items of the attributes listed with them.
"""

import re

CODE_KEYWORDS = frozenset(
    {"CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning"}
)
ISSUER_KEYWORDS = frozenset(
    {"LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType"}
)
STEP_KEYWORDS = frozenset(
    {
        "Modality",
        "ScheduledStationAETitle",
        "ScheduledStationName",
        "ScheduledProcedureStepLocation",
        "ScheduledProcedureStepStartDate",
        "ScheduledProcedureStepStartTime",
        "ScheduledPerformingPhysicianName",
        "ScheduledProcedureStepDescription",
        "ScheduledProcedureStepID",
        "ScheduledProcedureStepStatus",
        "ScheduledProtocolCodeSequence",
        "PreMedication",
        "RequestedContrastAgent",
        "CommentsOnTheScheduledProcedureStep",
    }
)
WORKLIST_KEYWORDS = frozenset(
    {
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientSex",
        "PatientSize",
        "PatientWeight",
        "MedicalAlerts",
        "Allergies",
        "PregnancyStatus",
        "SpecialNeeds",
        "PatientState",
        "AdmissionID",
        "CurrentPatientLocation",
        "AccessionNumber",
        "IssuerOfAccessionNumberSequence",
        "ReferringPhysicianName",
        "RequestingPhysician",
        "StudyInstanceUID",
        "RequestedProcedureID",
        "RequestedProcedureDescription",
        "RequestedProcedureCodeSequence",
        "RequestedProcedurePriority",
        "ReasonForTheRequestedProcedure",
        "RequestedProcedureComments",
        "ScheduledProcedureStepSequence",
    }
)
_WORD = re.compile(r"AE(?=[A-Z])|UID|ID(?![a-z])|[A-Z][a-z]*")


def snake_case(keyword: str) -> str:
    """`StudyInstanceUID` → `study_instance_uid`."""
    return "_".join(word.lower() for word in _WORD.findall(keyword))


KEYWORD_OF = {
    snake_case(keyword): keyword
    for keyword in CODE_KEYWORDS | ISSUER_KEYWORDS | STEP_KEYWORDS | WORKLIST_KEYWORDS
}
