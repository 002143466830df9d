"""The scan of what leaves finds names, identifiers and dates in every form, and says where."""

import io
import struct

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit
from reportlab.pdfgen.canvas import Canvas

from inference.deidentification.leaks.evidence import Evidence
from inference.deidentification.leaks.leak_scan import LeakScan
from inference.deidentification.profile import read_profile
from tests.builders import series
from tests.inference.deidentification.test_planted_identifiers import part10


def original(**attributes: object) -> Dataset:
    (ds,) = series(
        np.zeros((1, 4, 4), np.int16),
        modality="CT",
        **{
            "PatientName": "Müller-Quandt^Grete=Ideo^Gram",
            "PatientID": "PX-4711/08",
            "PatientBirthDate": "19570301",
            "StudyDate": "20260102",
            "AccessionNumber": "ACC900123",
            "InstitutionName": "Klinikum Nordwestfurt",
            "PatientAddress": "Birkenweg 12, Zwölfhausen",
            **attributes,
        },
    )
    return ds


def scan(ds: Dataset, options: tuple[str, ...] = ()) -> LeakScan:
    profile = read_profile(options)
    evidence = Evidence(profile)
    evidence.add(ds)
    return LeakScan(evidence, profile)


def clean(**attributes: object) -> Dataset:
    ds = Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    "text",
    [
        "after mueller was seen",
        "QUANDT,GRETE",
        "Müller-Quandt",
        "MULLER",
        "id px-4711/08",
        "PX471108",
        "see ACC900123",
        "Klinikum Nordwestfurt",
        "from nordwestfurt",
        "Birkenweg",
        "born 1.3.1957",
        "born 01.03.57",
        "born 1957/03/01",
        "born 1. März 1957",
        "born March 1, 1957",
        "seen 2026-01-02",
        "20260102101500",
    ],
)
def test_every_way_to_write_it_is_found(text: str) -> None:
    found = scan(original()).leaks(part10(clean(ImageComments=f"The image {text} is here")))
    assert any("(0020,4000) ImageComments" in str(one) for one in found), text
    assert not any("Quandt" in str(one) or "1957" in str(one) for one in found)


def test_what_leaves_without_them_is_let_through() -> None:
    harmless = clean(
        SeriesDescription="CT head without contrast, 5.0 mm",
        ManufacturerModelName="Model 2026",
        StudyDate="19000101",
        PatientID="P-ABCDEFGHIJKLM",
    )
    assert scan(original()).leaks(part10(harmless), "P-ABC/2.25.1/2.25.2/2.25.3.dcm") == []


def test_names_in_other_scripts_and_of_two_letters_are_found() -> None:
    found = scan(original(PatientName="Li^Wu=王^小东"))
    assert found.leaks(part10(clean(ImageComments="of Wu Li")))
    assert found.leaks(part10(clean(ImageComments="患者王小东的图像")))
    assert not found.leaks(part10(clean(ImageComments="liquid in the wurst")))


def test_a_patient_named_like_a_body_part_is_found_in_texts_and_not_in_codes() -> None:
    found = scan(original(PatientName="Head^Anna"))
    assert not found.leaks(part10(clean(BodyPartExamined="HEAD")))
    assert found.leaks(part10(clean(ImageComments="Mrs Head")))


def test_file_names_bytes_preambles_and_documents_are_searched() -> None:
    found = scan(original())
    assert found.leaks(part10(clean()), "exports/Quandt/1.dcm")
    hidden = clean()
    hidden.add_new(0x00420011, "OB", b"\x00\x01Quandt^Grete\x00\x02")
    assert found.leaks(part10(hidden))
    preamble = clean()
    preamble.preamble = b"ACC900123".ljust(128, b"\0")
    assert "the bytes of the file" in str(found.leaks(part10(preamble)))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=1)
    canvas.drawString(72, 700, "Patient: Grete Quandt")
    canvas.save()
    data = buffer.getvalue()
    document = clean(EncapsulatedDocument=data + b"\0" * (len(data) % 2))
    assert "the document in (0042,0011)" in str(found.leaks(part10(document)))


def test_a_comment_inside_of_a_jpeg_is_found() -> None:
    comment = b"Grete Quandt"
    frame = b"\xff\xd8\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + b"\xff\xd9"
    ds = clean()
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    assert "the bytes of the file" in str(scan(original()).leaks(part10(ds)))


