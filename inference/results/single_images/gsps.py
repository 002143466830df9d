"""Boxes in single images as softcopy presentation states (PS3.3 A.33.1, A.33.2)."""

import copy
from collections.abc import Iterator
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from inference.calibration.decision import calibration_of
from inference.imaging.frames import is_multiframe, number_of_frames
from inference.imaging.grayscale import frame_transforms, is_inverted, stated_window
from inference.pipeline import FoundBox, ImageResult, Pipeline
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
from inference.results.narrative import as_dicom_text, note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.single_images.references import frame_numbers, image_reference
from inference.results.source_references import integer_of
from storage.core.entities import Job
from storage.core.text.rounding import rounded, shown_decimals

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
_LAYER, _NOTE_LAYER = "BOXES", "NOTE"
_YELLOW = (255, 214, 10)
# An aspect ratio is of whole numbers.
_RATIO_OF = 1000


def encode_boxes(
    job: Job, pipeline: Pipeline, source: Dataset, image: ImageResult, number: int
) -> Dataset:
    """The image as it asks to be shown, with each box drawn around what it encloses.

    Corners are in the PIXEL units of PS3.3 C.10.5.1.2, exact to a fraction of a pixel; a box need
    not be parallel to rows and columns. `number` is that of the object in its series.
    """
    identity = result_identity(job, "GSPS")
    at = made_at(job, source)
    reference = _shown_reference(source)
    colour = int(source.get("SamplesPerPixel") or 1) > 1 or str(
        source.get("PhotometricInterpretation", "")
    ).startswith("PALETTE")
    by_ai = " by AI" if pipeline.card.is_ai else ""
    layer = hd.pr.GraphicLayer(
        _LAYER,
        order=1,
        description=f"Boxes{by_ai}, unverified",
        display_color=hd.color.CIELabColor.from_rgb(
            *(image.boxes[0].color_rgb if image.boxes else _YELLOW)
        ),
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
        "content_label": "AI_BOXES" if by_ai else "BOXES",
        "content_description": f"Boxes{by_ai}, unverified, research use only",
        "graphic_layers": [layer, note],
        "graphic_annotations": list(_annotations(pipeline, source, reference, image, layer, note)),
        "transfer_syntax_uid": ExplicitVRLittleEndian,
        "series_description": result_series_description(pipeline, "boxes"),
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


def _annotations(
    pipeline: Pipeline,
    source: Dataset,
    reference: Dataset,
    image: ImageResult,
    layer: hd.pr.GraphicLayer,
    note: hd.pr.GraphicLayer,
) -> Iterator[hd.pr.GraphicAnnotation]:
    by_frame: dict[int | None, list[FoundBox]] = {}
    for box in image.boxes:
        by_frame.setdefault(box.frame_number, []).append(box)
    for frame_number, boxes in by_frame.items():
        numbers = frame_numbers(source, frame_number)
        yield hd.pr.GraphicAnnotation(
            referenced_images=[reference],
            graphic_layer=layer,
            referenced_frame_number=None if numbers is None else numbers[0],
            graphic_objects=[
                hd.pr.GraphicObject("POINT", np.array(box.corners, np.float32), "PIXEL")
                if len(box.corners) == 1
                else hd.pr.GraphicObject(
                    "POLYLINE",
                    np.array((*box.corners, box.corners[0]), np.float32),
                    "PIXEL",
                )
                for box in boxes
            ],
            text_objects=[
                hd.pr.TextObject(
                    as_dicom_text(_said_of(box)),
                    "PIXEL",
                    anchor_point=(
                        max(x for x, _ in box.corners),
                        min(y for _, y in box.corners),
                    ),
                    anchor_point_visible=False,
                )
                for box in boxes
            ],
        )
    text = f"{pipeline.name} {pipeline.version}. {note_of(pipeline)}"
    yield hd.pr.GraphicAnnotation(
        referenced_images=[reference],
        graphic_layer=note,
        text_objects=[
            hd.pr.TextObject(text, "DISPLAY", (0.0, 0.95, 1.0, 1.0), text_justification="LEFT")
        ],
    )


def _said_of(box: FoundBox) -> str:
    if box.measurement is not None:
        value, unit = box.measurement.value, box.measurement.unit.value
        return f"{box.label} {rounded(value, shown_decimals(value, unit))} {unit}"
    return box.label if box.confidence is None else f"{box.label} {box.confidence:.0%}"


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
