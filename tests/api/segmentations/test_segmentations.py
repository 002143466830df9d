"""Segmentations that a reader draws from nothing: SEG and RTSTRUCT, voxel by voxel."""

import gzip
import json
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from inference.annotations import key_images
from inference.annotations.storing import keep
from inference.imaging.contour_filling import filled
from inference.imaging.geometry import stack_of
from inference.segmentations import service
from inference.segmentations.structures import STRUCTURES
from tests import builders
from tests.api.client import ApiNode, is_problem, part10
from tests.inference.results_support import complaints, save

SHAPE = (7, 12, 14)
SPACING_MM = (2.5, 0.8, 0.6)
VOXEL_ML = 2.5 * 0.8 * 0.6 / 1000


def oblique(seed: int = 61) -> list[Dataset]:
    """Anisotropic, oblique, and handed over in a random order with odd instance numbers."""
    images = builders.series(
        np.random.default_rng(2).integers(0, 500, SHAPE, dtype=np.int16),
        spacing_mm=SPACING_MM,
        directions=builders.rotation(20, -10, 75),
        seed=seed,
    )
    order = np.random.default_rng(5).permutation(len(images))
    for number, k in enumerate(order, start=1):
        images[k].InstanceNumber = number
    return [images[k] for k in order]


def sent(api: ApiNode, images: Sequence[Dataset]) -> str:
    for image in images:
        api.storage.ingest.accept(part10(image), "dimse:CT1")
    return f"/api/studies/{images[0].StudyInstanceUID}/segmentations"


def keys_of(images: Sequence[Dataset]) -> list[str]:
    """SOP Instance UIDs along the normal, by the node's own geometry for single frames."""
    return [one.sop_instance_uid for one in stack_of(images).frames]


def labels() -> NDArray[np.uint8]:
    """Two segments that touch, and slices in the middle with neither."""
    values = np.zeros(SHAPE, np.uint8)
    values[1, 2:7, 3:11] = 1
    values[2, 3:9, 2:5] = 1
    values[2, 3:9, 5:13] = 2
    values[5, 0:3, 10:14] = 2
    return values


SEGMENTS: tuple[dict[str, Any], ...] = (
    {"structure": "liver", "label": "Leber, Segment VIII"},
    {"structure": "kidney", "label": "Kidney", "side": "LEFT", "aids": ["BRUSH", "THRESHOLD"],
     "color_rgb": [10, 200, 30]},
)  # fmt: skip


def save_drawn(
    api: ApiNode,
    path: str,
    series: Sequence[Dataset],
    values: NDArray[np.uint8],
    slices: Sequence[Any],
    packed: bytes | None = None,
    **changes: Any,
) -> httpx.Response:
    stated = {
        "series_instance_uid": series[0].SeriesInstanceUID,
        "title": "Planning",
        "segments": list(SEGMENTS),
        "slices": [one if isinstance(one, dict) else {"sop_instance_uid": one} for one in slices],
        "rows": values.shape[1],
        "columns": values.shape[2],
        **changes,
    }
    return api.client.post(
        path,
        data={"segmentation": json.dumps(stated)},
        files={"labels": ("labels", packed or gzip.compress(values.tobytes()))},
    )


def stored(api: ApiNode, uid: str) -> Dataset:
    return api.storage.instances.dataset(api.storage.index.instance(uid))


def masks_of(api: ApiNode, uid: str, slices: Sequence[str]) -> NDArray[np.uint8]:
    """Slices, rows, columns, segments, as highdicom reads them."""
    segmentation = hd.seg.Segmentation.from_dataset(stored(api, uid))
    found: NDArray[np.uint8] = segmentation.get_pixels_by_source_instance(
        list(slices), assert_missing_frames_are_empty=True
    )
    return found


