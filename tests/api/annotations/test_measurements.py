"""What people draw: saved as a report that others read, and given back as it was drawn."""

import copy
import io
import math
import subprocess
from pathlib import Path
from typing import Any

import highdicom as hd
import httpx
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from storage.core.uids import derive_uid
from tests import builders
from tests.api.client import ApiNode, is_problem, part10
from tests.inference.results_support import complaints, save
from tests.services import tool

# Between rows and between columns: a mix-up of the two changes every length.
SPACING_MM = (0.8, 0.5)
SHAPES: list[dict[str, Any]] = [
    {"shape": "LENGTH", "points": [[2.5, 3.5], [8.5, 3.5]], "label": "femur"},
    {"shape": "BIDIRECTIONAL", "points": [[4, 4], [4, 8], [1, 6], [15, 6]]},
    {"shape": "ANGLE", "points": [[10, 2], [2, 2], [2, 12]]},
    {"shape": "COBB_ANGLE", "points": [[1, 1], [9, 1], [1, 6], [9, 11]]},
    {"shape": "ELLIPSE", "points": [[5, 2], [5, 14], [1, 8], [9, 8]]},
    {"shape": "CIRCLE", "points": [[8, 8], [12, 8]],
     "statistics": [{"quantity": "mean", "value": 41.5, "unit": "[hnsf'U]"}]},
    {"shape": "RECTANGLE", "points": [[2, 2], [10, 2], [10, 7], [2, 7]]},
    {"shape": "FREEHAND", "points": [[1, 1], [9, 1], [1, 9]], "is_closed": True},
    {"shape": "FREEHAND", "points": [[1, 1], [9, 1], [9, 6]]},
    {"shape": "POINT", "points": [[7.25, 9.125]],
     "statistics": [{"quantity": "value", "value": -12, "unit": "[hnsf'U]"}]},
    {"shape": "ARROW", "points": [[3, 4], [11, 12]], "label": "Läsion, see text"},
]  # fmt: skip
MM = {"row": SPACING_MM[0], "column": SPACING_MM[1]}
EXPECTED: list[dict[str, float]] = [
    {"length": 6 * 0.5},
    {"long_axis": 14 * 0.5, "short_axis": 4 * 0.8},
    {"angle": 90.0},
    {"angle": math.degrees(math.atan2(5 * 0.8, 8 * 0.5))},
    {"area": math.pi / 4 * (12 * 0.8) * (8 * 0.5)},
    {"area": math.pi * 4, "radius": 2.0, "perimeter": 4 * math.pi, "mean": 41.5},
    {"area": 8 * 0.5 * 5 * 0.8, "perimeter": 2 * (4 + 4)},
    {"area": 0.5 * 4 * 6.4, "perimeter": 4 + 6.4 + math.hypot(4, 6.4)},
    {"length": 4 + 4.0},
    {"value": -12},
    {},
]


@pytest.fixture
def images() -> list[Dataset]:
    return builders.series(
        np.zeros((3, 16, 20), np.int16), modality="CT", spacing_mm=(2.0, *SPACING_MM), seed=31
    )


@pytest.fixture
def study(api: ApiNode, images: list[Dataset]) -> str:
    for image in images:
        api.storage.ingest.accept(part10(image), "dimse:CT1")
    return f"/api/studies/{images[0].StudyInstanceUID}"


def drawn(images: list[Dataset]) -> list[dict[str, Any]]:
    return [{**one, "sop_instance_uid": images[1].SOPInstanceUID} for one in SHAPES]


