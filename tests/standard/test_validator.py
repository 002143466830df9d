"""That the validator finds faults: in the top level, in items, in functional groups, in a tree."""

import copy
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from inference.imaging.volume import assemble_volume
from inference.pipeline import PipelineOutput
from inference.results.encode import encode_results
from tests import builders
from tests.inference.results_support import PIPELINE, job_for, output_of
from tests.standard import validator
from tests.standard.edition import dicom_info
from tests.standard.validator import KNOWN, complaints_of

SHAPE = (5, 12, 14)
KINDS = ("SEG", "SR", "SC", "STACK", "PDF", "GSPS", "KOS", "LABELMAP", "LABELMAP_SR", "RTSTRUCT")


@cache
def _objects() -> dict[str, Dataset]:
    datasets = builders.series(np.zeros(SHAPE, np.int16))
    volume = assemble_volume(datasets)
    mask = builders.asymmetric_mask(SHAPE)
    stacked = output_of(volume, mask)
    output = PipelineOutput(stacked.segments, mask.astype(np.uint8), stacked.measurements)
    made = encode_results(job_for(volume), PIPELINE, datasets, volume, output, set(KINDS))
    return {one.kind: one.dataset for one in made.objects}


def _object(kind: str) -> Dataset:
    return copy.deepcopy(_objects()[kind])


def _without(*path: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword in path[:-1]:
            dataset = dataset[keyword].value[0]
        del dataset[path[-1]]

    return change


def _with(value: object, *path: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword in path[:-1]:
            dataset = dataset[keyword].value[0]
        setattr(dataset, path[-1], value)

    return change


def _number(document: Dataset) -> Dataset:
    """The first NUM of a document, wherever in the tree it lies."""
    for item in document.ContentSequence:
        if item.ValueType == "NUM":
            return item
        if "ContentSequence" in item:
            try:
                return _number(item)
            except LookupError:
                continue
    raise LookupError("There is no NUM in this document.")


def _number_without_units(document: Dataset) -> None:
    del _number(document).MeasuredValueSequence[0].MeasurementUnitsCodeSequence


def _coded_too_long(document: Dataset) -> None:
    name = _number(document).ConceptNameCodeSequence[0]
    name.LongCodeValue = name.CodeValue * 3
    del name.CodeValue


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_node_makes_is_clean(kind: str) -> None:
    assert complaints_of(_object(kind)) == []


FRAMES = "PerFrameFunctionalGroupsSequence"
SHARED = "SharedFunctionalGroupsSequence"
TYPE = "SegmentedPropertyTypeCodeSequence"


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("SEG", _without("ContentLabel"), "Segmentation Image: ContentLabel TagMissing"),
        ("SEG", _with("", "ContentLabel"), "Segmentation Image: ContentLabel TagEmpty"),
        (
            "SEG",
            _without("SegmentSequence", TYPE, "CodeMeaning"),
            f"Segmentation Image: SegmentSequence/{TYPE}/CodeMeaning TagMissing",
        ),
        (
            "SEG",
            _without(FRAMES, "FrameContentSequence"),
            f"Frame Content: {FRAMES}/FrameContentSequence TagMissing",
        ),
        (
            "SEG",
            _without(SHARED, "PixelMeasuresSequence", "PixelSpacing"),
            f"Pixel Measures: {SHARED}/PixelMeasuresSequence/PixelSpacing TagMissing",
        ),
        ("SEG", _with("120", "KVP"), "General: KVP TagUnexpected"),
        (
            "SR",
            _with("MAYBE", "CompletionFlag"),
            "SR Document General: CompletionFlag EnumValueNotAllowed "
            "{'value': 'MAYBE', 'allowed': ['PARTIAL', 'COMPLETE']}",
        ),
        (
            "SR",
            _with("VERIFIED", "VerificationFlag"),
            "SR Document General: VerifyingObserverSequence TagMissing",
        ),
        (
            "SR",
            _without("ContentSequence", "ConceptNameCodeSequence"),
            "SR Document Content: ContentSequence/ConceptNameCodeSequence TagMissing",
        ),
        (
            "SR",
            _number_without_units,
            "SR Document Content: ContentSequence/ContentSequence/ContentSequence/"
            "MeasuredValueSequence/MeasurementUnitsCodeSequence TagMissing",
        ),
        ("SC", _without("ConversionType"), "SC Equipment: ConversionType TagMissing"),
        (
            "SC",
            _with("PERHAPS", "BurnedInAnnotation"),
            "General Image: BurnedInAnnotation EnumValueNotAllowed "
            "{'value': 'PERHAPS', 'allowed': ['YES', 'NO']}",
        ),
        ("STACK", _without("PatientID"), "Patient: PatientID TagMissing"),
        (
            "PDF",
            _without("MIMETypeOfEncapsulatedDocument"),
            "Encapsulated Document: MIMETypeOfEncapsulatedDocument TagMissing",
        ),
        (
            "GSPS",
            _without("DisplayedAreaSelectionSequence", "DisplayedAreaTopLeftHandCorner"),
            "Displayed Area: DisplayedAreaSelectionSequence/DisplayedAreaTopLeftHandCorner "
            "TagMissing",
        ),
        (
            "KOS",
            _without("CurrentRequestedProcedureEvidenceSequence", "StudyInstanceUID"),
            "Key Object Document: CurrentRequestedProcedureEvidenceSequence/StudyInstanceUID "
            "TagMissing",
        ),
        ("LABELMAP", _without("ContentLabel"), "Segmentation Image: ContentLabel TagMissing"),
    ],
)
def test_a_fault_is_found(kind: str, change: Callable[[Dataset], None], complaint: str) -> None:
    faulty = _object(kind)
    change(faulty)
    assert complaint in complaints_of(faulty)


def test_a_long_code_needs_no_urn_and_a_code_needs_one_of_the_three() -> None:
    document = _object("SR")
    _coded_too_long(document)
    assert complaints_of(document) == []
    del _number(document).ConceptNameCodeSequence[0].LongCodeValue
    missing = {one.rpartition("/")[2] for one in complaints_of(document)}
    assert missing == {
        f"{one} TagMissing" for one in ("CodeValue", "LongCodeValue", "URNCodeValue")
    }


def test_a_class_of_a_later_edition_is_not_passed_over() -> None:
    unknown = _object("SEG")
    unknown.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.8"
    (complaint,) = complaints_of(unknown)
    assert complaint.startswith("The edition of 2020 does not know ")


def test_every_known_difference_still_occurs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the list each of its complaints is made, so that none outlives its reason."""
    monkeypatch.setattr(validator, "KNOWN", ())
    found = [*complaints_of(_object("LABELMAP")), *complaints_of(_object("RTSTRUCT"))]
    assert len(found) == len(KNOWN)
    for one in KNOWN:
        start = f"{one.module}: {one.path} {one.code.name}"
        assert any(complaint.startswith(start) for complaint in found)


def test_conditions_and_values_are_carried_over() -> None:
    info = dicom_info(CTImageStorage)
    assert info is not None
    used = info.iods[CTImageStorage]["modules"]
    assert {name for name, one in used.items() if one["use"] == "M"} >= {"Patient", "CT Image"}
    slope = info.modules[used["CT Image"]["ref"]]["(0028,1053)"]
    assert slope["type"] == "1"
    burned_in = info.modules[used["General Image"]["ref"]]["(0028,0301)"]
    assert burned_in["enums"] == [{"val": ["YES", "NO"]}]
