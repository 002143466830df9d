"""The images a report rests on, described once for all of them (PS3.16 TID 1600)."""

from collections.abc import Sequence

import highdicom as hd
from highdicom.sr.value_types import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode

from inference.calibration.decision import calibration_of

_CONTAINS = hd.sr.RelationshipTypeValues.CONTAINS
_CONTEXT = hd.sr.RelationshipTypeValues.HAS_ACQ_CONTEXT
_SOURCE = DicomCode("260753009", "SCT", "Source")
_PIXELS = DicomCode("{pixels}", "UCUM", "Pixels")
_MODALITIES = {
    "MR": codes.cid29.MagneticResonance,
    "CT": codes.cid29.ComputedTomography,
    "PT": codes.cid29.PositronEmissionTomography,
    "CR": codes.cid29.ComputedRadiography,
    "DX": codes.cid29.DigitalRadiography,
    "ES": codes.cid29.Endoscopy,
    "MG": codes.cid29.Mammography,
    "RF": codes.cid29.Radiofluoroscopy,
    "US": codes.cid29.Ultrasound,
    "XA": codes.cid29.XRayAngiography,
    "XC": codes.cid29.ExternalCameraPhotography,
}


def image_library(references: Sequence[Dataset]) -> ContainerContentItem:
    """One group of all the images, which share modality, size and frame of reference.

    What they share is stated once for the group (TID 1602), so that a report on a thousand
    slices stays small; what differs is in the images themselves.
    """
    library = _container(codes.DCM.ImageLibrary)
    library.ContentSequence.append(_group(references))
    return library


def library_of_single_images(references: Sequence[Dataset]) -> ContainerContentItem:
    """A group for each image: films of one series need not be of one size."""
    library = _container(codes.DCM.ImageLibrary)
    for reference in references:
        library.ContentSequence.append(_group([reference]))
    return library


def _group(references: Sequence[Dataset]) -> ContainerContentItem:
    group = _container(codes.DCM.ImageLibraryGroup)
    group.ContentSequence.extend(_shared(references[0]))
    # One for all: the encoder would make a sequence of its own of the code for each image.
    source = hd.sr.CodedConcept.from_code(_SOURCE)
    for reference in references:
        group.ContentSequence.append(
            ImageContentItem(
                name=source,
                referenced_sop_class_uid=reference.SOPClassUID,
                referenced_sop_instance_uid=reference.SOPInstanceUID,
                relationship_type=_CONTAINS,
            )
        )
    return group


def _container(name: DicomCode) -> ContainerContentItem:
    item = ContainerContentItem(name=name, relationship_type=_CONTAINS)
    item.ContentSequence = ContentSequence()
    return item


def _shared(reference: Dataset) -> list[ContentItem]:
    items: list[ContentItem] = []
    modality = _MODALITIES.get(str(reference.get("Modality", "")))
    if modality is not None:
        items.append(
            CodeContentItem(name=codes.DCM.Modality, value=modality, relationship_type=_CONTEXT)
        )
    if reference.get("FrameOfReferenceUID"):
        items.append(
            UIDRefContentItem(
                name=codes.DCM.FrameOfReferenceUID,
                value=reference.FrameOfReferenceUID,
                relationship_type=_CONTEXT,
            )
        )
    numbers = [
        (codes.DCM.PixelDataRows, reference.Rows, _PIXELS),
        (codes.DCM.PixelDataColumns, reference.Columns, _PIXELS),
    ]
    if "PixelSpacing" in reference and calibration_of(reference).source == "pixel_spacing":
        # PixelSpacing states the distance between rows first, which is the vertical one.
        numbers += [
            (codes.DCM.HorizontalPixelSpacing, reference.PixelSpacing[1], codes.UCUM.Millimeter),
            (codes.DCM.VerticalPixelSpacing, reference.PixelSpacing[0], codes.UCUM.Millimeter),
        ]
    items += [
        NumContentItem(name=name, value=value, unit=unit, relationship_type=_CONTEXT)
        for name, value, unit in numbers
    ]
    return items
