"""A DICOM Parametric Map of a container, believed after it has been checked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.containers.masks import check_corners
from inference.imaging.volume import Volume
from inference.pipeline import ParametricMap
from inference.refusals import ModelUnusable
from inference.results.masks.place import corners_of_frame, grid_of, group_of
from storage.core.findings import Code

_REMEDY = "Ask who made the image for a parametric map on the grid of the series."
_TEXT_AT_MOST, _VALUE_AT_MOST = 64, 16
_FRAMES_AT_MOST = 100_000
_STORED = {"FloatPixelData": ("<f4", 32), "DoubleFloatPixelData": ("<f8", 64)}


def read_map(dataset: Dataset, volume: Volume) -> ParametricMap:
    """Its values in the unit that it states, on the grid of the series; NaN where it has none.

    Raises ModelUnusable where it is not of this series, and what pydicom raises of what is no map.
    """
    if str(dataset.get("FrameOfReferenceUID") or "") != volume.frame_of_reference_uid:
        raise _refused("has another frame of reference than the series")
    size = (int(dataset.Rows), int(dataset.Columns))
    if size != volume.voxels.shape[1:]:
        rows, columns = volume.voxels.shape[1:]
        raise _refused(f"has {size[1]} × {size[0]} pixels; the series has {columns} × {rows}")
    frames = dataset.PerFrameFunctionalGroupsSequence
    if not 0 < len(frames) <= min(_FRAMES_AT_MOST, volume.voxels.shape[0]):
        raise _refused(f"has {len(frames)} frames; the series has {volume.voxels.shape[0]} slices")
    stored = _stored(dataset, (len(frames), *size))
    values = np.full(volume.voxels.shape, np.nan, np.float32)
    mapping = None
    taken = set()
    for number, own in enumerate(frames):
        position = group_of(dataset, own, "PlanePositionSequence").ImagePositionPatient
        k = _slice_at(volume, position)
        if k in taken:
            raise _refused("has two frames of one slice: several maps are written one by one")
        taken.add(k)
        check_corners(grid_of(volume), k, corners_of_frame(dataset, own))
        one = group_of(dataset, own, "RealWorldValueMappingSequence")
        if mapping is not None and _quantity(one) != _quantity(mapping):
            raise _refused("maps its frames to several quantities")
        mapping = one
        values[k] = _real_world(stored[number], one)
    if mapping is None:
        raise _refused("has no frames")
    label, code, unit = _quantity(mapping)
    return ParametricMap(label, code, unit, values)


def _stored(dataset: Dataset, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """As they are stored; NaN where they are padding."""
    for keyword, (form, bits) in _STORED.items():
        if keyword in dataset:
            if int(dataset.BitsAllocated) != bits:
                raise _refused(f"has {int(dataset.BitsAllocated)} bits allocated")
            pixels = np.frombuffer(dataset[keyword].value, form)
            # An even length may hold a pixel's worth of nothing more.
            values = pixels[: np.prod(shape)].reshape(shape).astype(np.float64)
            padding = dataset.get(keyword.removesuffix("Data") + "PaddingValue")
            if padding is not None:
                values[values == np.float64(padding)] = np.nan
            return values
    if (
        str(dataset.get("PixelRepresentation", "")) not in ("0", "1")
        or int(dataset.get("SamplesPerPixel", 1)) != 1
    ):
        raise _refused("has pixels that are no numbers")
    return dataset.pixel_array.reshape(shape).astype(np.float64)


def _slice_at(volume: Volume, position: Sequence[float]) -> int:
    """The slice that begins nearest to a position; where it lies exactly is looked at later."""
    kji_from_lps = np.linalg.inv(volume.lps_from_kji)
    k = float((kji_from_lps @ (*(float(one) for one in position), 1.0))[0])
    if not -0.5 < k < volume.voxels.shape[0] - 0.5:
        raise _refused("has a frame beside the slices of the series")
    return round(k)


def _real_world(stored: NDArray[np.float64], mapping: Dataset) -> NDArray[np.float32]:
    """PS3.3 C.7.6.16.2.11: by slope and intercept, within the range that is mapped."""
    slope, intercept = mapping.get("RealWorldValueSlope"), mapping.get("RealWorldValueIntercept")
    if slope is None or intercept is None:
        raise _refused("maps its values by a table, which is not read")
    found = stored * float(slope) + float(intercept)
    for first, last in (
        ("DoubleFloatRealWorldValueFirstValueMapped", "DoubleFloatRealWorldValueLastValueMapped"),
        ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"),
    ):
        if mapping.get(first) is not None and mapping.get(last) is not None:
            # Written so that a NaN fails, too.
            within = (stored >= float(mapping[first].value)) & (
                stored <= float(mapping[last].value)
            )
            found[~within] = np.nan
            break
    return found.astype(np.float32)


def _quantity(mapping: Dataset) -> tuple[str, Code, Code]:
    unit = _code(mapping.MeasurementUnitsCodeSequence[0])
    code = None
    for item in mapping.get("QuantityDefinitionSequence") or ():
        concept = item.get("ConceptCodeSequence")
        if concept:
            code = _code(concept[0])
            break
    label = str(mapping.get("LUTExplanation") or mapping.get("LUTLabel") or "").strip()
    label = label or ("" if code is None else code.meaning)
    if not (0 < len(label) <= _TEXT_AT_MOST and label.isprintable() and "\\" not in label):
        raise _refused("names its quantity by nothing, or by more than 64 letters")
    return label, code or Code(label[:_VALUE_AT_MOST], "99MEDIVIEW", label), unit


def _code(item: Dataset) -> Code:
    found = Code(str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning))
    for text, at_most in (
        (found.value, _VALUE_AT_MOST),
        (found.scheme_designator, _VALUE_AT_MOST),
        (found.meaning, _TEXT_AT_MOST),
    ):
        if not (0 < len(text) <= at_most and text.isprintable() and "\\" not in text):
            raise _refused("has a code that is none by DICOM")
    return found


def _refused(why: str) -> ModelUnusable:
    return ModelUnusable(f"A parametric map of the container {why}.", remedy=_REMEDY)
