"""Kinds of images by kinds of calibration, against values computed by hand.

`viewer/tests/dicom/calibration/calibration.test.ts` checks the viewer against the same file.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from inference.annotations.drawing import Place, caveat_of, checked_points, quantities
from inference.calibration.by_hand import calibrate_by_hand
from inference.calibration.decision import calibration_of
from inference.calibration.entities import CAVEATS, Calibration, Caveat, HandCalibration
from inference.calibration.scale import NotMeasurable, shown_scale_mm

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("matrix.json").read_text(encoding="utf-8")
)


def header_of(attributes: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        is_sequence = keyword.endswith("Sequence") or keyword == "SequenceOfUltrasoundRegions"
        setattr(dataset, keyword, [header_of(item) for item in value] if is_sequence else value)
    return dataset


def place_of(case: dict[str, Any]) -> Place:
    header = header_of(case["header"])
    frame_number = case.get("frame_number", 1)
    return Place(
        sop_class_uid=str(header.SOPClassUID),
        sop_instance_uid="2.25.1",
        frame_number=frame_number,
        rows=header.Rows,
        columns=header.Columns,
        is_multiframe="NumberOfFrames" in header,
        calibration=_calibration(case, calibration_of(header, frame_number)),
    )


def _calibration(case: dict[str, Any], stated: Calibration) -> Calibration:
    given = case.get("hand_calibration")
    if given is None:
        return stated
    start, end = (tuple(point) for point in given["points"])
    line = HandCalibration((start, end), given["length_mm"])
    return calibrate_by_hand(stated, line, case["header"]["Modality"])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_a_pixel_is_worth(case: dict[str, Any]) -> None:
    calibration = place_of(case).calibration
    assert calibration.source == case["source"]
    assert calibration.spacing_mm == (
        None if case["spacing_mm"] is None else pytest.approx(tuple(case["spacing_mm"]), rel=1e-6)
    )
    assert list(calibration.caveats) == case["caveats"]
    bar = shown_scale_mm(calibration)
    assert bar == (
        None if case["bar_mm"] is None else pytest.approx(tuple(case["bar_mm"]), rel=1e-6)
    )


@pytest.mark.parametrize(
    ("case", "drawing"),
    [(case, drawing) for case in CASES for drawing in case["drawings"]],
    ids=[
        f"{case['name']}: {drawing['shape']} {number}"
        for case in CASES
        for number, drawing in enumerate(case["drawings"])
    ],
)
def test_what_is_drawn_is_worth_what_was_computed_by_hand(
    case: dict[str, Any], drawing: dict[str, Any]
) -> None:
    place = place_of(case)
    given = [(float(x), float(y)) for x, y in drawing["points"]]
    shape = drawing["shape"]
    if "refused" in drawing:
        with pytest.raises(NotMeasurable) as refused:
            quantities(shape, checked_points(shape, given, place), place)
        assert refused.value.obstacle == drawing["refused"]
        assert str(refused.value).startswith("The drawing cannot be measured: ")
        return
    points = checked_points(shape, given, place)
    found = quantities(shape, points, place, drawing.get("is_closed", False))
    expected = drawing["measured"]
    assert [(one.quantity, one.unit) for one in found] == [(one[0], one[2]) for one in expected]
    assert [one.value for one in found] == pytest.approx([one[1] for one in expected], abs=1e-5)


def test_every_caveat_of_the_rules_is_in_the_table() -> None:
    seen: set[Caveat] = {caveat for case in CASES for caveat in case["caveats"]}
    assert seen == set(CAVEATS)


def test_the_caveat_goes_with_lengths_and_areas_and_not_with_an_angle() -> None:
    (case,) = (case for case in CASES if case["name"] == "CR with ImagerPixelSpacing alone")
    place = place_of(case)
    assert caveat_of("LENGTH", place) == (
        "Calibrated at the detector, not corrected for magnification."
    )
    assert caveat_of("ANGLE", place) == caveat_of("ARROW", place) == ""


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("SequenceOfUltrasoundRegions", "OB", b"\x01\x02\x03\x04"),
        ("SharedFunctionalGroupsSequence", "OB", b"\x01\x02\x03\x04"),
        ("PixelSpacing", "DS", ["0.5"]),
        ("PixelSpacing", "DS", ["0.5", "0.5", "0.5"]),
        ("PixelSpacing", "DS", ["-0.5", "0.5"]),
        ("ImagerPixelSpacing", "DS", None),
    ],
)
def test_what_cannot_be_read_is_no_calibration(keyword: str, vr: str, value: object) -> None:
    header = header_of({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR"})
    header.add(DataElement(tag_for_keyword(keyword) or 0, vr, value))
    calibration = calibration_of(header)
    assert calibration.source == "none"
    assert calibration.spacing_mm is None
    assert "no_calibration" in calibration.caveats
