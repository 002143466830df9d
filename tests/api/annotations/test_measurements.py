"""What people draw: saved as a report that others read, and given back as it was drawn."""

import math
import subprocess
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from tests import builders
from tests.api.annotations.drawn import SHAPES, SPACING_MM, drawn, saved, stored
from tests.api.client import ApiNode, is_problem, part10
from tests.inference.results_support import complaints, save
from tests.services import tool

MM = {"row": SPACING_MM[0], "column": SPACING_MM[1]}
EXPECTED: list[dict[str, float]] = [
    {"length": 6 * 0.5},
    {"long_axis": 14 * 0.5, "short_axis": 4 * 0.8},
    {"angle": 90.0},
    {"angle": math.degrees(math.atan2(5 * 0.8, 8 * 0.5))},
    {"angle": 135.0},
    {"area": math.pi / 4 * (12 * 0.8) * (8 * 0.5)},
    {"area": math.pi * 4, "radius": 2.0, "perimeter": 4 * math.pi, "mean": 41.5},
    {"area": 8 * 0.5 * 5 * 0.8, "perimeter": 2 * (4 + 4)},
    {"area": 0.5 * 4 * 6.4, "perimeter": 4 + 6.4 + math.hypot(4, 6.4)},
    {"length": 4 + 4.0},
    {"value": -12},
    {},
    {},
    {},
]


