"""What is drawn over single images as softcopy presentation states (PS3.3 A.33.1, A.33.2)."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from inference.calibration.decision import calibration_of
from inference.imaging.frames import is_multiframe, number_of_frames
from inference.imaging.grayscale import frame_transforms, is_inverted, stated_window
from inference.pipeline import ImageResult, Pipeline
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    image_object_uid,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.narrative import note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.single_images.references import frame_numbers, image_reference
from inference.results.source_references import integer_of
from storage.core.entities import Job

_LOOKUPS = (
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "SamplesPerPixel",
    "PixelRepresentation",
    "BitsStored",
    "PhotometricInterpretation",
)
_NOTE_LAYER = "NOTE"
# An aspect ratio is of whole numbers.
_RATIO_OF = 1000


@dataclass(frozen=True)
class Drawn:
    """What is drawn on one frame, or on a single-frame image where `frame_number` is None."""

    frame_number: int | None
    graphics: tuple[hd.pr.GraphicObject, ...]
    texts: tuple[hd.pr.TextObject, ...]


@dataclass(frozen=True)
class Drawing:
    """`layer` names it as a code string, `what` in words."""

    layer: str
    what: str
    color_rgb: tuple[int, int, int]
    drawn: tuple[Drawn, ...]


def written_state(
    job: Job,
    pipeline: Pipeline,
    source: Dataset,
    image: ImageResult,
    number: int,
    drawing: Drawing,
) -> Dataset:
    """The image as it asks to be shown, with what a model found drawn over it."""
    identity = result_identity(job, "GSPS")
    at = made_at(job, source)
    reference = _shown_reference(source)
    colour = int(source.get("SamplesPerPixel") or 1) > 1 or str(
        source.get("PhotometricInterpretation", "")
    ).startswith("PALETTE")
    by_ai = " by AI" if pipeline.card.is_ai else ""
    words = f"{drawing.what.capitalize()}{by_ai}, unverified"
    layer = hd.pr.GraphicLayer(
        drawing.layer,
        order=1,
        description=words,
        display_color=hd.color.CIELabColor.from_rgb(*drawing.color_rgb),
    )
    note = hd.pr.GraphicLayer(_NOTE_LAYER, order=2)
    common = {
        "referenced_images": [reference],
        "series_instance_uid": identity.series_instance_uid,
        "series_number": result_series_number(integer_of(source, "SeriesNumber"), "GSPS"),
        "sop_instance_uid": image_object_uid(job, "GSPS", image.sop_instance_uid),
        "instance_number": number,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": software_versions(pipeline),
        "device_serial_number": DEVICE_SERIAL_NUMBER,
        "content_label": f"AI_{drawing.layer}" if by_ai else drawing.layer,
        "content_description": f"{words}, research use only",
        "graphic_layers": [layer, note],
        "graphic_annotations": list(
            _annotations(pipeline, source, reference, drawing, layer, note)
        ),
        "transfer_syntax_uid": ExplicitVRLittleEndian,
        "series_description": result_series_description(pipeline, drawing.what),
        "series_date": at.date(),
        "series_time": at.time(),
    }
    if colour:
        state = hd.pr.ColorSoftcopyPresentationState(**common)
    else:
        state = hd.pr.GrayscaleSoftcopyPresentationState(
            **common,
            **_transformations(source, image),
            presentation_lut_transformation=hd.PresentationLUTTransformation(
                presentation_lut_shape="INVERSE" if is_inverted(source) else "IDENTITY"
            ),
        )
    state.PresentationCreationDate = at.strftime("%Y%m%d")
    state.PresentationCreationTime = at.strftime("%H%M%S")
    state.Laterality = None
    _keep_tables(state, source)
    _show_true_to_aspect(state, source)
    inherit_patient_and_study(state, source)
    return finish(state, at, contributing_equipment(pipeline, source, at))


def _shown_reference(source: Dataset) -> Dataset:
    """With the look-up tables that the encoder copies into the state."""
    reference = image_reference(source)
    for keyword in _LOOKUPS:
        if keyword in source and not source[keyword].is_empty:
            reference[keyword] = source[keyword]
    reference.SamplesPerPixel = int(source.get("SamplesPerPixel") or 1)
    if is_multiframe(source):
        # The encoder looks for tables of multi-frame images there alone; `_transformations` has
        # looked everywhere.
        reference.SharedFunctionalGroupsSequence = [Dataset()]
        reference.PerFrameFunctionalGroupsSequence = [Dataset()] * number_of_frames(source)
    return reference


def _transformations(source: Dataset, image: ImageResult) -> dict[str, Any]:
    """Rescale and window of a multi-frame image; those of others the encoder copies.

    A state has one of each for all frames: that of the frame which is shown.
    """
    if not is_multiframe(source):
        return {}
    stated = frame_transforms(source, (image.shown_frame_number or 1) - 1)
    found: dict[str, Any] = {}
    if stated.get("RescaleSlope") is not None and stated.get("RescaleIntercept") is not None:
        found["modality_lut_transformation"] = hd.ModalityLUTTransformation(
            rescale_slope=float(stated.RescaleSlope),
            rescale_intercept=float(stated.RescaleIntercept),
            rescale_type=str(stated.get("RescaleType") or "US"),
        )
    window = stated_window(stated)
    if window is not None:
        found["voi_lut_transformations"] = [
            hd.pr.SoftcopyVOILUTTransformation(
                window_center=window.center,
                window_width=window.width,
                voi_lut_function=window.function,
            )
        ]
    return found


def _keep_tables(state: Dataset, source: Dataset) -> None:
    """Look-up tables that show what the image's own show.

    An image's VOI LUT may have 10 to 16 bits; that of a state has 8 or 16 (PS3.3 C.11.8). The
    encoder states 16 and leaves the values, by which one of 12 bits would be shown sixteen times
    darker: they are spread here.
    """
    if "ModalityLUTSequence" in state:
        state.ModalityLUTSequence = copy.deepcopy(source.ModalityLUTSequence)
    for item in state.get("SoftcopyVOILUTSequence") or ():
        if "VOILUTSequence" in item:
            item.VOILUTSequence = [_of_sixteen_bits(table) for table in source.VOILUTSequence]


def _of_sixteen_bits(table: Dataset) -> Dataset:
    entries, first, bits = (int(one) for one in table.LUTDescriptor)
    spread = copy.deepcopy(table)
    if bits in (8, 16):
        return spread
    data = table.LUTData
    values = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data)
    scaled = np.rint(values.astype(np.float64) * (65535.0 / (2.0**bits - 1.0)))
    spread.LUTDescriptor = [entries, first, 16]
    spread.add_new("LUTData", "OW", np.clip(scaled, 0, 65535).astype("<u2").tobytes())
    return spread


def outline(corners: Sequence[tuple[float, float]]) -> hd.pr.GraphicObject:
    """Closed, through (column, row) each."""
    closed = np.array((*corners, corners[0]), np.float32)
    return hd.pr.GraphicObject("POLYLINE", closed, "PIXEL")


def _annotations(
    pipeline: Pipeline,
    source: Dataset,
    reference: Dataset,
    drawing: Drawing,
    layer: hd.pr.GraphicLayer,
    note: hd.pr.GraphicLayer,
) -> Iterator[hd.pr.GraphicAnnotation]:
    for one in drawing.drawn:
        numbers = frame_numbers(source, one.frame_number)
        yield hd.pr.GraphicAnnotation(
            referenced_images=[reference],
            graphic_layer=layer,
            referenced_frame_number=None if numbers is None else numbers[0],
            graphic_objects=list(one.graphics),
            text_objects=list(one.texts),
        )
    text = f"{pipeline.name} {pipeline.version}. {note_of(pipeline)}"
    yield hd.pr.GraphicAnnotation(
        referenced_images=[reference],
        graphic_layer=note,
        text_objects=[
            hd.pr.TextObject(text, "DISPLAY", (0.0, 0.95, 1.0, 1.0), text_justification="LEFT")
        ],
    )


def _show_true_to_aspect(state: Dataset, source: Dataset) -> None:
    """Pixels need not be square (PS3.3 C.10.4); 1:1 is stated of those alone that are."""
    (area,) = state.DisplayedAreaSelectionSequence
    # Of images with several levels of detail alone.
    del area.PixelOriginInterpretation
    calibration = calibration_of(source)
    row, column = calibration.aspect
    if row == column:
        return
    if calibration.spacing_mm is None:
        area.PresentationPixelAspectRatio = [
            round(one * _RATIO_OF / column) for one in (row, column)
        ]
        return
    del area.PresentationPixelAspectRatio
    area.PresentationPixelSpacing = [format_number_as_ds(one) for one in calibration.spacing_mm]
