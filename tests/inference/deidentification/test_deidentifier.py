"""What the Basic Profile and each option leave of an instance (PS3.15 annex E)."""

import io
from datetime import datetime

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.instances import StudyDeidentification
from inference.deidentification.profile import Option, read_profile
from inference.deidentification.profile_table import profile_table
from inference.deidentification.pseudonyms import Pseudonyms, shifted
from storage.core.errors import InvalidRequest
from tests.builders import series
from tests.inference.deidentification.planting import Planter, report
from tests.inference.deidentification.test_planted_identifiers import part10

KEY = b"a key of one project"

# Planted values are longer than their VR allows, or in small letters, as senders write them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The value length"),
    pytest.mark.filterwarnings("ignore:Invalid value for VR"),
]


def ct(**attributes: object) -> Dataset:
    (ds,) = series(np.full((1, 4, 4), 7, np.int16), modality="CT", **attributes)
    return ds


def deidentified(
    ds: Dataset, *options: str, key: bytes = KEY, patient_key: str = "somebody"
) -> FileDataset:
    data = part10(ds)
    header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    found = StudyDeidentification(
        read_profile(options), Pseudonyms(key), patient_key, [header], "Node 1"
    ).apply(data)
    return pydicom.dcmread(io.BytesIO(found.part10))


def codes(ds: Dataset) -> set[str]:
    return {one.CodeValue for one in ds.DeidentificationMethodCodeSequence}


def test_the_table_is_that_of_the_standard() -> None:
    table = profile_table()
    assert len(table) == 652
    assert table[pydicom.tag.Tag("PatientName")].basic == "Z"
    assert table[pydicom.tag.Tag("StationName")].options[Option.RETAIN_DEVICE] == "K"
    assert table[pydicom.tag.Tag("SOPInstanceUID")].options[Option.RETAIN_UIDS] == "K"
    dates = table[pydicom.tag.Tag("StudyDate")].options
    assert (dates[Option.RETAIN_FULL_DATES], dates[Option.RETAIN_MODIFIED_DATES]) == ("K", "C")


@pytest.mark.parametrize(
    "attribute",
    ["ContactDisplayName", "OwnerID", "DeviceID", "RadiationMachineName", "StoredInstanceBaseURI"],
)
def test_what_the_table_does_not_name_and_may_say_anything_is_emptied(attribute: str) -> None:
    assert not deidentified(ct(**{attribute: "heinrich-0351"})).get(attribute)


def test_how_an_image_was_made_stays() -> None:
    left = deidentified(ct(ConvolutionKernel="B30f", Manufacturer="ACME"))
    assert (left.ConvolutionKernel, left.Manufacturer) == ("B30f", "ACME")


def test_the_basic_profile_says_what_it_did_and_leaves_the_pixels() -> None:
    found = deidentified(ct())
    assert found.PatientIdentityRemoved == "YES"
    assert found.DeidentificationMethod == "Node 1, PS3.15 E"
    assert codes(found) == {"113100"}
    assert found.LongitudinalTemporalInformationModified == "REMOVED"
    assert found.StudyDate == found.PatientBirthDate == found.AccessionNumber == ""
    assert str(found.PatientName) == found.PatientID
    assert (found.pixel_array == 7).all()
    assert found.PixelSpacing == [0.8, 0.6]


def test_pseudonyms_are_the_same_within_a_project_and_others_in_the_next() -> None:
    one, again = deidentified(ct(seed=1)), deidentified(ct(seed=1, PatientName="Other^Spelling"))
    assert one.StudyInstanceUID == again.StudyInstanceUID
    assert one.PatientID == again.PatientID
    assert one.StudyInstanceUID.startswith("2.25.")
    other = deidentified(ct(seed=1), key=b"another key")
    assert one.StudyInstanceUID != other.StudyInstanceUID
    assert one.PatientID != other.PatientID


def test_modified_dates_keep_intervals_and_times_of_day() -> None:
    option = "retain-modified-dates"
    first = deidentified(ct(StudyDate="20260102", AcquisitionDateTime="20260103081500.5"), option)
    second = deidentified(ct(StudyDate="20260131", seed=2), option)

    def day(text: str) -> datetime:
        return datetime.strptime(text[:8], "%Y%m%d")

    assert (day(second.StudyDate) - day(first.StudyDate)).days == 29
    assert (day(first.AcquisitionDateTime) - day(first.StudyDate)).days == 1
    assert first.AcquisitionDateTime.endswith("081500.5")
    assert day(first.StudyDate) < datetime(2026, 1, 2)
    assert first.StudyTime == "101500"
    assert first.PatientBirthDate == ""
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "113107" in codes(first)
    other = deidentified(ct(StudyDate="20260102"), option, patient_key="somebody else")
    assert other.StudyDate != first.StudyDate


def test_full_dates_stay_and_the_birth_date_goes() -> None:
    found = deidentified(ct(), "retain-full-dates")
    assert (found.StudyDate, found.PatientBirthDate) == ("20260102", "")
    assert found.LongitudinalTemporalInformationModified == "UNMODIFIED"