def test_what_is_drawn_on_a_shuffled_oblique_series_is_stored_voxel_by_voxel(
    stored_api: ApiNode, tmp_path: Path
) -> None:
    api, images = stored_api, oblique()
    path, slices, values = sent(api, images), keys_of(images), labels()
    # Only slices that hold something, and the last first.
    named = [5, 1, 2]
    answer = save_drawn(
        api, path, images, values[named], [slices[k] for k in named], with_structure_set=True
    )
    assert answer.status_code == 201, answer.text
    saved = answer.json()
    uid = saved["sop_instance_uid"]
    expected = np.stack([values == 1, values == 2], axis=-1)
    assert np.array_equal(masks_of(api, uid, slices), expected)
    assert [one["voxels"] for one in saved["segments"]] == [(values == n).sum() for n in (1, 2)]
    assert [one["volume_ml"] for one in saved["segments"]] == pytest.approx(
        [(values == n).sum() * VOXEL_ML for n in (1, 2)]
    )
    assert (saved["author"], saved["version"], saved["title"]) == ("local", 1, "Planning")
    segmentation = stored(api, uid)
    first, second = segmentation.SegmentSequence
    assert first.SegmentLabel == "Leber, Segment VIII"
    assert first.SegmentAlgorithmType == "MANUAL"
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == codes.SCT.Liver.value
    assert second.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert second.SegmentAlgorithmName == "Reader's tools: threshold, brush"
    kind = second.SegmentedPropertyTypeCodeSequence[0]
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == codes.SCT.Left.value
    assert saved["segments"][1]["color_rgb"] == pytest.approx([10, 200, 30], abs=2)
    assert str(segmentation.ContentCreatorName) == "local"
    assert "research use only" in segmentation.ContentDescription
    assert segmentation.PatientID == images[0].PatientID
    structures = stored(api, saved["structure_set_sop_instance_uid"])
    stack = stack_of(images)
    for number, roi in enumerate(structures.ROIContourSequence, start=1):
        contours = [
            np.reshape(one.ContourData, (-1, 3)).astype(float) for one in roi.ContourSequence
        ]
        assert np.array_equal(filled(contours, stack.lps_from_kji, SHAPE), values == number)
    for one in (segmentation, structures):
        assert complaints(save(one, tmp_path / "one.dcm")) == []


def test_versions_follow_each_other_and_a_late_one_hears_409(api: ApiNode) -> None:
    images = oblique()
    path, slices, values = sent(api, images), keys_of(images), labels()
    first = save_drawn(api, path, images, values, slices).json()
    tracking = [one["tracking_uid"] for one in first["segments"]]
    later = ["MODEL", "REGION_GROWING", "INTERPOLATION", "RESAMPLING", "OUTLINE"]
    kept = [
        {**one, "tracking_uid": uid, "aids": aids}
        for one, uid, aids in zip(SEGMENTS, tracking, ([], later), strict=True)
    ]
    changed = np.where(values == 1, 0, values).astype(np.uint8)
    changed[4, 4:6, 4:6] = 1
    answer = save_drawn(
        api, path, images, changed, slices, segments=kept,
        predecessor_sop_instance_uid=first["sop_instance_uid"],
    )  # fmt: skip
    second = answer.json()
    assert answer.status_code == 201, answer.text
    assert (second["version"], second["replaces"]) == (2, [first["sop_instance_uid"]])
    assert second["series_instance_uid"] == first["series_instance_uid"]
    assert [one["tracking_uid"] for one in second["segments"]] == tracking
    assert np.array_equal(
        masks_of(api, second["sop_instance_uid"], slices),
        np.stack([changed == 1, changed == 2], axis=-1),
    )
    # What a tool had helped to draw is not drawn by hand because of a later stroke.
    assert [
        one.SegmentAlgorithmType for one in stored(api, second["sop_instance_uid"]).SegmentSequence
    ] == ["MANUAL", "SEMIAUTOMATIC"]
    names = [
        one.get("SegmentAlgorithmName")
        for one in stored(api, second["sop_instance_uid"]).SegmentSequence
    ]
    assert names == [
        None,
        "model/growing/threshold/interpolation/resampling/brush/outline",
    ]
    (source,) = stored(api, second["sop_instance_uid"]).SourceImageSequence
    assert source.ReferencedSOPInstanceUID == first["sop_instance_uid"]
    late = save_drawn(
        api, path, images, values, slices, predecessor_sop_instance_uid=first["sop_instance_uid"]
    )
    is_problem(late, 409, "uid_conflict")
    other = save_drawn(api, path, images, values, slices, title="Other").json()
    listed = api.client.get(path).json()["items"]
    assert [one["sop_instance_uid"] for one in listed] == [
        second["sop_instance_uid"],
        other["sop_instance_uid"],
    ]
    assert listed[0]["replaces"] == [first["sop_instance_uid"]]
    assert [one["structure"] for one in listed[0]["segments"]] == ["liver", "kidney"]
    assert [one["side"] for one in listed[0]["segments"]] == [None, "LEFT"]


