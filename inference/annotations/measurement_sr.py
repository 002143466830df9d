"""Drawings as a Measurement Report: TID 1500 with a TID 1501 group for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import highdicom as hd
import numpy as np
from highdicom.sr.value_types import (
    CompositeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    NumContentItem,
    TextContentItem,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ExplicitVRLittleEndian

from inference.annotations import codes as words
from inference.annotations.drawing import Drawing, Measured, Place, TakenOver
from inference.annotations.vertebrae import site_of
from inference.calibration.circles import axes_of_circle, is_circle_of_pixels
from inference.calibration.decision import calibration_of
from inference.calibration.entities import HandCalibration
from inference.imaging.stack_discriminators import key_of
from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER, local_time
from inference.results.author import Author
from inference.results.coding import dicom_code
from inference.results.equipment import finish, node_equipment
from inference.results.observer import PLACEHOLDER, name_verifier, observation_context
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import reference_to
from inference.results.sr.document import procedure_reported
from inference.results.sr.image_library import image_library
from storage.core.findings import Code
from storage.core.text.long_string import long_string
from storage.core.uids import new_uid

_GRAPHICS = {
    "ELLIPSE": hd.sr.GraphicTypeValues.ELLIPSE,
    "CIRCLE": hd.sr.GraphicTypeValues.CIRCLE,
    "POINT": hd.sr.GraphicTypeValues.POINT,
    "TEXT": hd.sr.GraphicTypeValues.POINT,
    "VERTEBRA": hd.sr.GraphicTypeValues.POINT,
}
SERIES_NUMBER = 9_900


def encode_measurements(
    drawings: Sequence[Drawing],
    sources: Mapping[str, Dataset],
    places: Mapping[tuple[str, int], Place],
    author: Author,
    at: datetime,
    *,
    series_instance_uid: str,
    sop_instance_uid: str,
    title: str,
    verified: bool = False,
    predecessor: Dataset | None = None,
) -> Dataset:
    """A Comprehensive SR of what a person measured, VERIFIED where that person says so.

    `sources`: headers by SOPInstanceUID of every image that is drawn on; there is at least
    one. `places`: by SOPInstanceUID and frame number. `predecessor` is the version that this
    one takes the place of: its series is kept, and it is named in the Predecessor Documents
    Sequence.
    """
    first = next(iter(sources.values()))
    study_instance_uid = str(first.StudyInstanceUID)
    at = local_time(at, first)
    references = [_reference(source) for source in sources.values()]
    report = hd.sr.MeasurementReport(
        observation_context=observation_context(author),
        procedure_reported=procedure_reported(first),
        imaging_measurements=[
            _group(_as_written(drawing, place), place)
            for drawing in drawings
            for place in (places[drawing.sop_instance_uid, drawing.frame_number],)
        ]
        or [_nothing()],
        title=codes.cid7021.ImagingMeasurementReport,
    )
    children = report[0].ContentSequence
    if not drawings:
        children.pop()
        children.append(_withdrawn())
    for library in _libraries(references):
        children.insert(len(children) - 1, library)
    verifying = {
        "is_verified": True,
        "is_final": True,
        "verifying_observer_name": PLACEHOLDER,
        "verifying_organization": long_string(str(first.get("InstitutionName") or MANUFACTURER)),
    }
    document = hd.sr.ComprehensiveSR(
        evidence=[
            *references,
            *(_evidence(one.taken_over, study_instance_uid) for one in drawings if one.taken_over),
        ],
        content=report[0],
        series_instance_uid=series_instance_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=sop_instance_uid,
        instance_number=int(predecessor.InstanceNumber) + 1 if predecessor else 1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        previous_versions=None if predecessor is None else [predecessor],
        is_complete=True,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=long_string(title),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
        **(verifying if verified else {}),
    )
    name_verifier(document, author)
    for observer in document.get("VerifyingObserverSequence") or ():
        observer.VerificationDateTime = at.strftime("%Y%m%d%H%M%S%z")
    inherit_patient_and_study(document, first)
    return finish(document, at, node_equipment(at))


def _reference(source: Dataset) -> Dataset:
    """Without a Pixel Spacing that is not what its pixels are worth: the library would state it."""
    reference = reference_to(source)
    if calibration_of(source).source != "pixel_spacing":
        reference.pop("PixelSpacing", None)
    return reference


def _libraries(references: Sequence[Dataset]) -> list[Dataset]:
    """One for all images that share what it states of them; TID 1500 has room for one alone."""
    kinds = {
        (one.get("Modality"), one.get("Rows"), one.get("Columns"), key_of(one.get("PixelSpacing")))
        for one in references
    }
    return [image_library(references)] if len(kinds) == 1 else []


def _nothing() -> hd.sr.MeasurementsAndQualitativeEvaluations:
    """The encoder wants a group; it is taken out again."""
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        hd.sr.TrackingIdentifier(uid=new_uid(), identifier="none")
    )


def _withdrawn() -> ContainerContentItem:
    """TID 1500 row 12: a report without measurements says why in words."""
    container = ContainerContentItem(
        name=DicomCode("C0034375", "UMLS", "Qualitative Evaluations"),
        relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
    )
    container.ContentSequence = ContentSequence(
        [_text(words.COMMENT, "All measurements of the version before were withdrawn.")]
    )
    return container


def _group(drawing: Drawing, place: Place) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    tracking = hd.sr.TrackingIdentifier(
        uid=drawing.tracking_uid,
        identifier=_tool(drawing),
    )
    site = site_of(drawing.label) if drawing.shape == "VERTEBRA" else None
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        finding_type=DicomCode(words.FREE_TEXT, words.FREE_TEXT_SCHEME, long_string(drawing.label))
        if drawing.label
        else None,
        measurements=_measurements(drawing, place),
        finding_sites=[hd.sr.FindingSite(dicom_code(site))] if site else None,
    )
    texts = (
        (words.COMMENT, drawing.label),
        (words.CALIBRATION, drawing.caveat),
        (words.SUV_CAVEAT, drawing.value_caveat),
    )
    for name, text in texts:
        if text:
            group[0].ContentSequence.append(_text(name, text))
    return group


def _as_written(drawing: Drawing, place: Place) -> Drawing:
    """CIRCLE is one of pixels (PS3.3 C.18.6.1.2): one in mm is an ELLIPSE where they are not
    square."""
    calibration, points = place.calibration, drawing.points
    if drawing.shape != "CIRCLE" or is_circle_of_pixels(points[0], calibration):
        return drawing
    return replace(drawing, shape="ELLIPSE", points=axes_of_circle(points, calibration))


def _text(name: Code, value: str) -> TextContentItem:
    return TextContentItem(dicom_code(name), value, hd.sr.RelationshipTypeValues.CONTAINS)


def _evidence(taken_over: TakenOver, study_instance_uid: str) -> Dataset:
    evidence = Dataset()
    evidence.SOPClassUID = taken_over.sop_class_uid
    evidence.SOPInstanceUID = taken_over.sop_instance_uid
    evidence.SeriesInstanceUID = taken_over.series_instance_uid
    evidence.StudyInstanceUID = study_instance_uid
    return evidence


def _inferred_from(taken_over: TakenOver) -> list[ContentItem]:
    """Of a NUM: the report, the drawing in it, and its maker (INFERRED FROM)."""
    relation = hd.sr.RelationshipTypeValues.INFERRED_FROM
    name = dicom_code(words.TAKEN_OVER_FROM)
    items: list[ContentItem] = [
        CompositeContentItem(
            name, taken_over.sop_class_uid, taken_over.sop_instance_uid, relationship_type=relation
        )
    ]
    if taken_over.tracking_uid:
        uid = taken_over.tracking_uid
        items.append(UIDRefContentItem(dicom_code(words.TRACKING_UID), uid, relation))
    if taken_over.maker:
        items.append(TextContentItem(name, taken_over.maker, relation))
    return items


def _tool(drawing: Drawing) -> str:
    on_axes = (
        drawing.shape == "LENGTH"
        and drawing.measured[:1]
        and (drawing.measured[0].quantity != "length")
    )
    return words.AXIS_DIFFERENCE if on_axes else words.TRACKING_PREFIX + words.TOOLS[drawing.shape]


def _measurements(drawing: Drawing, place: Place) -> list[hd.sr.Measurement]:
    """The first holds the coordinates, and of a bidirectional one each axis its own."""
    measured = drawing.measured or (Measured("value", 0.0, "1"),)
    lines = _lines(drawing)
    numbers = [
        hd.sr.Measurement(
            name=dicom_code(
                words.COBB_ANGLE
                if drawing.shape == "COBB_ANGLE"
                else words.QUANTITIES[one.quantity]
            ),
            # What DS has no room for stands in Floating Point Value (PS3.3 C.18.1).
            value=float(one.value),
            unit=DicomCode(one.unit, "UCUM", words.UNITS.get(one.unit, one.unit)),
            referenced_coordinates=[_coordinates(drawing, place, lines[index])]
            if index < len(lines)
            else None,
        )
        for index, one in enumerate(measured)
    ]
    if drawing.taken_over:
        numbers[0][0].ContentSequence.extend(_inferred_from(drawing.taken_over))
    if drawing.hand_calibration:
        numbers[0][0].ContentSequence.append(_calibration(drawing.hand_calibration, place))
    return numbers


def _calibration(by_hand: HandCalibration, place: Place) -> NumContentItem:
    """Of a NUM: the length that a person stated, and the line that has it (INFERRED FROM)."""
    item = NumContentItem(
        name=dicom_code(words.CALIBRATION),
        value=by_hand.length_mm,
        unit=DicomCode("mm", "UCUM", words.UNITS["mm"]),
        relationship_type=hd.sr.RelationshipTypeValues.INFERRED_FROM,
    )
    line = _line(hd.sr.GraphicTypeValues.POLYLINE, place, by_hand.points)
    item.ContentSequence = ContentSequence([line])
    return item


def _lines(drawing: Drawing) -> list[list[tuple[float, float]]]:
    points = list(drawing.points)
    if drawing.shape == "BIDIRECTIONAL":
        return [points[:2], points[2:]]
    if drawing.shape == "ANGLE":
        # The two lines one after the other: the vertex stands twice.
        return [[points[0], points[1], points[1], points[2]]]
    if drawing.shape == "RECTANGLE" or (drawing.shape == "FREEHAND" and drawing.is_closed):
        return [[*points, points[0]]]
    return [points]


def _coordinates(
    drawing: Drawing, place: Place, points: Sequence[tuple[float, float]]
) -> hd.sr.CoordinatesForMeasurement:
    graphic = _GRAPHICS.get(drawing.shape, hd.sr.GraphicTypeValues.POLYLINE)
    return _line(graphic, place, points)


def _line(
    graphic: hd.sr.GraphicTypeValues, place: Place, points: Sequence[tuple[float, float]]
) -> hd.sr.CoordinatesForMeasurement:
    return hd.sr.CoordinatesForMeasurement(
        graphic_type=graphic,
        graphic_data=np.asarray(points, np.float64),
        source_image=hd.sr.SourceImageForRegion(
            referenced_sop_class_uid=place.sop_class_uid,
            referenced_sop_instance_uid=place.sop_instance_uid,
            referenced_frame_numbers=[place.frame_number] if place.is_multiframe else None,
        ),
    )
