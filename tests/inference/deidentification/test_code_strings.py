"""Names and identifiers in code strings and short texts, whose values a sender should not make up.

Golden: the lists of values in the attributes' descriptions of the package `dicom-standard`.
"""

import html
import json
import re
from importlib.metadata import distribution
from typing import Any

import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from inference.deidentification.code_strings import cleaned_code_string
from inference.deidentification.standard_terms import is_standard_term
from inference.deidentification.words import cleaned, is_known_word
from tests.inference.deidentification.test_deidentifier import ct, deidentified

PERSONS: dict[str, Any] = {
    "PatientName": "Brown^Young",
    "PatientID": "4711",
    "InstitutionAddress": "37083 Göttingen",
}


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("BodyPartExamined", "GOTTINGEN"),
        ("BodyPartExamined", "BROWN"),
        ("BodyPartExamined", "CHEST BROWN"),
        ("BodyPartExamined", "X4711"),
        ("ScanOptions", "YOUNG"),
        # Of whom no other attribute of the study speaks.
        ("BodyPartExamined", "HINTERSEHER"),
        ("FilterMaterial", "19310312"),
        ("RescaleType", "Hinterseher"),
        # Other short representations
        ("ConvolutionKernel", "BROWN"),
        ("SequenceName", "*brown 2d"),
        ("FilterType", "Brown"),
    ],
)
def test_a_name_in_a_short_value_leaves_in_no_form(keyword: str, value: str) -> None:
    assert deidentified(ct(**PERSONS, **{keyword: value}))[keyword].value == "REMOVED"


def test_one_of_several_values_goes_and_the_others_stay_where_they_are() -> None:
    left = deidentified(ct(**PERSONS, ImageType=["ORIGINAL", "PRIMARY", "BROWN", "CT_SOM5 SPI"]))
    assert left.ImageType == ["ORIGINAL", "PRIMARY", "REMOVED", "CT_SOM5 SPI"]


def test_values_in_items_are_looked_at_as_well() -> None:
    item = Dataset()
    item.LossyImageCompression, item.FrameLaterality = "00", "YOUNG"
    left = deidentified(ct(**PERSONS, CTImageFrameTypeSequence=[item]))
    (kept,) = left.CTImageFrameTypeSequence
    assert (kept.LossyImageCompression, kept.FrameLaterality) == ("00", "REMOVED")


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Modality", "CT"),
        ("PatientPosition", "HFDR"),
        ("BodyPartExamined", "CHESTABDPELVIS"),
        ("ScanOptions", "HELICAL MODE"),
        ("LossyImageCompressionMethod", "ISO_15444_1"),
        ("Units", "PROPCNTS"),
        ("SpecificCharacterSet", "ISO_IR 192"),
        ("RescaleType", "HU"),
        ("ConvolutionKernel", "Qr40d"),
    ],
)
def test_what_says_how_an_image_was_made_stays(keyword: str, value: str) -> None:
    assert deidentified(ct(**PERSONS, **{keyword: value}))[keyword].value == value


def test_a_patient_who_is_called_as_a_body_part_is_takes_no_body_part_with_them() -> None:
    left = deidentified(ct(PatientName="Head^Maria", BodyPartExamined="HEAD"))
    assert left.BodyPartExamined == "HEAD"


def test_a_character_set_is_one_and_no_word() -> None:
    assert cleaned_code_string("ISO 2022 IR 149", "SpecificCharacterSet", ()) == "ISO 2022 IR 149"
    assert cleaned_code_string("HINTERSEHER", "SpecificCharacterSet", ()) == "ISO_IR 192"


def test_names_of_breeds_are_no_words_of_medicine() -> None:
    """Towns and families have given most of them."""
    assert cleaned("CT head Gottingen Murray", ()) == "CT head"
    assert is_known_word("lung")
    assert not is_known_word("murray")


def test_the_terms_are_those_of_the_standard() -> None:
    stated = set(_stated_terms())
    assert len(stated) > 1000
    assert {one for one in stated if not is_standard_term(one)} <= {"BIN_i"}


def _stated_terms() -> Any:
    files = {one.name: one for one in distribution("dicom-standard").files or ()}
    for name in ("module_to_attributes.json", "macro_to_attributes.json"):
        text = files[name].locate().read_text(encoding="utf-8")  # type: ignore[attr-defined]
        for row in json.loads(text):
            number = row["tag"].strip("()").replace(",", "")
            if not re.fullmatch("[0-9A-Fa-f]{8}", number):
                continue
            tag = Tag(int(number, 16))
            if dictionary_has_tag(tag) and dictionary_VR(tag) == "CS":
                for term in re.findall(r"<dt>(.*?)</dt>", row["description"], re.DOTALL):
                    if shown := html.unescape(re.sub("<[^>]+>", "", term)).strip():
                        yield shown