@pytest.mark.parametrize("option", ["retain-full-dates", "retain-modified-dates", "retain-uids"])
def test_a_name_in_the_place_of_a_date_a_time_or_a_uid_does_not_stay(option: str) -> None:
    ds = ct(StudyDate="Vorgaenger", StudyTime="Vorgaenger", AcquisitionDateTime="Vorgaenger")
    ds.FrameOfReferenceUID = "1.2.Vorgaenger"
    assert "Vorgaenger" not in str(deidentified(ds, option))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20260301", "20260227"),
        ("20260301120000.1+0100", "20260227120000.1+0100"),
        ("2026", ""),
        ("202603", ""),
        ("20261399", ""),
        ("00010101", ""),
        ("", ""),
        ("2026-03-01", ""),
        ("202603011 Weber", ""),
    ],
)
def test_a_date_without_a_day_is_emptied(value: str, expected: str) -> None:
    from datetime import timedelta

    assert shifted(value, timedelta(days=-2)) == expected


@pytest.mark.parametrize(
    ("option", "code", "keyword", "value"),
    [
        ("retain-device", "113109", "StationName", "CT-ROOM-7"),
        ("retain-institution", "113112", "InstitutionName", "Klinikum Nordwestfurt"),
        ("retain-patient-characteristics", "113108", "PatientSex", "F"),
        ("retain-patient-characteristics", "113108", "PatientWeight", 71.5),
        ("retain-uids", "113110", "StudyInstanceUID", "1.2.826.0.1.99.4"),
    ],
)
def test_an_option_keeps_its_attributes(
    option: str, code: str, keyword: str, value: object
) -> None:
    ds = ct(**{keyword: value})
    kept = deidentified(ds, option)
    assert kept[keyword].value == value
    assert code in codes(kept)
    without = deidentified(ds)
    assert without.get(keyword) != value


def test_ages_over_89_are_stated_as_90() -> None:
    option = "retain-patient-characteristics"
    assert deidentified(ct(PatientAge="097Y"), option).PatientAge == "090Y"
    # As some write it, and where Python reads no number: cut, or left out.
    for age in (" 97Y", "²Y", "9" * 5000 + "Y"):
        with pydicom.config.disable_value_validation():
            known = deidentified(ct(PatientAge=age), option).get("PatientAge", "")
        assert known in ("", "090Y")
    for age in ("041Y", "41Y"):
        assert deidentified(ct(PatientAge=age), option).PatientAge == age


def test_descriptions_keep_what_is_harmless() -> None:
    ds = ct(
        SeriesDescription="t1_mprage_sag Müller 3 mm",
        StudyDescription="MR head for Dr. Qvarnstrom, tel 0351 448 2211, case 12-345",
        PatientComments="Prvqeze",
    )
    found = deidentified(ds, "clean-descriptors")
    assert found.SeriesDescription == "t1_mprage_sag  3 mm".replace("  ", " ")
    assert found.StudyDescription.startswith("MR head for")
    assert not any(one.isdigit() for one in found.StudyDescription)
    assert found.PatientComments == "REMOVED"
    assert "SeriesDescription" not in deidentified(ds)


def test_safe_private_elements_stay_with_their_creator() -> None:
    ds = ct()
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x09, "LO", "anything")
    stated = Dataset()
    stated.PrivateGroupReference, stated.PrivateCreatorReference = 0x0029, "OURS"
    stated.BlockIdentifyingInformationStatus = "SAFE"
    ds.PrivateDataElementCharacteristicsSequence = [stated]
    ds.private_block(0x0029, "OURS", create=True).add_new(0x01, "DS", "2.5")
    found = deidentified(ds, "retain-safe-private")
    kept = found.private_block(0x0019, "SIEMENS MR HEADER")
    assert kept[0x0C].value == 1000
    assert 0x09 not in kept
    assert found.private_block(0x0029, "OURS")[0x01].value == 2.5
    assert not [one for one in deidentified(ds) if one.tag.is_private]


def test_the_content_of_a_report_is_replaced_or_cleaned() -> None:
    removed = deidentified(report(Planter(3)))
    assert [one.TextValue for one in removed.ContentSequence] == ["The content was removed."]
    cleaned = deidentified(report(Planter(3)), "clean-structured-content")
    (container,) = cleaned.ContentSequence
    assert [one.ValueType for one in container.ContentSequence] == [
        *("TEXT", "PNAME", "DATE", "DATETIME", "UIDREF", "TEXT"),
    ]
    assert container.ContentSequence[0].TextValue.startswith("CT head of")


@pytest.mark.parametrize(
    ("value", "left"),
    [("VORGAENGER", "REMOVED"), ("F-0432", "F-0432"), ("ICVSHARE", "ICVSHARE"), ("LUNG", "LUNG")],
)
def test_a_code_of_a_site_s_own_may_be_a_name(value: str, left: str) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "99LOCAL", "lung"
    found = deidentified(ct(AnatomicRegionSequence=[code]))
    assert found.AnatomicRegionSequence[0].CodeValue == left


