"""What is measured over the frames of a cine, and what is not."""

import io
import json
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.reports.evidence import gather
from inference.reports.findings_text import findings_sentences
from inference.reports.locale import load_locale
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests.inference.films import bright_segmenter, part10, ultrasound
from tests.inference.results_support import complaints, save
from tests.inference.single_images.cines import HEIGHTS, added, beating, found, frame_of, region
from tests.inference.single_images.support import done, objects
from tests.inference.small import study_uid


@pytest.mark.parametrize(
    ("rule", "label", "rows", "frame"),
    [
        ({}, "largest", 30, 4),
        ({"combine": "max"}, "largest", 30, 4),
        ({"combine": "min"}, "least", 8, 3),
        ({"combine": "mean"}, "mean", 17.5, None),
        # Of six frames the first, the third and the last.
        ({"at_most": 3}, "largest", 12, 6),
    ],
    ids=str,
)
def test_an_area_is_stated_by_the_rule_of_the_card(
    storage: Storage,
    tmp_path: Path,
    rule: dict[str, Any],
    label: str,
    rows: float,
    frame: int | None,
) -> None:
    added(storage, tmp_path / "s", frames=rule)
    findings = found(storage, ultrasound("cine", beating()))
    area = findings[f"Bright part {label} area"]
    assert area.unit is not None
    assert (area.value, area.unit.value) == (40 * rows, "{pixels}2")
    assert frame_of(area) == frame
    assert area.segmentation is not None
    assert area.curve is not None
    assert area.curve.x.unit.value == "s"
    if not rule.get("at_most"):
        heights = dict(zip((0.04, 0.08, 0.12, 0.16, 0.2), HEIGHTS[1:], strict=True))
        assert dict(area.curve.points) == {time: 40 * rows for time, rows in heights.items()}


def test_a_change_of_area_is_stated_with_the_frames_that_it_is_of(
    storage: Storage, tmp_path: Path
) -> None:
    """Frame 5 of the cine has nothing bright; without it, the bright part is on all that show
    anything."""
    rule = {"combine": "mean", "fractional_area_change": ["1"]}
    added(storage, tmp_path / "s", frames=rule)
    dataset = ultrasound("whole", beating()[[0, 1, 2, 3, 5]])
    job = done(storage, dataset)
    findings = {one.label: one for one in storage.findings.of_job(job.job_id)}
    change = findings["Bright part fractional area change"]
    assert change.value == pytest.approx(100 * (30 - 8) / 30, abs=1e-3)
    assert frame_of(change) is None
    assert frame_of(findings["Bright part largest area"]) == 4
    assert frame_of(findings["Bright part least area"]) == 3
    assert findings["Bright part mean area"].value == 40 * 17.5
    assert findings["Frames with Bright part"].value == 4
    assert "Left out, since nothing is shown there: frame 1 of the image." in job.result["notes"]
    (report,) = objects(storage, job, "SR")
    (mask,) = objects(storage, job, "SEG")
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    referenced = [
        (one.referenced_segmentation_frame.referenced_sop_instance_uid, number)
        for one in content.get_planar_roi_measurement_groups()
        for number in one.referenced_segmentation_frame.referenced_frame_numbers
    ]
    # Of the mask's frames: of the source's second, third, fourth and sixth the third and second.
    assert sorted(referenced) == [(mask.SOPInstanceUID, 2), (mask.SOPInstanceUID, 3)]
    of_all = content.get_image_measurement_groups()
    values = [number.value for one in of_all for number in one.get_measurements()]
    assert {float(change.value or 0), 700.0, 4.0} <= {float(one) for one in values}
    assert complaints(save(report, tmp_path / "SR.dcm")) == []


def test_no_change_of_area_is_made_of_a_frame_on_which_the_model_misses_the_segment(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "s", frames={"fractional_area_change": ["1"]})
    job = done(storage, ultrasound("missed", beating()))
    labels = {one.label for one in storage.findings.of_job(job.job_id)}
    assert {"Bright part largest area", "Bright part least area"} <= labels
    assert "Bright part fractional area change" not in labels
    assert (
        "The fractional area change of Bright part is not stated: it is not marked on frame 5."
        in job.result["notes"]
    )


_INSIDE: dict[str, Any] = {"SequenceOfUltrasoundRegions": [region(5, 50)]}


