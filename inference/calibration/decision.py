"""What the header of a frame says of the size of its pixels.

Rules in the order in which they apply; the first that fits decides (docs/calibration.md):
ultrasound regions (PS3.3 C.8.5.5), Pixel Spacing (10.7.1.1, C.7.6.16.2.1), the object's
spacing in the centre of the beam (C.8.19.6.9), Imager Pixel Spacing with the magnification
(C.8.11.4, C.8.11.5), Image Plane Pixel Spacing (C.8.8.2), Nominal Scanned Pixel Spacing
(C.8.6), none.
"""

import math
from collections.abc import Iterator
from contextlib import suppress

from pydicom.dataset import Dataset
from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from inference.calibration.entities import Calibration, Caveat, Source
from inference.calibration.plausible import is_plausible
from inference.calibration.ultrasound import regions_of

Spacing = tuple[float, float]
Statement = tuple[Source, Spacing, tuple[Caveat, ...]]
_TYPES: dict[str, Caveat] = {"GEOMETRY": "assumed_geometry", "FIDUCIAL": "fiducial"}
_PIXEL_DATA = "FramePixelDataPropertiesSequence"
_PROJECTION = "ProjectionPixelCalibrationSequence"
# Modality rather than SOP class: a private class of a detector is a projection too.
_PROJECTIONS = {"CR", "DX", "MG", "IO", "PX", "XA", "RF", "RG", "RTIMAGE", "BI"}
_IN_THE_PATIENT = {"CT", "MR", "PT", "NM", "RTDOSE", "SM", "OPT", "IVOCT", "OCT", "OPTENF"}
_SECONDARY = {
    str(uid)
    for uid in (
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    )
}
_SAME = 1e-4
_GREATEST_MAGNIFICATION = 10.0
_GREATEST_ELONGATION = 20.0


def calibration_of(header: Dataset, frame_number: int = 1) -> Calibration:
    """Decide for one frame, counted from 1; pixels are not read."""
    aspect = _proportions(_pair(header, "PixelAspectRatio") or (1.0, 1.0))
    regions = regions_of(header)
    if regions:
        return Calibration("ultrasound_regions", None, aspect, regions, ("regions_only",))
    void: tuple[Caveat, ...] = ()
    modality = str(header.get("Modality") or "")
    for source, spacing, caveats in _statements(header, frame_number):
        if is_plausible(modality, spacing):
            return Calibration(source, spacing, spacing, (), (*void, *caveats))
        if not void:
            # Absurd in size, it may still be right in its proportions: those are not made up.
            void, aspect = ("implausible_spacing",), _proportions((spacing[0] / spacing[1], 1.0))
    if not void and _is_void(header, frame_number):
        void = ("invalid_spacing",)
    return Calibration("none", None, aspect, (), (*void, "no_calibration"))


def _statements(header: Dataset, frame_number: int) -> Iterator[Statement]:
    """What the header states, the best of it first."""
    imager = _first(header, frame_number, _PIXEL_DATA, "ImagerPixelSpacing") or _pair(
        header, "ImagerPixelSpacing"
    )
    scanned = _pair(header, "NominalScannedPixelSpacing")
    measures = _first(header, frame_number, "PixelMeasuresSequence", "PixelSpacing")
    stated = measures or _pair(header, "PixelSpacing")
    kind = str(header.get("PixelSpacingCalibrationType") or "").strip().upper()
    # The same values again, and no word of a calibration: that of the detector (10.7.1.1).
    is_copy = not kind and stated is not None and any(_alike(stated, o) for o in (imager, scanned))
    if stated is not None and not is_copy:
        has_plane = any(_items(header, frame_number, "PlaneOrientationSequence"))
        in_target = bool(measures) and (has_plane or imager is None)
        caveat = _TYPES.get(kind) or _untyped(header, imager or scanned, in_target=in_target)
        yield "pixel_spacing", stated, (caveat,) if caveat else ()
    in_beam = _first(header, frame_number, _PROJECTION, "ObjectPixelSpacingInCenterOfBeam")
    if in_beam is not None:
        yield "object_pixel_spacing", in_beam, ("beam_center",)
    if imager is not None:
        factor = _magnification(header, frame_number)
        caveat = "at_detector" if factor == 1.0 else "estimated_magnification"
        yield "imager_pixel_spacing", (imager[0] / factor, imager[1] / factor), (caveat,)
    in_plane = _pair(header, "ImagePlanePixelSpacing")
    if in_plane is not None:
        yield "image_plane_pixel_spacing", in_plane, ("at_detector",)
    if scanned is not None:
        yield "nominal_scanned_pixel_spacing", scanned, ("scanned_medium",)