@pytest.mark.parametrize(
    ("scheme", "value", "left"),
    [
        *(("SCT", "BLORVANIS", "REMOVED"), ("DCM", "BLORVANIS", "REMOVED")),
        *(("SRT", "BLORVANIS", "REMOVED"), ("LN", "BLORVANIS", "REMOVED")),
        *(("UCUM", "BLORVANIS", "REMOVED"), ("ELSEWHERE", "BLORVANIS", "REMOVED")),
        *(("SCT", "10200004", "10200004"), ("SRT", "T-62000", "T-62000")),
        *(("UCUM", "mm3", "mm3"), ("UCUM", "[hnsf'U]", "[hnsf'U]"), ("LN", "21889-1", "21889-1")),
        *(("DCM", "121071", "121071"), ("RADLEX", "RID58", "RID58"), ("ICD10", "C22.0", "C22.0")),
    ],
)
def test_a_code_has_the_form_of_its_scheme(scheme: str, value: str, left: str) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, "lung"
    long = Dataset()
    long.LongCodeValue, long.CodingSchemeDesignator, long.CodeMeaning = value, scheme, "lung"
    found = deidentified(ct(AnatomicRegionSequence=[code], PrimaryAnatomicStructureSequence=[long]))
    assert found.AnatomicRegionSequence[0].CodeValue == left
    assert found.PrimaryAnatomicStructureSequence[0].LongCodeValue == left


_LIVER = "Liver structure (body structure)"


@pytest.mark.parametrize(
    ("value", "meaning", "left"),
    [
        *(("10200004", "Liver", "Liver"), ("10200004", "BLORVANIS", _LIVER)),
        *(("10200004", "Leber von Blorvanis", _LIVER), ("999999999", "BLORVANIS", "REMOVED")),
        ("999999999", "Left lung", "Left lung"),
    ],
)
def test_a_meaning_is_of_the_standard_or_of_words_of_medicine(
    value: str, meaning: str, left: str
) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    code.CodingSchemeVersion = code.ContextIdentifier = code.MappingResource = "BLORVANIS"
    plain = Dataset()
    plain.CodeValue, plain.CodingSchemeDesignator, plain.CodeMeaning = "T1", "99X", "Lung"
    plain.CodingSchemeVersion, plain.ContextIdentifier, plain.MappingResource = "2.1", "42", "DCMR"
    found = deidentified(ct(AnatomicRegionSequence=[code, plain]))
    first, second = found.AnatomicRegionSequence
    assert first.CodeMeaning == left
    assert "BLORVANIS" not in str(first)
    assert (second.CodingSchemeVersion, second.ContextIdentifier) == ("2.1", "42")
    assert second.MappingResource == "DCMR"


def test_the_directory_of_a_medium_is_removed_at_every_depth() -> None:
    inner = Dataset()
    inner.FileSetID, inner.ReferencedSOPClassUID = "BLORVANIS", "1.2.840.10008.5.1.4.1.1.2"
    ds = ct(ReferencedImageSequence=[inner])
    ds.FileSetID = "BLORVANIS"
    assert "BLORVANIS" not in str(deidentified(ds))


def test_an_overlay_in_unused_bits_of_the_pixels_is_emptied() -> None:
    ds = ct()
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
    ds.PixelData = np.full((4, 4), 0x8ABC, "<u2").tobytes()
    ds.add_new(0x60000102, "US", 15)
    ds.add_new(0x60000100, "US", 16)
    found = deidentified(ds)
    assert set(np.frombuffer(found.PixelData, "<u2")) == {0x0ABC}
    assert not [one for one in found if one.tag.group == 0x6000]


def test_what_was_deidentified_before_and_labels_of_structures_keep_nothing_here() -> None:
    before = ct(PatientName="Removed^Anonymous", PatientID="REMOVED", ContrastBolusAgent="Removed")
    assert deidentified(before).PatientIdentityRemoved == "YES"
    structures = ct(Modality="RTSTRUCT", StructureSetLabel="RTSTRUCT")
    assert deidentified(structures).Modality == "RTSTRUCT"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, "Burned In Annotation is YES"),
        ({"BurnedInAnnotation": "yes"}, "Burned In Annotation is YES"),
        ({"Modality": "US"}, "modality is US"),
        ({"ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}, "converted or captured"),
        ({"ConversionType": "WSD"}, "converted or captured"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "converted or captured"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.1"}, "fluoroscopic"),
    ],
)
def test_images_that_may_carry_text_are_refused_with_the_reason(
    attributes: dict[str, object], reason: str
) -> None:
    with pytest.raises(CannotDeidentify, match=reason):
        deidentified(ct(**attributes))


def test_options_that_do_not_exist_or_contradict_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="'retain-all' is not an option"):
        read_profile(["retain-all"])
    with pytest.raises(InvalidRequest, match="either left as they are or modified"):
        read_profile(["retain-full-dates", "retain-modified-dates"])