@pytest.mark.parametrize(
    ("attributes", "area", "unit"),
    [
        (_INSIDE, 30 * 0.25 * 40 * 0.5, "mm2"),
        # On the frame where it is largest the bright part leaves the region.
        ({"SequenceOfUltrasoundRegions": [region(5, 35)]}, 30 * 40, "{pixels}2"),
        # A strip of seconds below: the bright part of no frame lies in one region alone.
        (
            {
                "SequenceOfUltrasoundRegions": [
                    region(5, 15),
                    region(16, 50, PhysicalUnitsXDirection=4),
                ]
            },
            30 * 40,
            "{pixels}2",
        ),
        ({"PixelSpacing": [0.25, 0.5]}, 30 * 40, "{pixels}2"),
        ({"Modality": "XA", "ImagerPixelSpacing": [0.25, 0.5]}, 30 * 40, "{pixels}2"),
        ({"Modality": "NM", "PixelSpacing": [0.25, 0.5]}, 30 * 0.25 * 40 * 0.5, "mm2"),
        ({"PixelAspectRatio": [2, 1]}, 30 * 40, "{pixels}2"),
    ],
    ids=str,
)
def test_an_area_is_in_square_millimetres_where_the_pixels_have_a_size_in_the_patient(
    storage: Storage, tmp_path: Path, attributes: dict[str, Any], area: float, unit: str
) -> None:
    added(storage, tmp_path / "s", modalities=["US", "XA", "NM"])
    job = done(storage, ultrasound("sized", beating(), **attributes))
    findings = {one.label: one for one in storage.findings.of_job(job.job_id)}
    found = findings["Bright part largest area"]
    assert found.unit is not None
    assert (found.value, found.unit.value) == (area, unit)
    assert any("is in pixels" in one for one in job.result["notes"]) == (unit != "mm2")


@pytest.mark.parametrize(
    ("output", "frames", "says"),
    [
        ("image-segmentation", {"fractional_area_change": ["7"]}, "names 7"),
        ("image-classification", {"fractional_area_change": ["1"]}, "are of areas"),
        ("image-classification", {"combine": "min"}, "are of areas"),
    ],
)
def test_a_rule_for_frames_that_cannot_be_followed_is_refused(
    storage: Storage, tmp_path: Path, output: str, frames: dict[str, Any], says: str
) -> None:
    folder = bright_segmenter(tmp_path / "s")
    card = json.loads((folder / "mediview.json").read_text())
    card["model"] |= {"output": output, "frames": frames}
    (folder / "mediview.json").write_text(json.dumps(card))
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


def test_the_largest_area_is_that_in_the_patient_where_frames_have_spacings_of_their_own(
    storage: Storage, tmp_path: Path
) -> None:
    """Frame 2 of 20 bright rows is zoomed out to twice the spacing of frame 4, of 30 rows."""
    added(storage, tmp_path / "s", modalities=["XA"])
    dataset = ultrasound("zoomed", beating()[:4], Modality="XA", FrameTime=None)
    groups = []
    for spacing in (0.5, 0.5, 0.25, 0.25):
        measures, group = Dataset(), Dataset()
        measures.PixelSpacing = [spacing, spacing]
        group.PixelMeasuresSequence = [measures]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    area = found(storage, dataset)["Bright part largest area"]
    assert area.unit is not None
    assert (area.value, area.unit.value) == (20 * 40 * 0.5**2, "mm2")
    assert frame_of(area) == 2
    assert area.curve is not None
    assert area.curve.x.label == "Frame"
    assert [x for x, _ in area.curve.points] == [2, 3, 4]


def test_the_times_of_a_curve_are_those_of_a_frame_time_vector(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "s")
    vector: dict[str, Any] = {"FrameTime": None, "FrameTimeVector": [0, 40, 60, 100]}
    dataset = ultrasound("vector", beating()[:4], FrameIncrementPointer=0x00181065, **vector)
    area = found(storage, dataset)["Bright part largest area"]
    assert area.curve is not None
    assert [x for x, _ in area.curve.points] == [0.04, 0.1, 0.2]


def test_the_report_states_areas_in_units_that_people_read(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "s")
    done(storage, ultrasound("written", beating()))
    evidence = gather(storage, study_uid("written"))
    english = " ".join(one.text for one in findings_sentences(evidence, load_locale("en")))
    assert "1,200.0 px²" in english
    german = " ".join(one.text for one in findings_sentences(evidence, load_locale("de")))
    assert "1.200,0 px²" in german


def test_a_single_image_has_an_area_where_its_pixels_have_a_size(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "s")
    sized = found(storage, ultrasound("single", beating()[3], **_INSIDE))
    assert sized["Bright part share of the image"].value == 25.0
    area = sized["Bright part area"]
    assert area.unit is not None
    assert (area.value, area.unit.value) == (30 * 0.25 * 40 * 0.5, "mm2")
    assert list(found(storage, ultrasound("unsized", beating()[3]))) == [
        "Bright part share of the image"
    ]
