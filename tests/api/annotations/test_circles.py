"""Circles in mm, and how the report of one is read by others."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ComputedRadiographyImageStorage

from tests.api.annotations.test_calibration import image, line, region, report_of, save, ultrasound
from tests.api.client import ApiNode, is_problem
from tests.inference.results_support import complaints


@pytest.mark.parametrize(
    ("make", "end", "area", "graphic", "ellipse"),
    [
        # 0.5 mm across and 0.4 mm down: 60 columns are 30 mm, and so are 75 rows.
        (lambda: ultrasound(region((3, 3), (0.05, 0.04), (0, 399))), (260, 200), 2827.4334,
         "ELLIPSE", [200, 125, 200, 275, 140, 200, 260, 200]),
        (lambda: ultrasound(region((3, 3), (0.05, 0.04), (0, 399))), (200, 275), 2827.4334,
         "ELLIPSE", [200, 125, 200, 275, 140, 200, 260, 200]),
        (lambda: image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.7, 0.5]),
         (200, 250), 3848.4510, "ELLIPSE", [130, 200, 270, 200, 200, 150, 200, 250]),
        (lambda: ultrasound(region((3, 3), (0.05, 0.05), (0, 399))), (260, 200), 2827.4334,
         "CIRCLE", [200, 200, 260, 200]),
    ],
    ids=["across", "down", "Pixel Spacing", "square"],
)  # fmt: skip
def test_a_circle_in_mm_is_an_ellipse_of_pixels_that_are_not_square(
    api: ApiNode, tmp_path: Path, make: Any, end: tuple[float, float], area: float,
    graphic: str, ellipse: list[float],
) -> None:  # fmt: skip
    dataset = make()
    drawn = {**line(dataset, (200, 200), end), "shape": "CIRCLE"}
    measurement, path = report_of(api, save(api, dataset, drawn), tmp_path)
    assert measurement["shape"] == "CIRCLE"
    assert measurement["points"][0] == [200, 200]
    assert measurement["measured"][0]["value"] == pytest.approx(area, rel=1e-6)
    assert complaints(path) == []
    (coordinates,) = (one for one in dcmread(path).iterall() if one.keyword == "GraphicData")
    (kind,) = (one for one in dcmread(path).iterall() if one.keyword == "GraphicType")
    assert kind.value == graphic
    assert list(coordinates.value) == pytest.approx(ellipse, abs=1e-3)
    tool_name = b"EllipticalROI" if graphic == "ELLIPSE" else b"CircleROI"
    assert b"Cornerstone3DTools@^0.1.0:" + tool_name in path.read_bytes()


def test_a_circle_beyond_an_image_is_no_ellipse_on_it(api: ApiNode) -> None:
    wide = image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.7, 0.5])
    drawn = {**line(wide, (30, 200), (80, 200)), "shape": "CIRCLE"}
    answer = save(api, wide, drawn)
    is_problem(answer, 400, "invalid_request")
    assert "Measurement 1 (CIRCLE) reaches beyond the image" in answer.json()["detail"]
    square = image("CR", ComputedRadiographyImageStorage, PixelSpacing=[0.5, 0.5])
    square.SOPInstanceUID = square.file_meta.MediaStorageSOPInstanceUID = "2.25.4712"
    drawn["sop_instance_uid"] = square.SOPInstanceUID
    assert save(api, square, drawn).status_code == 201
