"""Dates in the content of structured reports under each option (PS3.15 E.3.4 and E.3.6)."""

import pytest
from pydicom.dataset import Dataset

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.leaks.evidence import Evidence
from inference.deidentification.leaks.leak_scan import LeakScan
from inference.deidentification.profile import read_profile
from inference.deidentification.pseudonyms import Pseudonyms, shifted
from inference.deidentification.words import cleaned
from tests.inference.deidentification.planting import Planter, report
from tests.inference.deidentification.test_deidentifier import KEY, deidentified
from tests.inference.deidentification.test_leak_scan import clean
from tests.inference.deidentification.test_planted_identifiers import part10

BORN, STUDIED, SEEN = "19310312", "20260102", "20260115"
CONTENT = "clean-structured-content"
MODIFIED, FULL = "retain-modified-dates", "retain-full-dates"
SHIFT = Pseudonyms(KEY).shift("somebody")

pytestmark = pytest.mark.filterwarnings("ignore:The value length")


def with_item(value_type: str, keyword: str, value: str, born: str = BORN) -> Dataset:
    ds = report(Planter(3))
    ds.PatientBirthDate = born
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = STUDIED
    name, item = Dataset(), Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121106", "DCM", "Comment"
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    item.ConceptNameCodeSequence = [name]
    setattr(item, keyword, value)
    ds.ContentSequence[0].ContentSequence = [item]
    return ds


def left_of(ds: Dataset, keyword: str, *options: str) -> str:
    found = deidentified(ds, CONTENT, *options)
    (container,) = found.ContentSequence
    (item,) = container.ContentSequence
    return str(item[keyword].value)


@pytest.mark.parametrize(
    ("value_type", "keyword", "rest", "dummy"),
    [("DATE", "Date", "", "19000101"), ("DATETIME", "DateTime", "101500", "19000101000000")],
)
def test_dates_and_times_are_removed_moved_or_kept_as_those_of_the_header(
    value_type: str, keyword: str, rest: str, dummy: str
) -> None:
    ds = with_item(value_type, keyword, SEEN + rest)
    assert left_of(ds, keyword) == dummy
    assert left_of(ds, keyword, MODIFIED) == shifted(SEEN, SHIFT) + rest
    assert left_of(ds, keyword, FULL) == SEEN + rest


@pytest.mark.parametrize(("option", "left"), [("", "000000"), (MODIFIED, "101500")])
def test_the_time_of_day_stays_with_its_date(option: str, left: str) -> None:
    ds = with_item("TIME", "Time", "101500")
    assert left_of(ds, "Time", *filter(None, [option])) == left


@pytest.mark.parametrize(
    ("value_type", "keyword", "dummy"),
    [("DATE", "Date", "19000101"), ("DATETIME", "DateTime", "19000101000000")],
)
@pytest.mark.parametrize("options", [(), (MODIFIED,), (FULL,)])
def test_no_option_leaves_or_moves_the_birth_date(
    value_type: str, keyword: str, dummy: str, options: tuple[str, ...]
) -> None:
    assert left_of(with_item(value_type, keyword, BORN), keyword, *options) == dummy


def test_a_newborn_keeps_the_day_of_its_study() -> None:
    ds = with_item("DATE", "Date", STUDIED, born=STUDIED)
    assert left_of(ds, "Date", FULL) == STUDIED
    assert left_of(ds, "Date", MODIFIED) == shifted(STUDIED, SHIFT)


@pytest.mark.parametrize("options", [(), (MODIFIED,), (FULL,)])
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15",
        "15.1.26",
        "15 May 26",
        "15. Mai 2026",
        "May 15, 2026",
        "May 15",
        "15-May-26",
        "15_MAY_26",
        "born March 31",
        "12. Sept. 31",
        "12.3.",
    ],
)
def test_texts_have_no_dates_under_any_option(text: str, options: tuple[str, ...]) -> None:
    left = left_of(with_item("TEXT", "TextValue", f"CT head {text} axial"), "TextValue", *options)
    assert left == "CT head axial"


@pytest.mark.parametrize("text", ["slice 3 mm", "T1 sag 256", "right lobe 2 of 3"])
def test_numbers_beside_other_words_stay(text: str) -> None:
    assert [one for one in cleaned(text, ()) if one.isdigit()] == [
        one for one in text if one.isdigit()
    ]


def test_an_item_that_is_named_birth_date_goes_whatever_it_states() -> None:
    for code, scheme in (("121031", "DCM"), ("21112-8", "LN"), ("184099003", "SCT")):
        ds = with_item("DATE", "Date", "19310313")
        (name,) = ds.ContentSequence[0].ContentSequence[0].ConceptNameCodeSequence
        name.CodeValue, name.CodingSchemeDesignator = code, scheme
        (container,) = deidentified(ds, CONTENT, FULL).ContentSequence
        assert not container.ContentSequence


def test_the_scan_knows_the_moved_birth_date() -> None:
    evidence = Evidence(read_profile([MODIFIED]))
    evidence.add(with_item("DATE", "Date", SEEN))
    scan = LeakScan(evidence, read_profile([MODIFIED]), SHIFT)
    moved = shifted(BORN, SHIFT)
    assert scan.leaks(part10(clean(ImageComments=f"of {moved}")))
    assert not scan.leaks(part10(clean(ContentDate=shifted(STUDIED, SHIFT))))


def test_a_birth_date_in_another_attribute_keeps_a_report_here() -> None:
    """Where it is written beside the content, as text that the profile lets pass."""
    ds = with_item("DATE", "Date", SEEN)
    ds.Manufacturer = "Scanner 12.03.1931"
    with pytest.raises(CannotDeidentify, match="Manufacturer contains a date"):
        deidentified(ds, CONTENT, FULL)
