"""Whether an event of another system is about a study of this node: the patient decides, too."""

from inference.fhir.subject import PATIENT_SYSTEM, accession_issuer_of, patient_system
from storage.core.entities import Study
from storage.core.text.dicom_values import dicom_date, is_born_on_another_day
from storage.fhircast.messages import CastMessage, Json


def is_about(message: CastMessage, study: Study) -> bool:
    """By the study's UID, else by its accession number and the patient.

    Each site gives out accession numbers, and IDs of patients, too: birth dates that differ are of
    two people, whatever the ID. An event that says nothing of the patient is about no study here.
    """
    uids = message.study_uids
    if uids:
        return study.study_instance_uid in uids
    number, own = study.accession_number.strip(), accession_issuer_of(study)
    named = message.accession_numbers
    if not any(one == number and not issuer.is_other_than(own) for one, issuer in named):
        return False
    return any(_is_of(patient, study) for patient in message.resources("patient")[:1])


def _is_of(patient: Json, study: Study) -> bool:
    born, stated = dicom_date(study.patient_birth_date), patient.get("birthDate")
    if is_born_on_another_day(study.patient_birth_date, stated):
        return False
    if born and stated == born.isoformat():
        return True
    patient_id, given = study.patient_id.strip(), patient.get("identifier")
    return bool(patient_id) and any(
        isinstance(one, dict)
        and str(one.get("value", "")).strip() == patient_id
        and _may_be_issued(str(one.get("system", "")), study)
        for one in (given if isinstance(given, list) else [])
    )


def _may_be_issued(system: str, study: Study) -> bool:
    """Systems that this node names itself are compared; nobody knows which issuers others mean."""
    is_own = system == PATIENT_SYSTEM or system.startswith(f"{PATIENT_SYSTEM}:")
    return not is_own or system == patient_system(study.issuer_of_patient_id)
