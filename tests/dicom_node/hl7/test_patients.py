"""Patients corrected, registered and moved by ADT, as DCMTK finds and gets their studies."""

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.audit.query import AuditFilter, find_events
from storage.core.clock import utcnow
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from tests.dicom_node.hl7.hospital import Hospital


def test_a_correction_is_found_and_leaves_with_every_image(hospital: Hospital) -> None:
    patient = hospital.new_id()
    scan = hospital.scan(patient, "Mueler^Juergen", "19790131")
    stored = hospital.node.data_set(scan.SOPInstanceUID)
    assert hospital.adt("A08", patient, "Müller^Jürgen^^^Dr", "19700131", sex="M")[0] == "AA"
    assert hospital.shown(scan) == (patient, "Müller^Jürgen^^Dr", "19700131")
    assert hospital.found(f"PatientID={patient}", "PatientName=MULLER*") == [hospital.shown(scan)]
    got = hospital.fetched(scan)
    assert (str(got.PatientName), got.PatientSex) == ("Müller^Jürgen^^Dr", "M")
    assert got.IssuerOfPatientID == "HOSPITAL"
    assert got.PixelData == scan.PixelData
    assert hospital.node.data_set(scan.SOPInstanceUID) == stored, "the bytes stay as they came"
    # What the modality sends later under the old name is hers, too.
    late = hospital.scan(patient, "Mueler^Juergen", "19790131")
    assert hospital.shown(late) == (patient, "Müller^Jürgen^^Dr", "19700131")


def test_an_unknown_patient_gets_her_name_by_a_correction(hospital: Hospital) -> None:
    patient = hospital.new_id()
    scan = hospital.scan(patient, "DOE^JANE", "19000101")
    assert hospital.adt("A08", patient, "Weiß^Änne", "19550505")[0] == "AA"
    assert hospital.shown(scan) == (patient, "Weiß^Änne", "19550505")
    hospital.undo_last(patient)
    assert hospital.shown(scan) == (patient, "DOE^JANE", "19000101")
    assert str(hospital.served(scan).PatientName) == "DOE^JANE"


def test_a_message_about_very_many_patients_is_refused_as_a_whole(hospital: Hospital) -> None:
    patients = [hospital.new_id() for _ in range(11)]
    head = "MSH|^~\\&|RIS|H|M||20260102030405||ADT^A08^ADT_A01|MANY|P|2.5.1\r"
    code, sentence = hospital.send(
        head + "\r".join(f"PID|1||{one}^^^HOSPITAL||Muster^Anna" for one in patients)
    )
    assert code == "AE"
    assert "more than 10 patients" in sentence
    assert hospital.node.storage.patient_changes.page(9, 0, patients[0])[1] == 0


def test_another_person_with_the_same_id_keeps_their_name(hospital: Hospital) -> None:
    patient = hospital.new_id()
    scan = hospital.scan(patient, "Hoff^Hans", "19400101")
    other = hospital.scan(patient, "Zwei^Zoe", "19910202")
    code, sentence = hospital.adt("A08", patient, "Drei^Dora", "20010303")
    assert (code, "2 people have this ID" in sentence) == ("AE", True)
    assert hospital.adt("A08", patient, "Hoff^Johannes", "19400101")[0] == "AA"
    assert hospital.shown(scan)[1] == "Hoff^Johannes"
    assert hospital.shown(other) == (patient, "Zwei^Zoe", "19910202")


@pytest.mark.parametrize("event", ["A01", "A04", "A05"])
def test_a_registration_corrects_who_is_known_and_nobody_else(
    hospital: Hospital, event: str
) -> None:
    patient, stranger = hospital.new_id(), hospital.new_id()
    scan = hospital.scan(patient, "Reg^Ina", "19880101")
    other = hospital.scan(stranger, "Phantom", "")
    assert hospital.adt(event, patient, "Regner^Ina", "19880101")[0] == "AA"
    assert hospital.adt(event, stranger, "Mensch^Mia", "19900101")[0] == "AA"
    assert hospital.adt(event, hospital.new_id(), "Niemand^Nora", "19900101")[0] == "AA"
    assert hospital.shown(scan)[1] == "Regner^Ina"
    assert hospital.shown(other)[1] == "Phantom"


