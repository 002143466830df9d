"""The images a report rests on, described once for all of them (PS3.16 TID 1600)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import highdicom as hd
import numpy as np
from highdicom.sr.value_types import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    UIDRefContentItem,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode

from inference.calibration.decision import calibration_of
from inference.imaging.geometry import upright_step
from inference.imaging.headers import number
from inference.imaging.volume import Volume

_CONTAINS = hd.sr.RelationshipTypeValues.CONTAINS
_CONTEXT = hd.sr.RelationshipTypeValues.HAS_ACQ_CONTEXT
_SOURCE = DicomCode("260753009", "SCT", "Source")
_COSINE = DicomCode("{-1:1}", "UCUM", "{-1:1}")
_DECIMALS = 6
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


@dataclass(frozen=True)
class Grid:
    """What TID 1604 asks of cross-sectional images, and all of them share. In mm, LPS."""

    between_columns_mm: float
    between_rows_mm: float
    between_slices_mm: float
    """From the middle of one to that of the next, at right angles to their planes."""
    thickness_mm: float | None
    """None where the headers state none, or several."""
    row: tuple[float, float, float]
    column: tuple[float, float, float]


def grid_of(volume: Volume, sources: Sequence[Dataset]) -> Grid:
    """By the positions of the slices, and not by what some header says of their distance."""
    affine = volume.lps_from_kji
    _, rows_mm, columns_mm = volume.spacing_mm
    return Grid(
        columns_mm,
        rows_mm,
        float(np.linalg.norm(upright_step(affine))),
        _thickness_mm(sources),
        _cosines(affine[:3, 2]),
        _cosines(affine[:3, 1]),
    )


def _cosines(step: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(one) for one in step / np.linalg.norm(step))
    return x, y, z


def _thickness_mm(sources: Sequence[Dataset]) -> float | None:
    stated = {value for source in sources for value in _thicknesses(source)}
    return stated.pop() if len(stated) == 1 else None


def _thicknesses(source: Dataset) -> Iterator[float | None]:
    """As numbers: decimal strings write one in many ways (PS3.5 6.2)."""
    groups = [
        group
        for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        for group in source.get(name) or ()
    ]
    measures = [one for group in groups for one in group.get("PixelMeasuresSequence") or ()]
    for one in measures or [source]:
        yield number([one], "SliceThickness")


def image_library(references: Sequence[Dataset], grid: Grid | None = None) -> ContainerContentItem:
    """One group of all the images, which share modality, size and frame of reference.

    What they share is stated once for the group (TID 1602, and of the slices of a volume TID 1604),
    so that a report on a thousand slices stays small; what differs is in the images themselves.
    """
    library = _container(codes.DCM.ImageLibrary)
    library.ContentSequence.append(_group(references, grid))
    return library


def library_of_single_images(references: Sequence[Dataset]) -> ContainerContentItem:
    """A group for each image: films of one series need not be of one size."""
    library = _container(codes.DCM.ImageLibrary)
    for reference in references:
        library.ContentSequence.append(_group([reference]))
    return library


def _group(references: Sequence[Dataset], grid: Grid | None = None) -> ContainerContentItem:
    group = _container(codes.DCM.ImageLibraryGroup)
    group.ContentSequence.extend(_shared(references[0], grid))
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


def _shared(reference: Dataset, grid: Grid | None) -> list[ContentItem]:
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
    if grid is not None:
        numbers += _of_slices(grid)
    elif "PixelSpacing" in reference and calibration_of(reference).source == "pixel_spacing":
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


def _of_slices(grid: Grid) -> Iterator[tuple[DicomCode, float, DicomCode]]:
    """TID 1604; the positions, which differ, are in the images."""
    mm = codes.UCUM.Millimeter
    yield codes.DCM.HorizontalPixelSpacing, round(grid.between_columns_mm, _DECIMALS), mm
    yield codes.DCM.VerticalPixelSpacing, round(grid.between_rows_mm, _DECIMALS), mm
    yield codes.DCM.SpacingBetweenSlices, round(grid.between_slices_mm, _DECIMALS), mm
    if grid.thickness_mm is not None:
        yield codes.DCM.SliceThickness, grid.thickness_mm, mm
    names = (
        codes.DCM.ImageOrientationPatientRowX,
        codes.DCM.ImageOrientationPatientRowY,
        codes.DCM.ImageOrientationPatientRowZ,
        codes.DCM.ImageOrientationPatientColumnX,
        codes.DCM.ImageOrientationPatientColumnY,
        codes.DCM.ImageOrientationPatientColumnZ,
    )
    for name, value in zip(names, (*grid.row, *grid.column), strict=True):
        # Rounding leaves a zero with a sign.
        yield name, round(value, _DECIMALS) + 0.0, _COSINE
