"""An image that a person calibrates: what is measured on it says so, in the SR and afterwards."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    SecondaryCaptureImageStorage,
)

from tests.api.annotations.test_calibration import image, line, region, save, ultrasound
from tests.api.client import ApiNode, is_problem
from tests.inference.results_support import complaints
from tests.services import tool

CAVEAT = "Calibrated by hand, on an object of stated length; true at its depth only."
RULER = {"points": [[100, 300], [200, 300]], "length_mm": 50}


def film(**attributes: object) -> Dataset:
    return image("OT", SecondaryCaptureImageStorage, **attributes)


def by_hand(drawing: dict[str, Any], ruler: dict[str, Any] = RULER) -> dict[str, Any]:
    return {**drawing, "hand_calibration": ruler}


def test_lengths_follow_from_the_ruler_and_say_so_in_the_report_and_when_it_is_read_again(
    api: ApiNode, tmp_path: Path
) -> None:
    dataset = film()
    angle = {
        "shape": "ANGLE",
        "points": [[10, 0], [0, 0], [0, 10]],
        "sop_instance_uid": dataset.SOPInstanceUID,
    }
    answer = save(
        api,
        dataset,
        by_hand(line(dataset, (100, 300), (200, 300))),
        by_hand(line(dataset, (0, 0), (30, 40))),
        by_hand(angle),
    )
    assert answer.status_code == 201, answer.text
    ruler, length, degrees = answer.json()["measurements"]
    assert ruler["measured"] == [{"quantity": "length", "value": 50.0, "unit": "mm"}]
    assert length["measured"] == [{"quantity": "length", "value": 25.0, "unit": "mm"}]
    assert ruler["caveat"] == length["caveat"] == CAVEAT
    assert length["hand_calibration"] == {**RULER, "length_mm": 50.0}
    assert degrees["caveat"] == ""
    assert degrees["hand_calibration"] is None

    listed = api.client.get(f"/api/studies/{dataset.StudyInstanceUID}/measurements").json()
    assert listed["items"][0]["measurements"] == answer.json()["measurements"]

    path = tmp_path / "sr.dcm"
    instance = api.storage.index.instance(answer.json()["sop_instance_uid"])
    path.write_bytes(api.storage.instances.read(instance))
    assert complaints(path) == []
    dump = subprocess.run([tool("dsrdump", "dcmtk"), str(path)],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert dump.count('inferred from NUM:(,,"Calibration")="50') == 2
    assert path.read_bytes().count(CAVEAT.encode()) == 2


def test_the_next_version_without_the_ruler_is_in_pixels_again(api: ApiNode) -> None:
    dataset = film()
    drawing = line(dataset, (0, 0), (30, 40))
    first = save(api, dataset, by_hand(drawing)).json()
    second = api.client.post(
        f"/api/studies/{dataset.StudyInstanceUID}/measurements",
        json={
            "predecessor_sop_instance_uid": first["sop_instance_uid"],
            "measurements": [{**drawing, "tracking_uid": first["measurements"][0]["tracking_uid"]}],
        },
    ).json()
    (length,) = second["measurements"]
    assert length["measured"] == [{"quantity": "length", "value": 50.0, "unit": "{pixels}"}]
    assert length["hand_calibration"] is None
    assert "by hand" not in length["caveat"]


@pytest.mark.parametrize(
    ("dataset", "ruler", "reason"),
    [
        (image("CT", CTImageStorage, PixelSpacing=[0.7, 0.7]), RULER, "calibrated by its header"),
        (ultrasound(region((3, 3), (0.05, 0.05), (0, 399))), RULER, "calibrated by its header"),
        (film(), {"points": [[100, 300], [100, 300]], "length_mm": 50}, "line without length"),
        (film(), {"points": [[100, 300], [900, 300]], "length_mm": 50}, "lies outside of it"),
        (
            image("CR", ComputedRadiographyImageStorage, ImagerPixelSpacing=[0.1, 0.1]),
            {**RULER, "length_mm": 5000},
            "pixels of 50 × 50 mm; from 0.005 to 5 mm is plausible",
        ),
    ],
    ids=["CT", "ultrasound", "a point", "beyond the image", "metres"],
)
def test_what_cannot_be_calibrated_is_refused_and_nothing_is_saved(
    api: ApiNode, dataset: Dataset, ruler: dict[str, Any], reason: str
) -> None:
    answer = save(api, dataset, by_hand(line(dataset, (100, 300), (200, 300)), ruler))
    assert is_problem(answer, 400, "invalid_request")
    assert reason in answer.json()["detail"]
    study = f"/api/studies/{dataset.StudyInstanceUID}"
    assert api.client.get(f"{study}/measurements").json()["items"] == []


def test_one_image_has_one_calibration(api: ApiNode) -> None:
    dataset = film()
    drawing = line(dataset, (100, 300), (200, 300))
    for other in (drawing, by_hand(drawing, {**RULER, "length_mm": 51})):
        answer = save(api, dataset, by_hand(drawing), other)
        assert is_problem(answer, 400, "invalid_request")
        assert "another calibration by hand" in answer.json()["detail"]


@pytest.mark.parametrize("length_mm", [0, -5, 1e5, "NaN"])
def test_a_length_is_a_positive_number_of_millimetres(api: ApiNode, length_mm: object) -> None:
    dataset = film()
    answer = save(
        api, dataset, by_hand(line(dataset, (0, 0), (9, 9)), {**RULER, "length_mm": length_mm})
    )
    assert answer.status_code == 422