def test_ids_of_other_issuers_are_other_patients(hospital: Hospital) -> None:
    patient = hospital.new_id()
    foreign = hospital.scan(patient, "Fremd^Fritz", IssuerOfPatientID="ELSEWHERE")
    ours = hospital.scan(patient, "Fremd^Fritz", IssuerOfPatientID="HOSPITAL")
    assert hospital.adt("A08", patient, "Hiesig^Fritz", "19700131")[0] == "AA"
    assert hospital.shown(foreign)[1] == "Fremd^Fritz"
    assert hospital.shown(ours)[1] == "Hiesig^Fritz"


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian], ids=["implicit", "deflated"]
)
def test_other_encodings_leave_corrected_too(hospital: Hospital, syntax: str) -> None:
    patient = hospital.new_id()
    scan = hospital.scan(
        patient, "Latin^Lena", SpecificCharacterSet="ISO_IR 100", StudyDescription="Schädel",
        syntax=syntax,
    )  # fmt: skip
    assert hospital.adt("A08", patient, "Łatińska^Lena", "19700131")[0] == "AA"
    got = hospital.served(scan)
    assert (str(got.PatientName), got.StudyDescription) == ("Łatińska^Lena", "Schädel")
    assert got.PixelData == scan.PixelData


def test_a_study_is_moved_to_whom_it_belongs_and_back(hospital: Hospital) -> None:
    wrong, right = hospital.new_id(), hospital.new_id()
    scan = hospital.scan(wrong, "Falsch^Frida", "19710101")
    rest = hospital.scan(wrong, "Falsch^Frida", "19710101")
    hospital.scan(right, "Richtig^Rita", "19720202")
    changes = hospital.node.storage.patient_changes
    statement = Statement(
        "move", PatientKey(right, ""), Demographics(), study_instance_uid=scan.StudyInstanceUID
    )
    moved = changes.move(statement, Origin("admin", reason="wrong card"), utcnow())
    assert moved.study_instance_uids == (scan.StudyInstanceUID,)
    assert hospital.shown(scan) == (right, "Richtig^Rita", "19720202")
    assert str(hospital.served(scan).PatientName) == "Richtig^Rita"
    assert hospital.shown(rest) == (wrong, "Falsch^Frida", "19710101")
    hospital.undo_last(right)
    assert hospital.shown(scan) == (wrong, "Falsch^Frida", "19710101")


@pytest.mark.parametrize(
    ("pid", "code", "reason"),
    [
        ("PID|1||||Name^N", "AE", "PID-3"),
        ("PID|1||X-1^^^HOSPITAL||", "AE", "PID-5"),
        ("PID|1||X-1^^^HOSPITAL||Name^N||NEVER", "AE", "PatientBirthDate"),
        ("PID|1||999^^^NATIONAL||Name^N\rMRG|X-2^^^HOSPITAL", "AE", "PID-3"),
        ("PID|1||X-1^^^HOSPITAL||Name^N", "AE", "MRG-1"),
        ("PV1|1", "AE", "PID"),
    ],
)
def test_what_lacks_its_patient_is_refused(
    hospital: Hospital, pid: str, code: str, reason: str
) -> None:
    message = f"MSH|^~\\&|RIS|H|M||2026||ADT^A40^ADT_A39|{hospital.new_id()}|P|2.5.1\r{pid}\r"
    answered, sentence = hospital.send(message)
    assert (answered, reason in sentence) == (code, True), sentence


def test_the_audit_trail_has_both_ids_and_the_log_none(
    hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, prior = hospital.new_id(), hospital.new_id()
    assert hospital.adt("A40", ours, "Leise^Lea", "19740101", prior_id=prior)[0] == "AA"
    storage = hospital.node.storage
    storage.audit.flush()
    events, _ = find_events(storage.engine, AuditFilter(), 5, 0)
    (event,) = [one for one in events if ours in one.patient_ids]
    assert (event.code, set(event.patient_ids)) == ("110110", {ours, prior})
    logged = capsys.readouterr()
    for secret in (ours, prior, "Leise"):
        assert secret not in logged.out + logged.err
