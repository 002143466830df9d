"""Patients who are linked by ADT, and whose links a cross-reference manager brings up to date."""

from pydicom.dataset import Dataset

from tests.dicom_node.hl7.hospital import Hospital


def message(hospital: Hospital, event: str, *patients: str, sender: str = "RIS") -> str:
    control_id = f"LINK-{hospital.new_id()}"
    head = f"MSH|^~\\&|{sender}|HOSPITAL|MEDIVIEW||20260102030405||ADT^{event}|{control_id}|P|2.5.1"
    pids = [f"PID|{number}||{one}||Muster^Anna" for number, one in enumerate(patients, 1)]
    return "\r".join([head, f"EVN|{event}|20260102030405", *pids])


def both(hospital: Hospital) -> tuple[str, str, Dataset, Dataset]:
    """One person who is known to two hospitals, with an older and a newer study."""
    ours, theirs = hospital.new_id(), hospital.new_id()
    older = hospital.scan(theirs, "Muster^Anna", StudyDate="20200101", IssuerOfPatientID="CLINIC")
    newer = hospital.scan(ours, "Muster-Beispiel^Anna", StudyDate="20240101")
    return ours, theirs, older, newer


def priors(hospital: Hospital, scan: Dataset) -> list[str]:
    return hospital.node.storage.patient_studies.imaged_before(scan.StudyInstanceUID)


def test_a_link_makes_priors_of_two_issuers_and_is_taken_back(hospital: Hospital) -> None:
    ours, theirs, older, newer = both(hospital)
    pair = (f"{ours}^^^HOSPITAL", f"{theirs}^^^CLINIC")
    assert hospital.send(message(hospital, "A24^ADT_A24", *pair))[0] == "AA"
    assert priors(hospital, newer) == [older.StudyInstanceUID]
    assert hospital.shown(older)[:2] == (theirs, "Muster^Anna"), "each keeps ID and name"
    assert hospital.found(f"PatientID={ours}") == [hospital.shown(newer)], "a key is matched as is"
    assert hospital.send(message(hospital, "A37^ADT_A37", *pair))[0] == "AA"
    assert priors(hospital, newer) == []


def test_a_link_of_one_patient_or_of_an_id_and_itself_is_refused(hospital: Hospital) -> None:
    one = f"{hospital.new_id()}^^^HOSPITAL"
    code, sentence = hospital.send(message(hospital, "A24", one))
    assert (code, sentence) == ("AE", "A link is between two PIDs.")
    code, sentence = hospital.send(message(hospital, "A24", one, one))
    assert code == "AE"
    assert "same ID" in sentence


def test_what_the_manager_does_not_name_any_more_is_linked_no_more(hospital: Hospital) -> None:
    """ITI-10 has a blank name, which states nothing of the patient."""
    ours, theirs, older, newer = both(hospital)
    head = f"PID|1||{ours}^^^HOSPITAL~{theirs}^^^CLINIC|| "
    first = message(hospital, "A31^ADT_A05", sender="MPI") + "\r" + head
    assert hospital.send(first)[0] == "AA"
    assert priors(hospital, newer) == [older.StudyInstanceUID]
    assert hospital.shown(newer)[1] == "Muster-Beispiel^Anna"
    alone = message(hospital, "A31^ADT_A05", sender="MPI") + f"\rPID|1||{ours}^^^HOSPITAL|| "
    assert hospital.send(alone)[0] == "AA"
    assert priors(hospital, newer) == []


def test_an_a31_of_anybody_else_links_nobody_and_corrects(hospital: Hospital) -> None:
    ours, theirs, _, newer = both(hospital)
    stated = f"{ours}^^^HOSPITAL~{theirs}^^^CLINIC"
    text = message(hospital, "A31^ADT_A05", stated).replace("Muster^Anna", "Neu^Anna")
    assert hospital.send(text.replace("||Neu^Anna", "||Neu^Anna||19700131"))[0] == "AA"
    assert priors(hospital, newer) == []
    assert hospital.shown(newer)[1] == "Neu^Anna"
