"""Measurements of a study: what was saved, and saving a new version."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

from pydicom.dataset import Dataset

from inference.annotations.drawing import (
    Drawing,
    Place,
    Quantity,
    caveat_of,
    checked_points,
    has_lengths,
    plane_scale,
    quantities,
)
from inference.annotations.images import StudyImages
from inference.annotations.measurement_read import (
    REPORT_CLASSES,
    MeasurementReport,
    read_measurements,
)
from inference.annotations.shape_checks import check_axes, check_circle, check_extent
from inference.annotations.stored_measurements import known_source, read_all, replaced_of
from inference.annotations.storing import check_still_there, keep, stale
from inference.calibration.by_hand import calibrate_by_hand
from inference.calibration.entities import HandCalibration
from inference.calibration.scale import NotMeasurable
from inference.results.author import Author
from storage.container.has import (
    HasDeletions,
    HasDeliveries,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasPeers,
)
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.core.sources import of_reader
from storage.core.uids import UidScheme, new_uid
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader

_SUV = "{SUV"
"""In the UCUM codes of standardized uptake values."""
_ROUNDING = 0.01
"""Relative; clients round each value by itself."""


class MeasurementStorage(
    HasIndex, HasInstances, HasGenerated, HasPeers, HasDeliveries, HasDeletions, Protocol
):
    """What of the storage layer measurements are saved with."""


def save_measurements(
    storage: MeasurementStorage,
    study_instance_uid: str,
    drawings: Sequence[Drawing],
    author: Author,
    *,
    title: str,
    predecessor_uid: str = "",
    verified: bool = False,
) -> tuple[MeasurementReport, Instance]:
    """Write a report of the drawings, in place of `predecessor_uid` where one is named.

    Lengths, areas and angles are computed here; a drawing's own `measured` are those that
    only its pixels tell. Raises NotMeasurable where a drawing has no quantity on its image,
    InvalidRequest, UidConflict for a stale predecessor.
    """
    # What encodes is large, and few processes need it.
    from inference.annotations.measurement_sr import encode_measurements

    predecessor = _predecessor(
        storage.index, storage.instances, study_instance_uid, predecessor_uid
    )
    if not drawings and predecessor is None:
        raise InvalidRequest(
            "There is no measurement to save.", remedy="Send one measurement or more."
        )
    images = StudyImages(storage.index, storage.instances, study_instance_uid)
    places: dict[tuple[str, int], Place] = {}
    whole = []
    by_hand: dict[str, HandCalibration | None] = {}
    earlier_reports: list[tuple[MeasurementReport, Instance]] = []
    for number, drawing in enumerate(drawings, start=1):
        what = f"Measurement {number} ({drawing.shape})"
        place = images.place(drawing.sop_instance_uid, drawing.frame_number)
        place = _calibrated(what, drawing, place, by_hand)
        places[drawing.sop_instance_uid, drawing.frame_number] = place
        taken_over = drawing.taken_over
        if taken_over:
            earlier_reports = earlier_reports or read_all(
                storage.index, storage.instances, study_instance_uid
            )
            taken_over = known_source(what, taken_over, earlier_reports)
        try:
            whole.append(replace(_measured(what, drawing, place), taken_over=taken_over))
        except NotMeasurable as refused:
            raise NotMeasurable(refused.obstacle, what) from None
        contradiction = _contradiction(drawing, place)
        if contradiction:
            earlier_reports = earlier_reports or read_all(
                storage.index, storage.instances, study_instance_uid
            )
        earlier = (one for report, _ in earlier_reports for one in report.drawings)
        if contradiction and not any(_states_the_same(drawing, one) for one in earlier):
            raise InvalidRequest(
                f"{what} {contradiction}.",
                remedy="State the values of the pixels as the image has them, or none.",
            )
    document = encode_measurements(
        whole,
        images.headers or _images_of(predecessor, images),
        places,
        author,
        utcnow(),
        series_instance_uid=str(predecessor.SeriesInstanceUID) if predecessor else new_uid(),
        # The same for all who follow upon one version, so that only one of them gets in.
        sop_instance_uid=_next_uid(storage.generated, predecessor_uid)
        if predecessor
        else new_uid(),
        title=title,
        verified=verified,
        predecessor=predecessor,
    )
    instance = keep(
        storage.deliveries, storage.generated, storage.peers, document, of_reader(author.name)
    )
    drawn_on = {one.sop_instance_uid for one in whole}
    check_still_there(storage.deletions, storage.index, drawn_on, instance)
    return read_measurements(document), instance


def _next_uid(generated: GeneratedInstances, predecessor_uid: str) -> str:
    def uids_of(scheme: UidScheme) -> list[str]:
        return [scheme.derive("measurements", predecessor_uid)]

    return uids_of(generated.scheme(uids_of))[0]


def _contradiction(drawing: Drawing, place: Place) -> str:
    """What cannot be of the values that are stated of its pixels; empty where all can."""
    stated = {one.quantity: one for one in drawing.measured}
    if place.modality != "PT" and any(_SUV in one.unit for one in drawing.measured):
        return f"states a standardized uptake value on an image of modality {place.modality}"
    deviation = stated.get("standard_deviation")
    if deviation is not None and deviation.value < 0:
        return f"states a standard_deviation of {deviation.value:g}, which is negative"
    order: tuple[Quantity, ...] = ("minimum", "mean", "maximum")
    for lower, upper in pairwise([stated[one] for one in order if one in stated]):
        if lower.unit != upper.unit:
            return f"states the {lower.quantity} and the {upper.quantity} in different units"
        rounded_by = _ROUNDING * max(abs(lower.value), abs(upper.value))
        if lower.value > upper.value + rounded_by:
            return (
                f"states a {lower.quantity} of {lower.value:g}, which is greater than the"
                f" {upper.quantity} of {upper.value:g}"
            )
    return ""


def _states_the_same(drawing: Drawing, earlier: Drawing) -> bool:
    """Whether it comes back with the values of an earlier report, of this node or another viewer.

    A report is sent whole: what stands in it already must not keep the rest from being saved.
    """
    return (
        (drawing.shape, drawing.sop_instance_uid, drawing.frame_number)
        == (earlier.shape, earlier.sop_instance_uid, earlier.frame_number)
        and drawing.tracking_uid == earlier.tracking_uid
        and set(drawing.measured) <= set(earlier.measured)
    )


def _calibrated(
    what: str, drawing: Drawing, place: Place, by_hand: dict[str, HandCalibration | None]
) -> Place:
    """With the calibration that a person gave the image; one for all that is drawn on it."""
    if not has_lengths(drawing.shape):
        return place
    known = by_hand.setdefault(drawing.sop_instance_uid, drawing.hand_calibration)
    if known != drawing.hand_calibration:
        raise InvalidRequest(
            f"{what} states another calibration by hand than what else is drawn on its image.",
            remedy="State the same hand_calibration of all that is drawn on an image.",
        )
    if known is None:
        return place
    for column, row in known.points:
        if not (0 <= column <= place.columns and 0 <= row <= place.rows):
            raise InvalidRequest(
                f"{what}: the line that calibrates its image lies outside of it.",
                remedy="Give a line on the image.",
            )
    image = f"The image {place.sop_instance_uid}"
    calibration = calibrate_by_hand(place.calibration, known, place.modality, image)
    return replace(place, calibration=calibration)


def _measured(what: str, drawing: Drawing, place: Place) -> Drawing:
    points = checked_points(drawing.shape, drawing.points, place)
    computed = quantities(drawing.shape, points, place, drawing.is_closed)
    check_extent(what, drawing.shape, points, computed)
    if drawing.shape == "CIRCLE":
        check_circle(what, points, place)
    if drawing.shape == "BIDIRECTIONAL":
        scale = plane_scale(drawing.shape, points, place.calibration)
        check_axes(what, points, (scale.column, scale.row))
    return replace(
        drawing,
        points=points,
        measured=(*computed, *drawing.measured),
        tracking_uid=drawing.tracking_uid or new_uid(),
        caveat=(caveat := caveat_of(drawing.shape, place)),
        value_caveat=_value_caveat(drawing, place),
        # No angle follows from the size of a pixel.
        hand_calibration=drawing.hand_calibration if caveat else None,
    )


def _value_caveat(drawing: Drawing, place: Place) -> str:
    """What speaks against the standardized uptake values that are stated of its pixels."""
    states_suv = any(_SUV in one.unit for one in drawing.measured)
    return " ".join(place.suv_doubts) if states_suv else ""


def _predecessor(
    index: Index, instances: InstanceReader, study_instance_uid: str, sop_instance_uid: str
) -> Dataset | None:
    if not sop_instance_uid:
        return None
    instance = index.instance(sop_instance_uid)
    if (
        instance.study_instance_uid != study_instance_uid
        or instance.sop_class_uid not in REPORT_CLASSES
    ):
        raise InvalidRequest(
            f"{sop_instance_uid} is not a report of this study.",
            remedy="Name the sop_instance_uid of what GET …/measurements lists.",
        )
    if sop_instance_uid in replaced_of(read_all(index, instances, study_instance_uid)):
        raise stale()
    return instances.header(instance)


def _images_of(predecessor: Dataset | None, images: StudyImages) -> dict[str, Dataset]:
    """Where nothing is drawn any more: the images of the version before."""
    if predecessor is not None:
        for drawing in read_measurements(predecessor).drawings:
            images.header(drawing.sop_instance_uid)
    if not images.headers:
        raise InvalidRequest(
            "The version before says nothing either.", remedy="Send one measurement or more."
        )
    return images.headers
