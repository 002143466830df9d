"""Studies of patients, and changes of whose they are."""

from storage.container import Storage
from storage.core.uids import derive_uid
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.storage.instances import part10

ADMIN = Origin("ada", "account:1", reason="wrong card")


ANNA = Demographics("Muster^Anna", "19800101")


def store(storage: Storage, study: str, patient_id: str, name: str, birth_date: str) -> str:
    storage.ingest.accept(
        part10(study, PatientID=patient_id, PatientName=name, PatientBirthDate=birth_date), "test"
    )
    return str(derive_uid("test", study))


def merge(ours: str, prior: str, stated: Demographics = ANNA) -> Statement:
    return Statement("merge", PatientKey(ours, ""), stated, PatientKey(prior, ""))


def move(study: str, patient_id: str, stated: Demographics = Demographics()) -> Statement:
    return Statement("move", PatientKey(patient_id, ""), stated, study_instance_uid=study)


def patient_of(storage: Storage, study: str) -> tuple[str, str]:
    found = storage.index.study(study)
    return found.patient_id, found.patient_name
