"""What dicom-validator says of an object, by the edition of the standard of April 2020."""

from dataclasses import dataclass
from pathlib import Path

from dicom_validator.validator.error_handler import NullValidationResultHandler
from dicom_validator.validator.iod_validator import IODValidator
from dicom_validator.validator.validation_result import DicomTag, ErrorCode, TagError
from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID, RTStructureSetStorage, SegmentationStorage

from storage.dicom.storage_classes import LABEL_MAP_SEGMENTATION_STORAGE
from tests.standard.edition import dicom_info


@dataclass(frozen=True, slots=True)
class Known:
    """A complaint that is none by today's standard, or one that the validator cannot judge."""

    sop_class_uid: UID
    module: str
    path: str
    code: ErrorCode
    reason: str


KNOWN = (
    Known(
        LABEL_MAP_SEGMENTATION_STORAGE,
        "Segmentation Image",
        "SegmentationType",
        ErrorCode.EnumValueNotAllowed,
        "The value came with the class (PS3.3 C.8.20.2.3 since Supplement 243).",
    ),
    Known(
        LABEL_MAP_SEGMENTATION_STORAGE,
        "Segmentation",
        "SharedFunctionalGroupsSequence/SegmentIdentificationSequence",
        ErrorCode.TagMissing,
        "Since Supplement 243 required but for LABELMAP (PS3.3 Table A.51-2).",
    ),
    *(
        Known(
            RTStructureSetStorage,
            "RT ROI Observations",
            f"RTROIObservationsSequence/{attribute}",
            ErrorCode.TagUnexpected,
            "The validator's table ends at RT Related ROI Sequence; PS3.3 C.8.8.8 goes on.",
        )
        for attribute in (
            "RTROIIdentificationCodeSequence",
            "RTROIInterpretedType",
            "ROIInterpreter",
        )
    ),
)
# Younger than the edition, and asked as what it is but for the pixels' meaning.
_ASKED_AS = {LABEL_MAP_SEGMENTATION_STORAGE: SegmentationStorage}


def validator_complaints(path: Path) -> list[str]:
    """The errors in a file: module, attribute, what is wrong with it."""
    return complaints_of(dcmread(path))


def complaints_of(dataset: Dataset) -> list[str]:
    """The errors of one data set, without those that are known to be none."""
    sop_class = UID(dataset.SOPClassUID)
    asked = _ASKED_AS.get(sop_class, sop_class)
    info = dicom_info(asked)
    if info is None:
        return [f"The edition of 2020 does not know {sop_class.name}."]
    if asked != sop_class:
        dataset = Dataset(dataset)
        dataset.SOPClassUID = asked
    result = IODValidator(
        _without_references(dataset), info, error_handler=NullValidationResultHandler()
    ).validate()
    return [
        f"{module}: {path} {error.code.name} {_details(error)}".rstrip()
        for module, errors in result.module_errors.items()
        for tag, error in errors.items()
        for path in [_path(tag)]
        if not _is_known(sop_class, module, path, error.code)
    ]


def _without_references(dataset: Dataset) -> Dataset:
    """Without content items that refer to another one of the document: these have nothing but a
    relationship and its place (PS3.3 Table C.17-6), and the validator asks for a value type."""
    if "ContentSequence" not in dataset:
        return dataset
    plain = Dataset(dataset)
    items = [
        _without_references(one)
        for one in dataset.ContentSequence
        if "ReferencedContentItemIdentifier" not in one
    ]
    if items:
        plain.ContentSequence = items
    else:
        del plain.ContentSequence
    return plain


def _path(tag: DicomTag) -> str:
    return "/".join(keyword_for_tag(one) or str(one) for one in (*(tag.parents or ()), tag.tag))


def _details(error: TagError) -> str:
    """The value that is wrong and those that are right, where it is a matter of values."""
    stated = {key: value for key, value in (error.context or {}).items() if key != "cond"}
    return str(stated) if stated else ""


def _is_known(sop_class: UID, module: str, path: str, code: ErrorCode) -> bool:
    return any(
        (one.sop_class_uid, one.module, one.path, one.code) == (sop_class, module, path, code)
        for one in KNOWN
    )
