"""ADT messages that come again, late, or with a wrong clock change nothing twice."""

import pytest

from storage.core.clock import utcnow
from tests.dicom_node.hl7.hospital import Hospital


def test_a_message_that_is_sent_again_counts_once(hospital: Hospital) -> None:
    patient = hospital.new_id()
    scan = hospital.scan(patient, "Alt^Anton")
    old = ("A08", patient, "Neu^Anton", "19700131")
    assert hospital.adt(*old, control_id="AGAIN")[0] == "AA"
    assert hospital.adt("A08", patient, "Neuer^Anton", "19700131")[0] == "AA"
    assert hospital.adt(*old, control_id="AGAIN")[0] == "AA"
    assert hospital.shown(scan)[1] == "Neuer^Anton"
    assert hospital.node.storage.patient_changes.page(9, 0, patient)[1] == 2


def test_a_merge_under_another_control_id_is_recorded_once(hospital: Hospital) -> None:
    ours, theirs = hospital.new_id(), hospital.new_id()
    hospital.scan(theirs, "Muster^Anna", "19800101")
    for _ in range(3):
        assert hospital.adt("A40", ours, "Muster^Anna", "19800101", prior_id=theirs)[0] == "AA"
    changes = hospital.node.storage.patient_changes
    assert changes.page(9, 0, ours)[1] == 1
    # What it states beside the merge still counts.
    assert hospital.adt("A40", ours, "Muster^Anne", "19800101", prior_id=theirs)[0] == "AA"
    assert changes.page(9, 0, ours)[1] == 2


def test_a_message_that_brought_nothing_new_reverts_nothing_when_it_is_sent_again(
    hospital: Hospital,
) -> None:
    patient = hospital.new_id()
    # Before she is known here, a registration is acknowledged and not recorded.
    registered = ("A04", patient, "Alt^Anja", "19700131")
    assert hospital.adt(*registered, control_id="REGISTERED")[0] == "AA"
    scan = hospital.scan(patient, "Alt^Anna")
    assert hospital.adt("A08", patient, "Neu^Anna", "19700131")[0] == "AA"
    assert hospital.adt("A08", patient, "Neu^Anna", "19700131", control_id="SAME")[0] == "AA"
    newer = {"sender": "HIS", "recorded_at": "20260102030406"}
    assert hospital.adt("A08", patient, "Neuer^Anna", "19700131", **newer)[0] == "AA"
    assert hospital.adt("A08", patient, "Neu^Anna", "19700131", control_id="SAME")[0] == "AA"
    assert hospital.adt(*registered, control_id="REGISTERED")[0] == "AA"
    assert hospital.shown(scan)[1] == "Neuer^Anna"
    assert str(hospital.served(scan).PatientName) == "Neuer^Anna"
    assert hospital.node.storage.patient_changes.page(9, 0, patient)[1] == 2


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("20260102030405", "20260102030406"),
        ("20260102030405.9", "202601020305"),
        ("20260102040405+0200", "20260102030405+0000"),
    ],
)
def test_an_event_that_comes_late_adds_what_nobody_stated_and_reverts_nothing(
    hospital: Hospital, older: str, newer: str
) -> None:
    patient, prior = hospital.new_id(), hospital.new_id()
    scan = hospital.scan(patient, "Alt^Anna")
    other = hospital.scan(prior, "Alt^Anna")
    assert hospital.adt("A08", patient, "Neu^Anna", "19700131", recorded_at=newer)[0] == "AA"
    late = {"sex": "F", "recorded_at": older}
    assert hospital.adt("A31", patient, "Alt^Anna", "19700131", **late)[0] == "AA"
    assert hospital.shown(scan)[1] == "Neu^Anna"
    assert hospital.served(scan).PatientSex == "F"
    # A merge is true although it comes late; the name in it is the one of then.
    late = {"prior_id": prior, "recorded_at": older}
    assert hospital.adt("A40", patient, "Alt^Anna", "19700131", **late)[0] == "AA"
    assert hospital.shown(scan) == hospital.shown(other) == (patient, "Neu^Anna", "19700131")


def test_a_clock_that_is_ahead_does_not_outlast_those_that_are_right(hospital: Hospital) -> None:
    patient = hospital.new_id()
    scan = hospital.scan(patient, "Alt^Anna")
    ahead = {"recorded_at": "21000101000000"}
    assert hospital.adt("A08", patient, "Falsch^Anna", "19700131", **ahead)[0] == "AA"
    right = {"recorded_at": f"{utcnow():%Y%m%d%H%M%S}+0000"}
    assert hospital.adt("A08", patient, "Neu^Anna", "19700131", **right)[0] == "AA"
    assert hospital.shown(scan)[1] == "Neu^Anna"