def test_private_elements_and_overlays_are_found_whatever_they_say() -> None:
    ds = clean()
    ds.private_block(0x0029, "VENDOR", create=True).add_new(0x10, "LO", "harmless")
    ds.add_new(0x60003000, "OW", b"\0\0")
    found = str(scan(original()).leaks(part10(ds)))
    assert "a private element" in found
    assert "a curve or an overlay" in found


UID = "1.2.826.0.1.99.6.4711"


@pytest.mark.parametrize(
    "hidden",
    [
        UID.encode(),
        f"2{UID}".encode(),
        f"20260102.{UID}.7".encode(),
        f"Image {UID}, of".encode("utf-16-le"),
        f"Image {UID}, of".encode("utf-16-be"),
    ],
)
def test_uids_are_found_among_other_numbers_and_in_wide_letters(hidden: bytes) -> None:
    found = scan(original(StudyInstanceUID=UID))
    ds = clean()
    ds.preamble = hidden.ljust(128, b"\0")
    assert "the bytes of the file" in str(found.leaks(part10(ds)))
    other = clean()
    other.preamble = hidden.replace(b"6", b"5").ljust(128, b"\0")
    assert found.leaks(part10(other)) == []
    assert found.has_leak(f"of {UID}.dcm")


def test_private_bytes_and_persons_do_not_count_as_safe() -> None:
    for vr, value in (("OB", b"\0\1"), ("PN", "Some^Body")):
        ds = clean()
        ds.private_block(0x0029, "VENDOR", create=True).add_new(0x10, vr, value)
        found = scan(original(), ("retain-safe-private",)).leaks(part10(ds))
        assert "a private element" in str(found)


def test_a_newborn_keeps_the_date_of_its_study_where_dates_are_kept() -> None:
    newborn = original(StudyDate="19570301")
    found = scan(newborn, ("retain-full-dates",))
    assert found.leaks(part10(clean(StudyDate="19570301"))) == []


@pytest.mark.parametrize(("value", "is_leak"), [(101, False), (10100, True), (20000101, True)])
def test_a_birth_date_of_zeros_is_no_number_that_is_often_measured(
    value: int, is_leak: bool
) -> None:
    leaving = clean()
    leaving.private_block(0x0019, "ACME", create=True).add_new(0x01, "UL", value)
    born = original(PatientBirthDate="20000101")
    found = scan(born, ("retain-safe-private",)).leaks(part10(leaving))
    assert bool(found) == is_leak


@pytest.mark.parametrize(
    ("vr", "value", "is_leak"),
    [
        ("DS", "19570301", True),
        ("DS", "1.9570301e7", True),
        ("IS", "1031957", True),
        ("FD", 3011957.0, True),
        ("UL", 570301, True),
        ("US", [1, 3, 1957], True),
        ("IS", "900123", True),
        ("FD", 900123.0, True),
        ("DS", "0.900123", False),
        ("DS", ["1.957", "3", "0.125"], False),
        ("US", [512, 512, 4], False),
    ],
)
def test_birth_dates_and_identifiers_are_found_in_private_numbers(
    vr: str, value: object, is_leak: bool
) -> None:
    leaving = clean()
    leaving.private_block(0x0019, "ACME", create=True).add_new(0x01, vr, value)
    found = scan(original(), ("retain-safe-private",)).leaks(part10(leaving))
    assert bool(found) == is_leak
    assert {str(one) for one in found} <= {
        "(0019,1001) contains a date or an identifier of the original",
        "the bytes of the file contains a value of the original",
    }


@pytest.mark.parametrize(
    ("keyword", "value", "is_leak"),
    [
        ("SeriesNumber", 19570301, True),
        ("InstanceNumber", 20260102, True),
        ("SeriesNumber", 2026010203, True),
        ("WindowCenter", "19570301.0", True),
        ("DiffusionBValue", 900123.0, True),
        ("SliceThickness", "900123", True),
        ("SeriesNumber", 1957, False),
        ("Exposure", 4711, False),
        ("AcquisitionNumber", 570302, False),
        ("ImagePositionPatient", ["-19.570301", "20.26", "0.900123"], False),
    ],
)
def test_the_numbers_of_a_series_are_no_birth_date_day_or_identifier(
    keyword: str, value: object, is_leak: bool
) -> None:
    found = scan(original()).leaks(part10(clean(**{keyword: value})))
    assert bool(found) == is_leak, found


def test_a_time_of_day_is_no_birth_date() -> None:
    born = original(PatientBirthDate="20111009")
    assert not scan(born).leaks(part10(clean(ContentTime="111009")))
    assert scan(born).leaks(part10(clean(SeriesNumber=111009)))