def test_frames_of_an_enhanced_instance_keep_their_own_numbers(api: ApiNode) -> None:
    images = builders.series(
        np.zeros(SHAPE, np.int16), spacing_mm=SPACING_MM, directions=builders.rotation(9, 30, -12)
    )
    order = [3, 0, 6, 1, 5, 2, 4]
    enhanced = builders.enhanced_mr(images, order)
    path, values = sent(api, [enhanced]), labels()
    # Frame f of the instance (from 0) shows slice order[f].
    slices = [
        {"sop_instance_uid": enhanced.SOPInstanceUID, "frame_number": order.index(k) + 1}
        for k in range(len(order))
    ]
    answer = save_drawn(api, path, [enhanced], values, slices)
    assert answer.status_code == 201, answer.text
    segmentation = hd.seg.Segmentation.from_dataset(stored(api, answer.json()["sop_instance_uid"]))
    found = segmentation.get_pixels_by_source_frame(
        enhanced.SOPInstanceUID,
        [one["frame_number"] for one in slices],
        assert_missing_frames_are_empty=True,
    )
    assert np.array_equal(found, np.stack([values == 1, values == 2], axis=-1))


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"values": np.full(SHAPE, 3, np.uint8)}, 400, "value 3"),
        ({"values": np.zeros(SHAPE, np.uint8)}, 400, "Segment 1 (Leber, Segment VIII) has no"),
        ({"values": np.ones((7, 4, 14), np.uint8)}, 400, "has 12 and 14"),
        ({"slices": ["1.2.3"] * 7}, 400, "named twice"),
        ({"slices": [f"1.2.{number}" for number in range(7)]}, 400, "1.2.0, which is not"),
        ({"series_instance_uid": "2.25.5"}, 404, ""),
        ({"segments": [{"structure": "nose", "label": "Nose"}]}, 400, "nose"),
        ({"segments": [{"structure": "liver", "label": "L", "side": "LEFT"}]}, 400, "side"),
        ({"segments": []}, 422, "segments"),
        ({"predecessor_sop_instance_uid": "2.25.5"}, 400, "2.25.5"),
        ({"packed": b"no gzip"}, 422, "gzip"),
        ({"packed": gzip.compress(bytes(99_999))}, 422, "gzip"),
    ],
)
def test_what_does_not_fit_the_series_is_refused_and_stores_nothing(
    api: ApiNode, change: dict[str, Any], status: int, says: str
) -> None:
    images = oblique()
    path = sent(api, images)
    asked = {"values": labels(), "slices": keys_of(images), **change}
    answer = save_drawn(api, path, images, **asked)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]
    assert api.client.get(path).json()["items"] == []


def test_nothing_is_unpacked_that_has_not_the_size_of_the_images(api: ApiNode) -> None:
    """A gzip of 0.9 MB is 900 MB of zeros."""
    images = oblique()
    path = sent(api, images)
    bomb = gzip.compress(bytes(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for slices, rows, columns in (
        ([keys_of(images)[0]] * 225, 2000, 2000),
        (keys_of(images), 10_000, 10_000),
        (
            [{"sop_instance_uid": keys_of(images)[0], "frame_number": n} for n in range(1, 999)],
            12,
            14,
        ),
    ):
        size = {"rows": rows, "columns": columns}
        answer = save_drawn(api, path, images, labels(), slices, packed=bomb, **size)
        assert answer.status_code == 400, answer.text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_slices_that_are_no_stack_are_refused_with_the_reason(api: ApiNode) -> None:
    images = builders.series(np.zeros(SHAPE, np.int16), spacing_mm=SPACING_MM, seed=7)
    del images[3]
    path = sent(api, images)
    answer = save_drawn(api, path, images, labels()[:6], [one.SOPInstanceUID for one in images])
    is_problem(answer, 400, "invalid_request")
    assert "Nothing can be segmented on this series." in answer.json()["detail"]


def test_the_structures_are_those_of_the_standards_dictionary(api: ApiNode) -> None:
    from pydicom.sr._concepts_dict import concepts

    snomed: Any = concepts["SCT"]
    known = {code for kinds in snomed.values() for code in kinds}
    listed = api.client.get("/api/segmentations/structures").json()["items"]
    assert len({one["id"] for one in listed}) == len(listed) == len(STRUCTURES)
    assert {one["code"]["value"] for one in listed} <= known
    assert {one["category"]["value"] for one in listed} <= known
    assert all(one["name"] and one["name_de"] for one in listed)


@pytest.mark.parametrize("what", ["segmentation", "key images"])
def test_a_study_that_is_deleted_while_it_is_saved_does_not_come_back(
    stored_api: ApiNode, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    series = oblique(seed=71)
    path = sent(stored_api, series)
    uid = str(series[0].StudyInstanceUID)

    def after_deletion(*arguments: Any, **options: Any) -> Any:
        if len(stored_api.storage.index.instances_of(uid)) == len(series):
            stored_api.storage.deletions.study(uid)
        return keep(*arguments, **options)

    for module in (service, key_images):
        monkeypatch.setattr(module, "keep", after_deletion)
    if what == "segmentation":
        answer = save_drawn(
            stored_api, path, series, labels(), keys_of(series), with_structure_set=True
        )
    else:
        image = {"sop_instance_uid": str(series[0].SOPInstanceUID)}
        wanted = {"title": "OF_INTEREST", "images": [image]}
        answer = stored_api.client.post(f"/api/studies/{uid}/key-images", json=wanted)
    assert "deleted meanwhile" in is_problem(answer, 404, "not_found")["detail"]
    assert stored_api.client.get(f"/api/studies/{uid}").status_code == 404