def test_every_shape_is_measured_in_millimetres_and_comes_back_as_it_was_drawn(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    report = saved(api, study, measurements=drawn(images))
    (listed,) = api.client.get(f"{study}/measurements").json()["items"]
    assert listed == report
    for given, found, expected in zip(SHAPES, report["measurements"], EXPECTED, strict=True):
        points = given["points"]
        if given["shape"] == "BIDIRECTIONAL":
            points = points[2:] + points[:2]
        assert found["points"] == [pytest.approx(point) for point in points], given
        assert found["shape"] == given["shape"]
        assert found["label"] == given.get("label", "")
        assert found["is_closed"] == given.get("is_closed", False)
        measured = {one["quantity"]: one["value"] for one in found["measured"]}
        assert measured == pytest.approx(expected, abs=1e-5), given
    assert report["author"] == "local"
    assert report["verification"] == "UNVERIFIED"
    assert len({one["tracking_uid"] for one in report["measurements"]}) == len(SHAPES)


def test_small_values_keep_their_digits(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    """Apparent diffusion coefficients, as maps in m2/s, cm2/s and mm2/s state them."""
    stated = [(8.499662e-10, "m2/s"), (8.4996620731e-06, "cm2/s"), (0.1 + 0.7e-3, "mm2/s")]
    circle = {"shape": "CIRCLE", "points": [[8, 8], [12, 8]]}
    report = saved(
        api,
        study,
        measurements=[
            {
                **circle,
                "sop_instance_uid": images[1].SOPInstanceUID,
                "statistics": [{"quantity": "mean", "value": value, "unit": unit}],
            }
            for value, unit in stated
        ],
    )
    assert api.client.get(f"{study}/measurements").json()["items"] == [report]
    found = [
        (measured["value"], measured["unit"])
        for one in report["measurements"]
        for measured in one["measured"]
        if measured["quantity"] == "mean"
    ]
    assert found == stated
    path = save(stored(api, report["sop_instance_uid"]), tmp_path / "sr.dcm")
    assert complaints(path) == []
    numbers = [
        float(number.MeasuredValueSequence[0].NumericValue)
        for group in hd.sr.srread(path).content.get_image_measurement_groups()
        for number in group.get_measurements(name=codes.SCT.Mean)
        for number in number
    ]
    assert numbers == pytest.approx([value for value, _ in stated], rel=1e-9)


def test_the_report_is_valid_and_other_tools_read_it(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    report = saved(api, study, measurements=drawn(images))
    instance = api.storage.index.instance(report["sop_instance_uid"])
    path = tmp_path / "sr.dcm"
    path.write_bytes(api.storage.instances.read(instance))
    assert complaints(path) == []
    dump = subprocess.run([tool("dsrdump", "dcmtk"), str(path)],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert dump.count("Measurement Group") == len(SHAPES)
    groups = hd.sr.srread(path).content.get_image_measurement_groups()
    assert [one.tracking_identifier for one in groups][:3] == [
        f"Cornerstone3DTools@^0.1.0:{name}" for name in ("Length", "Bidirectional", "Angle")
    ]
    (site,) = groups[-1].finding_sites
    assert site.value == codes.SCT.T12Vertebra
    (length,) = groups[0].get_measurements()
    (line,) = length.referenced_coordinates
    assert line.graphic_type.value == "POLYLINE"
    assert line.value.tolist() == [[2.5, 3.5], [8.5, 3.5]]


def test_a_version_takes_the_place_of_its_predecessor_which_stays(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:

    first = saved(api, study, measurements=drawn(images)[:2])
    kept = first["measurements"][0]["tracking_uid"]
    second = saved(
        api,
        study,
        measurements=[{**drawn(images)[0], "tracking_uid": kept}],
        predecessor_sop_instance_uid=first["sop_instance_uid"],
    )
    assert second["replaces"] == [first["sop_instance_uid"]]
    assert second["series_instance_uid"] == first["series_instance_uid"]
    assert second["measurements"][0]["tracking_uid"] == kept
    assert api.client.get(f"{study}/measurements").json()["items"] == [second]
    both = api.client.get(f"{study}/measurements", params={"all_versions": True}).json()["items"]
    assert both == [first, second]
    # Somebody else had the first one open.
    late = api.client.post(
        f"{study}/measurements",
        json={"measurements": drawn(images)[:1],
              "predecessor_sop_instance_uid": first["sop_instance_uid"]},
    )  # fmt: skip
    is_problem(late, 409, "uid_conflict")
    # All of them taken away: nothing is said any more.
    none = saved(
        api, study, measurements=[], predecessor_sop_instance_uid=second["sop_instance_uid"]
    )
    assert api.client.get(f"{study}/measurements").json()["items"] == []
    for uid in (first["sop_instance_uid"], none["sop_instance_uid"]):
        assert complaints(save(stored(api, uid), tmp_path / "sr.dcm")) == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"points": [[1, 1]]}, 400),
        ({"points": [[1, 1], [21, 1]]}, 400),
        ({"sop_instance_uid": "1.2.3"}, 400),
        ({"frame_number": 2}, 400),
        ({"shape": "SQUIGGLE"}, 422),
        ({"shape": "ARROW"}, 422),
        ({"shape": "VERTEBRA", "points": [[6, 9]], "label": "T14"}, 422),
        ({"is_closed": True}, 422),
    ],
)
def test_a_drawing_that_cannot_be_is_refused_in_a_sentence(
    api: ApiNode, study: str, images: list[Dataset], change: dict[str, Any], status: int
) -> None:
    body = {"measurements": [{**drawn(images)[0], "label": "", **change}]}
    answer = api.client.post(f"{study}/measurements", json=body)
    is_problem(answer, status, "invalid_request" if status == 400 else "validation_failed")
    assert api.client.get(f"{study}/measurements").json()["items"] == []


@pytest.mark.parametrize(
    ("shape", "points", "detail"),
    [
        ("LENGTH", [[3, 3], [3, 3]], "Measurement 1 (LENGTH): length of 0 mm"),
        ("CIRCLE", [[3, 3], [3, 3]], "Measurement 1 (CIRCLE): area of 0 mm2"),
        # 45 degrees in mm, of which a column is 0.5 and a row 0.8.
        ("BIDIRECTIONAL", [[2, 8], [18, 8], [6, 5.5], [14, 10.5]],
         "Measurement 1 (BIDIRECTIONAL): its axes stand at 45° to each other, not at 90°."),
        ("BIDIRECTIONAL", [[2, 12], [18, 12], [8, 2], [8, 8]],
         "Measurement 1 (BIDIRECTIONAL): its axes do not cross each other."),
    ],
)  # fmt: skip
def test_what_nobody_can_have_meant_is_refused(
    api: ApiNode, study: str, images: list[Dataset], shape: str, points: Any, detail: str
) -> None:
    one = {"shape": shape, "points": points, "sop_instance_uid": images[1].SOPInstanceUID}
    answer = api.client.post(f"{study}/measurements", json={"measurements": [one]})
    problem = is_problem(answer, 400, "invalid_request")
    assert detail in problem["detail"]
    assert problem["remedy"]
    assert api.client.get(f"{study}/measurements").json()["items"] == []


def test_a_short_axis_rounded_to_whole_pixels_is_one(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    one = {"shape": "BIDIRECTIONAL", "points": [[2, 8], [14, 9], [8, 7], [8, 10]]}
    saved(api, study, measurements=[{**one, "sop_instance_uid": images[1].SOPInstanceUID}])


@pytest.mark.filterwarnings("ignore:Invalid value for VR IS")
def test_an_image_whose_number_of_frames_is_none_is_refused_in_a_sentence(
    api: ApiNode, images: list[Dataset]
) -> None:
    image = images[0]
    image.NumberOfFrames = 1
    stated = b"\x28\x00\x08\x00IS\x02\x001"
    assert stated + b" " in (content := part10(image))
    assert api.storage.ingest.accept(content.replace(stated + b" ", stated + b"A"), "dimse:MR1")
    drawing = {**drawn(images)[0], "sop_instance_uid": image.SOPInstanceUID}
    body = {"measurements": [drawing]}
    answer = api.client.post(f"/api/studies/{image.StudyInstanceUID}/measurements", json=body)
    is_problem(answer, 400, "invalid_request")
    assert "NumberOfFrames" in answer.json()["detail"]


def test_frames_of_a_multi_frame_instance_are_drawn_on_with_their_own_spacing(
    api: ApiNode, images: list[Dataset]
) -> None:
    enhanced = builders.enhanced_mr(images, [2, 0, 1])
    api.storage.ingest.accept(part10(enhanced), "dimse:MR1")
    study = f"/api/studies/{enhanced.StudyInstanceUID}"
    drawing = {"shape": "LENGTH", "points": [[2, 2], [2, 7]], "frame_number": 3,
               "sop_instance_uid": enhanced.SOPInstanceUID}  # fmt: skip
    report = saved(api, study, measurements=[drawing])
    (found,) = report["measurements"]
    assert found["frame_number"] == 3
    assert found["measured"] == [{"quantity": "length", "value": 4.0, "unit": "mm"}]


def test_what_is_saved_goes_to_every_destination_that_takes_reports(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    made = api.client.post(
        "/api/peers",
        json={"name": "pacs", "kind": "folder", "folder": "research", "is_destination": True},
    )
    assert made.status_code == 201, made.text
    report = saved(api, study, measurements=drawn(images)[:1])
    (delivery,) = api.client.get("/api/deliveries").json()["items"]
    assert delivery["sop_instance_uid"] == report["sop_instance_uid"]
