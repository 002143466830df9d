"""Very many changes of one patient: each must be worked out while others wait for the database."""

from datetime import UTC, datetime

import pytest

from storage.core.errors import StateConflict
from storage.patient_identity.checks import check_count
from storage.patient_identity.entities import PatientChange, PatientKey
from storage.patient_identity.resolution import Changes


def merge(prior: str, ours: str) -> PatientChange:
    return PatientChange(
        change_id=f"{prior} to {ours}",
        kind="merge",
        trigger_event="A40",
        sender="RIS^H",
        control_id="1",
        patient_id=ours,
        issuer_of_patient_id="",
        site_issuer="",
        prior_patient_id=prior,
        prior_issuer_of_patient_id="",
        study_instance_uid="",
        patient_name="Muster^Anna",
        patient_birth_date=None,
        patient_sex=None,
        applied_to=(),
        reason="",
        stated_by="HL7 RIS",
        stated_by_id="",
        stated_at=datetime(2026, 1, 2, tzinfo=UTC),
        undone_by="",
        undo_reason="",
        undone_at=None,
    )


def key(patient_id: object) -> PatientKey:
    return PatientKey(str(patient_id), "")


@pytest.mark.timeout(60)
def test_merges_that_lead_on_by_two_ways_each_are_followed_once() -> None:
    """By each way in turn it would be ten billion steps for these."""
    steps = range(50)
    changes = Changes(merge(f"{one}", f"{one + further}") for one in steps for further in (1, 2))
    assert changes.leads_to(key(0), key(51))
    assert not changes.leads_to(key(0), key("somebody else"))
    assert not changes.leads_to(key(1), key(0))


def test_a_long_row_of_merges_is_followed_to_its_end() -> None:
    changes = Changes(merge(f"{one}", f"{one + 1}") for one in range(3_000))
    assert changes.leads_to(key(0), key(3_000))
    assert changes.survivor(key(0)) == key(3_000)


def test_a_patient_with_hundreds_of_changes_gets_no_more() -> None:
    check_count(Changes(merge(f"{one}", "A") for one in range(299)))
    with pytest.raises(StateConflict, match="300 corrections and merges") as refused:
        check_count(Changes(merge(f"{one}", "A") for one in range(300)))
    assert "mediview patients list" in refused.value.remedy