def _untyped(header: Dataset, uncorrected: Spacing | None, *, in_target: bool) -> Caveat | None:
    """Of a Pixel Spacing without calibration type (10.7.1.2): by what stands beside it.

    `in_target`: it is that of Pixel Measures, of no projection (an enhanced XA has neither plane).
    """
    is_secondary = str(header.get("SOPClassUID", "")) in _SECONDARY
    modality = str(header.get("Modality", ""))
    stated = header.get("ImageType") or ()
    kinds = {
        str(one).strip(" \0").upper() for one in ((stated,) if isinstance(stated, str) else stated)
    }
    if modality == "CT" and "LOCALIZER" in kinds:
        return "localizer"
    if modality == "MR" and "MOSAIC" in kinds:
        return "mosaic"
    if in_target and not is_secondary:
        return None
    if uncorrected is not None:
        return "correction_unstated"
    in_patient = modality in _IN_THE_PATIENT or bool(header.get("ImageOrientationPatient"))
    trusted = in_patient and not is_secondary and modality not in _PROJECTIONS
    return None if trusted else "calibration_unstated"


def _magnification(header: Dataset, frame_number: int) -> float:
    """Source to receptor over source to object (0018,1114); 1 where it corrects nothing."""
    for holder in (*_items(header, frame_number, "XRayGeometrySequence"), header):
        with suppress(TypeError, ValueError):
            factor = float(holder.get("EstimatedRadiographicMagnificationFactor"))
            if 1.0 < factor < _GREATEST_MAGNIFICATION:
                return factor
    return 1.0


def _is_void(header: Dataset, frame_number: int) -> bool:
    """Whether a spacing is stated that cannot be one, such as 0\\0."""
    keywords = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    holders = [header, *_items(header, frame_number, "PixelMeasuresSequence")]
    return any(holder.get(keyword) for holder in holders for keyword in keywords)


def _first(header: Dataset, frame_number: int, sequence: str, keyword: str) -> Spacing | None:
    """Of the functional groups: the frame's own, or else that of all frames (C.7.6.16)."""
    for item in _items(header, frame_number, sequence):
        spacing = _pair(item, keyword)
        if spacing is not None:
            return spacing
    return None


def _items(header: Dataset, frame_number: int, sequence: str) -> Iterator[Dataset]:
    frames = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for group in (*frames[frame_number - 1 : frame_number], *shared[:1]):
        if isinstance(group, Dataset):
            items = (group.get(sequence) or ())[:1]
            yield from (item for item in items if isinstance(item, Dataset))


def _proportions(aspect: Spacing) -> Spacing:
    """Square where pixels would be as long as no detector's: such a picture cannot be drawn."""
    ratio = aspect[0] / aspect[1]
    return aspect if 1 / _GREATEST_ELONGATION <= ratio <= _GREATEST_ELONGATION else (1.0, 1.0)


def _pair(dataset: Dataset, keyword: str) -> Spacing | None:
    """Two positive numbers: between rows first, then between columns (10.7.1.3)."""
    try:
        row, column = (float(one) for one in dataset.get(keyword) or ())
    except (TypeError, ValueError):
        return None
    valid = math.isfinite(row) and math.isfinite(column) and row > 0 and column > 0
    return (row, column) if valid else None


def _alike(one: Spacing, other: Spacing | None) -> bool:
    return other is not None and all(
        math.isclose(a, b, rel_tol=_SAME) for a, b in zip(one, other, strict=True)
    )
