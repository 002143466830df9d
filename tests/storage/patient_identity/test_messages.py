"""How long it is remembered that a message came, on each kind of database."""

from datetime import timedelta

from sqlalchemy import func, select

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.maintenance.expiry import remove_expired
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement


def message(control_id: str) -> Origin:
    return Origin("RIS^H", "hl7:ris", sender="RIS^H", control_id=control_id)


def remembered(storage: Storage) -> int:
    with storage.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(t.patient_message)).scalar_one()


def test_a_message_about_a_patient_who_never_came_is_forgotten_after_a_year(
    storage: Storage,
) -> None:
    now = utcnow()
    stated = Statement("demographics", PatientKey("A", ""), Demographics("Muster^Anna"))
    assert storage.patient_changes.record([stated], message("1"), now - timedelta(days=400))
    other = Statement("demographics", PatientKey("B", ""), Demographics("Weber^Maria"))
    assert storage.patient_changes.record([other], message("2"), now - timedelta(days=300))
    assert remembered(storage) == 2
    remove_expired(storage, now)
    assert remembered(storage) == 1
    # What was recorded stays, and the same message adds nothing to it.
    assert storage.patient_changes.record([stated], message("1"), now) is None