def saved(api: ApiNode, study: str, **body: Any) -> dict[str, Any]:
    answer = api.client.post(f"{study}/measurements", json={"title": "Lengths", **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stored(api: ApiNode, sop_instance_uid: str) -> Dataset:
    return api.storage.instances.dataset(api.storage.index.instance(sop_instance_uid))


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


def test_key_images_are_a_selection_whose_versions_follow_each_other(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    path = f"{study}/key-images"
    chosen = [{"sop_instance_uid": one.SOPInstanceUID, "frame_number": None} for one in images]
    answer = api.client.post(
        path, json={"title": "FOR_CONFERENCE", "description": "Tumour board", "images": chosen[:2]}
    )
    assert answer.status_code == 201, answer.text
    first = answer.json()
    second = api.client.post(
        path,
        json={"images": chosen[1:], "predecessor_sop_instance_uid": first["sop_instance_uid"]},
    ).json()
    (listed,) = api.client.get(path).json()["items"]
    assert listed == second
    assert listed["images"] == chosen[1:]
    assert first["title"] == "FOR_CONFERENCE"
    assert first["description"] == "Tumour board"
    stale = api.client.post(
        path,
        json={"images": chosen[1:], "predecessor_sop_instance_uid": first["sop_instance_uid"]},
    )
    is_problem(stale, 409, "uid_conflict")
    instance = api.storage.index.instance(first["sop_instance_uid"])
    file = tmp_path / "ko.dcm"
    file.write_bytes(api.storage.instances.read(instance))
    assert complaints(file) == []
    read = hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(file))
    assert [
        str(uid) for _, _, uid in (read.resolve_reference(i.SOPInstanceUID) for i in images[:2])
    ] == [one.SOPInstanceUID for one in images[:2]]
    is_problem(api.client.post(path, json={"images": [{"sop_instance_uid": "1.9"}]}),
               400, "invalid_request")  # fmt: skip


def test_a_selection_is_emptied_by_a_note_that_rejects_its_versions_and_filled_again(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    path = f"{study}/key-images"

    def choose(count: int, after: str) -> httpx.Response:
        chosen = [{"sop_instance_uid": one.SOPInstanceUID} for one in images[:count]]
        return api.client.post(path, json={"images": chosen, "predecessor_sop_instance_uid": after})

    is_problem(choose(0, ""), 400, "invalid_request")
    first = choose(2, "").json()["sop_instance_uid"]
    second = choose(1, first).json()["sop_instance_uid"]
    is_problem(choose(0, first), 409, "uid_conflict")
    answer = choose(0, second)
    assert answer.status_code == 201, answer.text
    none = answer.json()
    assert none["images"] == []
    assert api.client.get(path).json()["items"] == [none]
    # Nothing is lost: both versions are where they were, and the note names both.
    note = stored(api, none["sop_instance_uid"])
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    assert note.SeriesInstanceUID == stored(api, first).SeriesInstanceUID
    assert [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in note.ContentSequence
        if item.ValueType == "COMPOSITE"
    ] == [first, second]
    assert complaints(save(note, tmp_path / "note.dcm")) == []
    is_problem(choose(0, none["sop_instance_uid"]), 400, "invalid_request")
    again = choose(1, none["sop_instance_uid"]).json()
    assert api.client.get(path).json()["items"] == [again]
    assert [one["sop_instance_uid"] for one in again["images"]] == [images[0].SOPInstanceUID]


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


def test_a_foreign_report_is_read_and_a_result_without_drawings_is_passed_over(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    report = saved(api, study, measurements=drawn(images)[:2])
    foreign = stored(api, report["sop_instance_uid"])
    foreign.SOPInstanceUID = foreign.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    foreign.SeriesInstanceUID = "2.25.78"
    # Other viewers say the coordinates of a bidirectional line under each number again.
    for group in foreign.ContentSequence[-1].ContentSequence:
        for item in group.ContentSequence:
            if item.ConceptNameCodeSequence[0].CodeValue == "112039":
                item.TextValue = "Other viewer:1"
    api.storage.ingest.accept(part10(foreign), "stow")
    found = api.client.get(f"{study}/measurements").json()["items"]
    assert [one["source"] for one in found] == ["reader:local", "stow"]
    assert [one["shape"] for one in found[1]["measurements"]] == ["LENGTH", "LENGTH"]
    pydicom.dcmread(io.BytesIO(part10(foreign)))


def sent_by_others(
    api: ApiNode,
    base: Dataset,
    predecessor: str = "",
    source: str = "dimse:STRANGER",
    **changes: Any,
) -> str:
    """A copy of a report, as another system sends it; its SOPInstanceUID."""
    document = copy.deepcopy(base)
    document.SOPInstanceUID, document.SeriesInstanceUID = generate_uid(), generate_uid()
    for keyword, value in changes.items():
        setattr(document, keyword, value)
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    if predecessor:
        reference, series, before = Dataset(), Dataset(), Dataset()
        reference.ReferencedSOPClassUID = document.SOPClassUID
        reference.ReferencedSOPInstanceUID = predecessor
        series.SeriesInstanceUID = base.SeriesInstanceUID
        series.ReferencedSOPSequence = [reference]
        before.StudyInstanceUID = document.StudyInstanceUID
        before.ReferencedSeriesSequence = [series]
        document.PredecessorDocumentsSequence = [before]
    api.storage.ingest.accept(part10(document), source)
    return str(document.SOPInstanceUID)


def listed(api: ApiNode, study: str) -> dict[str, str]:
    items = api.client.get(f"{study}/measurements").json()["items"]
    return {one["sop_instance_uid"]: one["source"] for one in items}


def test_what_others_send_neither_hides_nor_blocks_what_was_saved_here(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    first = saved(api, study, measurements=drawn(images)[:1])["sop_instance_uid"]
    base = stored(api, first)
    theirs = sent_by_others(api, base, first)
    squatted = derive_uid("measurements", first)
    sent_by_others(api, base, SOPInstanceUID=squatted)
    found = listed(api, study)
    assert set(found) == {first, theirs, squatted}
    assert found[first].startswith("reader:")
    assert found[theirs] == "dimse:STRANGER"
    second = saved(api, study, measurements=drawn(images)[:2], predecessor_sop_instance_uid=first)[
        "sop_instance_uid"
    ]
    assert set(listed(api, study)) == {second, theirs, squatted}
    # Others replace what they sent themselves.
    newer = sent_by_others(api, base, theirs)
    foreign = sent_by_others(api, base, newer, source="dimse:OTHER")
    assert set(listed(api, study)) == {second, squatted, newer, foreign}


def test_measurements_of_another_patient_are_not_those_of_the_study(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    own = saved(api, study, measurements=drawn(images)[:1])["sop_instance_uid"]
    sent_by_others(api, stored(api, own), PatientID="DIFFERENT")
    same = sent_by_others(api, stored(api, own))
    assert set(listed(api, study)) == {own, same}