def test_an_event_that_comes_late_adds_nothing_to_a_newer_one_that_was_not_recorded(
    hospital: Hospital,
) -> None:
    patient = hospital.new_id()
    # Of a patient who is not known yet, a registration is acknowledged and not recorded.
    newer = {"recorded_at": "20260102030406"}
    assert hospital.adt("A04", patient, "Neu^Anna", "19700131", **newer)[0] == "AA"
    assert hospital.adt("A08", patient, "Alt^Anna", "19700131", sex="F")[0] == "AA"
    scan = hospital.scan(patient, "Neu^Anna")
    assert hospital.shown(scan) == (patient, "Neu^Anna", "19700131")
    # What is stated of her from now on counts.
    newest = {"recorded_at": "20260102030407"}
    assert hospital.adt("A08", patient, "Neu^Anne", "19700131", **newest)[0] == "AA"
    assert hospital.shown(scan)[1] == "Neu^Anne"


def test_an_event_that_comes_late_names_nobody_who_was_named_since(hospital: Hospital) -> None:
    """The only one with that ID is meant, whoever she was called before."""
    patient = hospital.new_id()
    scan = hospital.scan(patient, "Unbekannt", "")
    newer = {"recorded_at": "20260102030406"}
    assert hospital.adt("A08", patient, "Neu^Anna", "19700131", **newer)[0] == "AA"
    assert hospital.adt("A08", patient, "Alt^Berta", "19710131", sex="F")[0] == "AA"
    assert hospital.shown(scan) == (patient, "Neu^Anna", "19700131")
    assert hospital.served(scan).PatientSex == "F"


def test_an_event_that_comes_late_still_names_an_unknown_patient(hospital: Hospital) -> None:
    """What the newer one states was not recorded; the older name is better than none."""
    patient = hospital.new_id()
    scan = hospital.scan(patient, "Unbekannt", "")
    newer = {"recorded_at": "20260102030406"}
    assert hospital.adt("A04", patient, "Neu^Anna", "19700131", **newer)[0] == "AA"
    assert hospital.shown(scan)[1] == "Unbekannt"
    assert hospital.adt("A08", patient, "Alt^Anna", "19700131")[0] == "AA"
    assert hospital.shown(scan) == (patient, "Alt^Anna", "19700131")


def test_an_event_that_comes_late_is_about_whom_it_names(hospital: Hospital) -> None:
    """Also where what it states of her does not count, for a newer one states it."""
    patient, prior = hospital.new_id(), hospital.new_id()
    newer = {"recorded_at": "20260102110000", "sex": "F"}
    assert hospital.adt("A04", patient, "Muster^Anna", "19800101", **newer)[0] == "AA"
    anna = hospital.scan(patient, "Muster^Anna", "19800101")
    berta = hospital.scan(patient, "Weber^Berta", "19500505")
    before = hospital.scan(prior, "Muster^Ana", "19800101")
    late = {"prior_id": prior, "recorded_at": "20260102100000"}
    for _ in range(2):
        assert hospital.adt("A40", patient, "Muster^Anna", "19800101", **late)[0] == "AA"
    assert hospital.node.storage.patient_changes.page(9, 0, patient)[1] == 1
    assert hospital.shown(before)[0] == patient
    assert hospital.shown(anna) == (patient, "Muster^Anna", "19800101")
    assert hospital.shown(berta) == (patient, "Weber^Berta", "19500505")


def test_an_event_that_comes_late_adds_to_whom_it_names_what_nobody_stated(
    hospital: Hospital,
) -> None:
    patient = hospital.new_id()
    newer = {"recorded_at": "20260102110000"}
    assert hospital.adt("A04", patient, "Muster^Anna", "1980", **newer)[0] == "AA"
    anna = hospital.scan(patient, "Muster^Anna", "")
    berta = hospital.scan(patient, "Weber^Berta", "19500505")
    late = {"recorded_at": "20260102100000"}
    for _ in range(2):
        assert hospital.adt("A08", patient, "Muster^Anna", "19800101", **late)[0] == "AA"
    assert hospital.node.storage.patient_changes.page(9, 0, patient)[1] == 1
    assert hospital.shown(anna) == (patient, "Muster^Anna", "19800101")
    assert hospital.shown(berta) == (patient, "Weber^Berta", "19500505")
