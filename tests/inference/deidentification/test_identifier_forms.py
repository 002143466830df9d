"""Identifiers and short names in the forms in which free text has them."""

import pytest
from pydicom.dataset import Dataset

from inference.deidentification.leaks.evidence import Evidence
from inference.deidentification.leaks.leak_scan import LeakScan
from inference.deidentification.profile import Profile, read_profile

BASIC = Profile()


def scan(profile: Profile = BASIC, /, **attributes: str) -> LeakScan:
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    evidence = Evidence(profile)
    evidence.add(header)
    return LeakScan(evidence, profile)


@pytest.mark.parametrize(
    ("name", "patient_id", "texts"),
    [
        ("Li^Bo", "00-12.345", "Bo Li|Li, Bo|LI nativ|libo|BoLi|12345|0012345|12 345|ID12345"),
        ("Ng^Mai Anh", "A-0042", "Mai Anh Ng|NgMaiAnh|MaiAnhNg|A0042|a 0042|0042|Frau Ng"),
        ("Kopf^Anna", "4711", "Anna Kopf|04711|4 711|4-7-1-1|P4711|Nr 4711"),
        ("Quernhammer^Ada", "Q-004711", "remmahnreuQ|4711|Q4711|Q 4711|q.004711|4 7 1 1"),
    ],
)
def test_short_names_and_bare_digits_are_found(name: str, patient_id: str, texts: str) -> None:
    found = scan(PatientName=name, PatientID=patient_id)
    assert [one for one in texts.split("|") if not found.has_leak(one)] == []


def test_a_town_that_leaves_with_the_institution_may_be_the_patients() -> None:
    stated = {
        "PatientName": "Weber^Maria",
        "PatientAddress": "Am Berg 7, 55131 Zimtheim",
        "InstitutionName": "Klinikum Zimtheim",
        "InstitutionAddress": "Seestr. 1, 55131 Zimtheim",
        "VerifyingOrganization": "Klinikum Zimtheim",
    }
    kept = scan(read_profile(["retain-institution"]), **stated)
    for text in ("Klinikum Zimtheim", "Seestr. 1, 55131 Zimtheim"):
        assert not kept.has_leak(text), text
    for text in ("Am Berg 7", "Maria", "Weber, Klinikum Zimtheim"):
        assert kept.has_leak(text), text
    assert scan(BASIC, **stated).has_leak("Klinikum Zimtheim")
    named = scan(read_profile(["retain-institution"]), **{**stated, "PatientName": "Zimtheim^A"})
    assert named.has_leak("Klinikum Zimtheim")
    written = {**stated, "PatientID": "QXB-4711", "InstitutionName": "Klinikum QXB-4711"}
    odd = scan(read_profile(["retain-institution"]), **written)
    assert odd.has_leak("Klinikum QXB-4711")


def test_what_was_measured_is_no_identifier() -> None:
    found = scan(PatientName="Weber^Maria", PatientID="1000", DeviceSerialNumber="SN-2000")
    for text in ("ep2d_diff b1000", "TR 2000", "T1 mpr sag 256", "CT64", "LIBO protocol 1.25 mm"):
        assert not found.has_leak(text), text
    assert scan(PatientName="Weber^Maria", AccessionNumber="ACC0000815").has_leak("acc 815")
    assert not scan(PatientName="Weber^Maria", AccessionNumber="ACC0000815").has_leak("815 ms")
