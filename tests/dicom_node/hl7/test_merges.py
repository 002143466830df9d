"""Patients merged by ADT, as DCMTK finds and gets their studies."""

import pytest

from tests.dicom_node.hl7.hospital import Hospital


@pytest.mark.parametrize("event", ["A18", "A34", "A47"])
def test_these_events_merge_too(hospital: Hospital, event: str) -> None:
    ours, prior = hospital.new_id(), hospital.new_id()
    assert hospital.adt(event, ours, "Muster^Anna", "19800101", prior_id=prior)[0] == "AA"
    ((change,), _) = hospital.node.storage.patient_changes.page(9, 0, prior)
    assert (change.kind, change.prior.patient_id, change.key.patient_id) == ("merge", prior, ours)


def test_merged_studies_have_one_patient_until_it_is_undone(hospital: Hospital) -> None:
    ours, prior = hospital.new_id(), hospital.new_id()
    first = hospital.scan(ours, "Muster^Anna", "19800101")
    second = hospital.scan(prior, "Muster^Ana", "19800101")
    assert hospital.adt("A40", ours, "Muster^Anna", "19800101", prior_id=prior)[0] == "AA"
    merged = (ours, "Muster^Anna", "19800101")
    assert hospital.shown(first) == hospital.shown(second) == merged
    late = hospital.scan(prior, "Muster^Ana", "19800101")
    assert hospital.shown(late) == merged
    assert hospital.served(second).PatientID == ours
    hospital.undo_last(prior)
    assert hospital.shown(first) == merged
    for scan in (second, late):
        assert hospital.shown(scan) == (prior, "Muster^Ana", "19800101")
        assert hospital.served(scan).PatientID == prior


def test_a_merge_of_patients_who_are_not_here_yet_counts_when_they_come(
    hospital: Hospital,
) -> None:
    ours, prior = hospital.new_id(), hospital.new_id()
    assert hospital.adt("A40", ours, "Berg^Bo", "19610101", prior_id=prior)[0] == "AA"
    scan = hospital.scan(prior, "B^B", "19990101")
    assert hospital.shown(scan) == (ours, "Berg^Bo", "19610101")


def test_a_chain_of_merges_leads_to_its_end(hospital: Hospital) -> None:
    a, b, c = (hospital.new_id() for _ in range(3))
    scan = hospital.scan(a, "Ring^Rosa", "19620101")
    assert hospital.adt("A40", c, "Ring^Rosa", "19620101", prior_id=b)[0] == "AA"
    assert hospital.adt("A40", b, "Ring^Rosa", "19620101", prior_id=a)[0] == "AA"
    assert hospital.shown(scan)[0] == c
    hospital.undo_last(c)
    assert hospital.shown(scan)[0] == b


def test_merges_that_contradict_are_refused_with_a_sentence(hospital: Hospital) -> None:
    a, b, c = (hospital.new_id() for _ in range(3))
    scan = hospital.scan(b, "Kreis^Karl", "19630101")
    assert hospital.adt("A40", a, "Kreis^Karl", "19630101", prior_id=b)[0] == "AA"
    for ours, prior, reason in (
        (b, a, "merged into the other one before"),
        (c, b, "merged into another patient before"),
        (a, a, "the same ID"),
    ):
        code, sentence = hospital.adt("A40", ours, "Kreis^Karl", "19630101", prior_id=prior)
        assert (code, reason in sentence) == ("AE", True), sentence
        assert hospital.shown(scan)[0] == a
    assert hospital.node.storage.patient_changes.page(9, 0, c) == ([], 0)


def test_several_merges_in_a_message_count_together_or_not_at_all(hospital: Hospital) -> None:
    a, b, c, d = (hospital.new_id() for _ in range(4))
    scan = hospital.scan(b, "Bund^Bea", "19730101")
    groups = "".join(
        f"PID|1||{ours}^^^HOSPITAL||Bund^Bea||19730101\rMRG|{prior}^^^HOSPITAL\r"
        for ours, prior in ((a, b), (c, d), (d, c))
    )
    head = "MSH|^~\\&|RIS|H|M||2026||ADT^A40^ADT_A39|{}|P|2.5.1\rEVN|A40\r"
    assert hospital.send(head.format(hospital.new_id()) + groups)[0] == "AE"
    assert hospital.shown(scan)[0] == b
    fine = groups[: groups.index(f"PID|1||{d}")]
    assert hospital.send(head.format(hospital.new_id()) + fine)[0] == "AA"
    assert hospital.shown(scan)[0] == a
