"""Boxes and masks lie exactly where the source image shows what was found."""

import io
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest

from inference.model_registry.adding import add_model
from storage.container import Storage
from tests.inference.films import (
    SQUARE,
    bright_detector,
    bright_segmenter,
    film,
    part10,
    ultrasound,
)
from tests.inference.results_support import complaints, save
from tests.inference.single_images.support import (
    GRID,
    SQUARE_GRID,
    UPRIGHT,
    analysed,
    box_of,
    done,
    objects,
)

TOP, BOTTOM, LEFT, RIGHT = SQUARE


@pytest.mark.parametrize(
    ("image", "attributes"),
    [
        (GRID, {}),
        (SQUARE_GRID, {}),
        (UPRIGHT, {}),
        (UPRIGHT, {"PatientOrientation": ["R", "F"]}),
        (UPRIGHT, {"PatientOrientation": ["F", "L"]}),
        (UPRIGHT, {"PatientOrientation": ["H", "R"]}),
        (SQUARE_GRID, {"ImagerPixelSpacing": [0.4, 0.2]}),
        ({"channels": 1, "resize": {"shortest_edge": 60}}, {}),
        ({**GRID, "grey": {"percentiles": [1, 99]}}, {}),
        (
            {**GRID, "crop": "covered"},
            {
                "ShutterShape": "RECTANGULAR",
                "ShutterLeftVerticalEdge": 41,
                "ShutterRightVerticalEdge": 280,
                "ShutterUpperHorizontalEdge": 21,
                "ShutterLowerHorizontalEdge": 200,
            },
        ),
    ],
    ids=str,
)
def test_a_box_lies_where_the_bright_part_is(
    storage: Storage, tmp_path: Path, image: dict[str, Any], attributes: dict[str, Any]
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d", image=image),
        "petra",
    )
    dataset = film("boxed", **attributes)
    job = done(storage, dataset)
    number, box = sorted(storage.findings.of_job(job.job_id), key=lambda one: one.label)[::-1][:2]
    if number.value is None:
        number, box = box, number
    assert (number.label, number.value) == ("Boxes found", 1.0)
    assert box.label == "Bright part 1"
    # The network's pixels are some 4 of the film; a half-bright one counts or does not.
    assert box_of(box) == pytest.approx([LEFT, TOP, RIGHT, BOTTOM], abs=4.5)
    (state,) = objects(storage, job, "GSPS")
    graphic = state.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    assert box.image is not None
    drawn = np.array(graphic.GraphicData).reshape(-1, 2)
    np.testing.assert_allclose(drawn, box.image.points, atol=1e-3)
    (report,) = objects(storage, job, "SR")
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    (group,) = content.get_planar_roi_measurement_groups()
    roi = group.roi
    assert roi is not None
    np.testing.assert_allclose(roi.value, box.image.points, atol=1e-3)


def test_a_box_is_exact_where_the_grid_meets_its_edges(storage: Storage, tmp_path: Path) -> None:
    """Turned, pixels half as wide as high, and reduced by four: every edge on a pixel's."""
    image = {**UPRIGHT, "resize": {"size": [160, 120], "fit": "pad"}}
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d", image=image),
        "petra",
    )
    # As sent: rows lead down, columns to the left. A row's pixels are 0.2 mm apart, its rows 0.2.
    pixels = np.full((240, 320), 200, np.uint16)
    pixels[40:100, 80:200] = 4095
    dataset = film("exact", pixels=pixels, PatientOrientation=["F", "L"])
    (result,) = analysed(storage, dataset)
    (box,) = result.boxes
    points = np.array(box.corners)
    assert [*points.min(axis=0), *points.max(axis=0)] == pytest.approx([80, 40, 200, 100])


def test_a_mask_covers_the_bright_part_and_has_no_place_in_the_patient(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_segmenter(tmp_path / "s"),
        "petra",
    )
    dataset = film("mask")
    job = done(storage, dataset)
    (segmentation,) = objects(storage, job, "SEG")
    assert "FrameOfReferenceUID" not in segmentation
    (mask,) = np.atleast_3d(segmentation.pixel_array)[None].reshape(-1, 240, 320)
    truth = dataset.pixel_array > 2000
    assert 2 * (mask.astype(bool) & truth).sum() / (mask.sum() + truth.sum()) > 0.97
    (group,) = segmentation.PerFrameFunctionalGroupsSequence
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    (finding,) = storage.findings.of_job(job.job_id)
    assert finding.value == pytest.approx(100 * mask.sum() / mask.size, abs=1e-3)
    assert finding.segmentation is not None
    assert finding.segmentation.sop_instance_uid == segmentation.SOPInstanceUID
    (report,) = objects(storage, job, "SR")
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    (roi,) = content.get_planar_roi_measurement_groups()
    assert roi.referenced_segmentation_frame.referenced_sop_instance_uid == (
        segmentation.SOPInstanceUID
    )
    assert segmentation.SegmentSequence[0].TrackingUID == finding.tracking_uid


def test_nothing_in_a_film_is_a_result_too(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d"),
        "petra",
    )
    job = done(storage, film("dark", pixels=np.full((64, 64), 100, np.uint16)))
    (finding,) = storage.findings.of_job(job.job_id)
    assert (finding.label, finding.value) == ("Boxes found", 0.0)
    assert [one["kind"] for one in job.result["instances"]] == ["SR", "SC"]


def test_boxes_of_a_cine_name_their_frames(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d", frames={}),
        "petra",
    )
    frames = np.zeros((3, 60, 80), np.uint8)
    frames[1, 20:30, 40:60] = 255
    frames[2, 30:40, 10:20] = 255
    frames[0, 0, 0] = 255
    dataset = ultrasound("cine-boxes", frames)
    job = done(storage, dataset)
    places = {
        one.image.frame_number: box_of(one)
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None and one.image.points
    }
    assert places[2] == pytest.approx([40, 20, 60, 30])
    assert places[3] == pytest.approx([10, 30, 20, 40])
    (state,) = objects(storage, job, "GSPS")
    named = [
        one.ReferencedImageSequence[0].ReferencedFrameNumber
        for one in state.GraphicAnnotationSequence
        if "GraphicObjectSequence" in one
    ]
    assert sorted(named) == [1, 2, 3]
    assert complaints(save(state, tmp_path / "x.dcm")) == []
