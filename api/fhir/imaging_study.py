"""Searches for studies as ImagingStudy (hl7.org/fhir/R4/imagingstudy.html#search)."""

from api.fhir.search.conditions import PATIENT, Parameter, by_text, by_time, order
from api.fhir.search.parameters import SearchParameters, bare_uid
from api.fhir.search.tokens import Coded, by_code, by_token, read_token
from inference.fhir.types import DCM, DICOM_UID
from storage.core.accession_issuers import issuer_of_system
from storage.db.conditions import Condition, always, any_of, never
from storage.studies.conditions import (
    accession_number_is,
    accession_number_is_of,
    study_dated,
    study_has_modality,
    study_uid_in,
    study_updated,
)
from storage.studies.filter import Ordering, SortKey, order_by

SORTS: dict[str, SortKey] = {"_lastUpdated": "updated_at", "started": "study_date"}


# hl7.org/fhir/R4/valueset-imagingstudy-status.html
_STATUS_SYSTEM = "http://hl7.org/fhir/imagingstudy-status"
_STATUSES = ("registered", "available", "cancelled", "entered-in-error", "unknown")


def _modality(code: str) -> Condition:
    """As `_modality_coding` states it."""
    found = study_has_modality(code)
    return any_of(found, study_has_modality("")) if code == "OT" else found


def _status(code: str) -> Condition:
    return always() if code == "available" else never()


_BY_UID = by_token(Coded(DICOM_UID, lambda uid: study_uid_in([bare_uid(uid)]), always()))


def _identifier(name: str, text: str) -> Condition:
    """The study's UID, or its accession number by the system of who issued it."""
    token = read_token(name, text)
    if token.system is None:
        return any_of(_BY_UID(name, text), accession_number_is(token.code))
    if token.system == DICOM_UID:
        return _BY_UID(name, text)
    issuer = issuer_of_system(token.system)
    if token.system and not issuer:
        return never()
    return accession_number_is_of(issuer, token.code)


PARAMETERS: dict[str, Parameter] = {
    "_id": by_text(lambda uid: study_uid_in([uid])),
    "_lastUpdated": by_time(study_updated),
    "identifier": _identifier,
    "modality": by_token(Coded(DCM, _modality, always())),
    "started": by_time(study_dated),
    "status": by_code(_STATUS_SYSTEM, _STATUSES, _status),
    **PATIENT,
}


def ordering(asked: SearchParameters) -> Ordering:
    return [
        column
        for key, descending in order(asked, SORTS)
        for column in order_by(key, descending=descending)
    ]
