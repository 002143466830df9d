"""What is asked of such systems, and what they say."""

from dataclasses import dataclass
from typing import Protocol

from storage.patient_identity.entities import PatientKey

MOST_IDS = 20
"""Of one patient that are read; a patient with more is nobody's."""
MOST_PATIENTS = 20


@dataclass(frozen=True)
class Traits:
    """Of whom a patient is looked for, as DICOM writes it; what is empty is not asked."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    family_name: str = ""
    given_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""


@dataclass(frozen=True)
class FoundPatient:
    """A patient as another system knows her: PN, DA, CS."""

    keys: tuple[PatientKey, ...]
    patient_name: str
    patient_birth_date: str
    patient_sex: str


class CrossReferenceManager(Protocol):
    def ids_of(self, key: PatientKey) -> tuple[PatientKey, ...]:
        """All IDs of the patient whose issuers are known, the asked one first; that alone where
        nobody knows it. Raises PeerFailed."""


class DemographicsSupplier(Protocol):
    def find(self, traits: Traits) -> list[FoundPatient]:
        """Raises PeerFailed."""
