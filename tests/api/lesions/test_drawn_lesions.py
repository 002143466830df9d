"""Lesions that readers measure keep their identity over the studies, as those of models do."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from scipy.spatial.transform import Rotation

from inference.annotations import measurement_sr
from inference.annotations.measurement_sr import encode_measurements
from inference.lesions.drawn import schedule_when_complete
from inference.lesions.history import DRAWN_LESIONS
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.core.clock import utcnow
from storage.core.sources import of_result
from tests.api.client import ApiNode, part10
from tests.api.lesions.made import GROWN, A, B, Ball, C, D, study

TURNED_DEG, SHIFT_MM = 12.0, 14.0


def bidirectional(
    images: Sequence[Dataset],
    ball: Ball,
    label: str = "",
    *,
    turned_deg: float = 0.0,
    shift_mm: float = 0.0,
) -> dict[str, Any]:
    """Two diameters across a ball, as a reader draws them in the image nearest to its centre."""
    *centre, radius = ball
    place = Rotation.from_euler("z", turned_deg, degrees=True).apply(centre)
    place += [shift_mm, -shift_mm / 2, 0]
    across = [np.array(one.ImageOrientationPatient, float).reshape(2, 3) for one in images]
    from_corner = [place - np.array(one.ImagePositionPatient, float) for one in images]
    nearest = min(range(len(images)), key=lambda n: abs(np.cross(*across[n]) @ from_corner[n]))
    between_rows, between_columns = (float(one) for one in images[nearest].PixelSpacing)
    column = across[nearest][0] @ from_corner[nearest] / between_columns + 0.5
    row = across[nearest][1] @ from_corner[nearest] / between_rows + 0.5
    wide, high = radius / between_columns, 0.9 * radius / between_rows
    return {
        "shape": "BIDIRECTIONAL",
        "sop_instance_uid": images[nearest].SOPInstanceUID,
        "points": [
            [column - wide, row],
            [column + wide, row],
            [column, row - high],
            [column, row + high],
        ],
        "label": label,
    }


def received(api: ApiNode, images: Sequence[Dataset]) -> str:
    for image in images:
        api.storage.ingest.accept(part10(image), "dimse:MR1")
    uid = str(images[0].StudyInstanceUID)
    for series in api.storage.index.series_of(uid):
        api.storage.index.mark_complete(series, utcnow())
    return uid


def saved(
    api: ApiNode, study_uid: str, drawings: Sequence[dict[str, Any]], predecessor: str = ""
) -> dict[str, Any]:
    """Saved in the viewer, and worked on as a worker does."""
    answer = api.client.post(
        f"/api/studies/{study_uid}/measurements",
        json={"measurements": list(drawings), "predecessor_sop_instance_uid": predecessor},
    )
    assert answer.status_code == 201, answer.text
    for job in api.storage.jobs.of_studies([study_uid])[study_uid]:
        if (job.pipeline, job.state) == (DRAWN_LESIONS, "SCHEDULED"):
            done = run_job(api.storage, job.job_id, "worker")
            assert done is not None
            assert (done.state, done.reason, done.result["notes"]) == ("COMPLETED", "", [])
    report: dict[str, Any] = answer.json()
    return report


def visits(api: ApiNode, study_uid: str) -> list[dict[str, Any]]:
    items = api.client.get(f"/api/studies/{study_uid}/lesions").json()["items"]
    return [visit for one in items if one["pipeline"] == DRAWN_LESIONS for visit in one["visits"]]


def by_label(visit: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["label"]: one for one in visit["lesions"]}


def test_measurements_of_readers_are_followed_in_either_order(api: ApiNode) -> None:
    before = study("20230101", 1, [A, B, C])
    now = study("20240101", 2, [GROWN, B, D], turned_deg=TURNED_DEG, shift_mm=SHIFT_MM)
    first, second = received(api, before), received(api, now)
    moved = {"turned_deg": TURNED_DEG, "shift_mm": SHIFT_MM}
    length = {**bidirectional(now, B, "aorta", **moved), "shape": "LENGTH"}
    length["points"] = length["points"][:2]
    later = saved(
        api,
        second,
        [
            bidirectional(now, GROWN, "segment 7", **moved),
            bidirectional(now, B, "spleen", **moved),
            bidirectional(now, D, "fresh", **moved),
            length,
        ],
    )
    # The prior is measured after the study that it is a prior of.
    saved(api, first, [bidirectional(before, one, name) for one, name in
                       ((A, "S7"), (B, "splenic"), (C, "S2"))])  # fmt: skip
    was, found = (by_label(one) for one in visits(api, second))
    assert found.keys() == {"segment 7", "spleen", "fresh"}
    assert {name: one["match"]["relation"] for name, one in found.items()} == {
        "segment 7": "matched",
        "spleen": "matched",
        "fresh": "new",
    }
    assert found["segment 7"]["tracking_uid"] == was["S7"]["tracking_uid"]
    assert found["spleen"]["tracking_uid"] == was["splenic"]["tracking_uid"]
    assert found["segment 7"]["long_axis_mm"] == pytest.approx(2 * GROWN[3], abs=0.01)
    assert (found["spleen"]["short_axis_mm"], found["spleen"]["volume_mm3"]) == (
        pytest.approx(0.9 * 2 * B[3], abs=0.01),
        None,
    )
    (gone,) = visits(api, second)[1]["gone"]
    assert gone["earlier_lesion_id"] == was["S2"]["lesion_id"]
    # What a person states outlives a new version of the measurements.
    api.client.post(f"/api/lesions/{found['spleen']['lesion_id']}/match", json={})
    kept = ("shape", "sop_instance_uid", "points", "label", "tracking_uid")
    drawn = [
        {name: one[name] for name in kept}
        for one in later["measurements"]
        if one["label"] != "fresh"
    ]
    saved(api, second, drawn, later["sop_instance_uid"])
    found = by_label(visits(api, second)[1])
    assert {name: one["match"]["relation"] for name, one in found.items()} == {
        "segment 7": "matched",
        "spleen": "new",
    }


def test_a_size_keeps_its_caveat_over_the_studies_and_into_the_report(api: ApiNode) -> None:
    before, now = study("20230101", 1, [A]), study("20240101", 2, [A])
    for image in before:
        # Corrected for magnification, true at the depth that somebody assumed.
        image.PixelSpacingCalibrationType = "GEOMETRY"
    first, second = received(api, before), received(api, now)
    saved(api, first, [bidirectional(before, A, "S7")])
    saved(api, second, [bidirectional(now, A, "S7")])
    was, found = (by_label(one)["S7"] for one in visits(api, second))
    assert was["caveat_codes"] == ["assumed_geometry"]
    assert was["caveat"].startswith("Corrected for geometric magnification")
    assert (found["caveat"], found["caveat_codes"]) == ("", [])
    drafted = api.client.post("/api/reports/draft", json={"study_instance_uid": second}).json()
    sentences = [one["text"] for each in drafted["sections"] for one in each["sentences"]]
    (doubt,) = {one for one in sentences if "caution" in one}
    assert "S7 of 1 January 2023 (corrected for geometric magnification" in doubt


def test_a_reader_who_takes_over_a_tracking_uid_has_said_which_lesion_it_is(api: ApiNode) -> None:
    before, now = study("20230101", 1, [A, B]), study("20240101", 2, [A, B])
    first, second = received(api, before), received(api, now)
    report = saved(api, first, [bidirectional(before, A, "mediastinal lymph node")])
    uid = report["measurements"][0]["tracking_uid"]
    saved(api, second, [{**bidirectional(now, B, "node"), "tracking_uid": uid}])
    (lesion,) = visits(api, second)[1]["lesions"]
    assert (lesion["match"]["relation"], lesion["tracking_uid"]) == ("matched", uid)
    assert lesion["match"]["method"] == "the same tracking UID in both reports"
    assert lesion["type"]["value"] == "59441001"


def test_two_drawings_of_one_tracking_uid_are_both_followed(api: ApiNode) -> None:
    images = study("20230101", 1, [A, B])
    uid = received(api, images)
    (first,) = saved(api, uid, [bidirectional(images, A, "A")])["measurements"]
    # Of two reports, what was saved last counts; of one, all.
    again = {"tracking_uid": first["tracking_uid"]}
    saved(
        api,
        uid,
        [{**bidirectional(images, ball, name), **again} for ball, name in ((A, "A2"), (B, "B2"))],
    )
    (visit,) = visits(api, uid)
    assert by_label(visit).keys() == {"A2", "B2"}
    assert len({one["lesion_id"] for one in visit["lesions"]}) == 2


def test_what_a_model_measures_schedules_no_drawn_lesions(api: ApiNode) -> None:
    images = study("20230101", 1, [A])
    uid = received(api, images)
    report = saved(api, uid, [bidirectional(images, A)])["sop_instance_uid"]
    document = api.storage.instances.dataset(api.storage.index.instance(report))
    api.storage.deletions.instance(report)
    document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = UID("2.25.4711")
    api.storage.generated.store(part10(document), document.SOPInstanceUID, of_result("a-job"))
    before = len(api.storage.jobs.of_studies([uid])[uid])
    series = api.storage.index.series(uid, str(images[0].SeriesInstanceUID))
    schedule_when_complete(api.storage.index, api.storage.instances, api.storage.jobs, series)
    assert len(api.storage.jobs.of_studies([uid])[uid]) == before


def test_measurements_of_films_are_saved_and_not_followed(api: ApiNode) -> None:
    (film, *_) = study("20230101", 1, [A])
    uid = received(api, [film])
    answer = api.client.post(
        f"/api/studies/{uid}/measurements",
        json={"measurements": [bidirectional([film], (0.0, 0.0, float(0), 5.0))]},
    )
    assert answer.status_code == 201
    (job,) = api.storage.jobs.of_studies([uid])[uid]
    done = run_job(api.storage, job.job_id, "worker")
    assert done is not None
    assert done.state == "COMPLETED"
    assert "not followed" in done.result["notes"][0]
    assert visits(api, uid) == []


def test_what_is_measured_while_images_arrive_is_followed_once_they_are_there(
    api: ApiNode,
) -> None:
    images = study("20240101", 3, [A, B])
    drawn = bidirectional(images, A, "segment 7")
    shown = next(one for one in images if one.SOPInstanceUID == drawn["sop_instance_uid"])
    late = [one for one in images if one is not shown][:5]
    for one in images:
        if one not in late:
            api.storage.ingest.accept(part10(one), "dimse:MR1")
    uid = str(shown.StudyInstanceUID)
    saved(api, uid, [drawn])
    for arriving in ([], late):
        for one in arriving:
            api.storage.ingest.accept(part10(one), "dimse:MR1")
        # A round of the clock before the series counts as complete, by a person's word or later.
        withdraw_outdated(api.storage, utcnow())
        complete_and_schedule(api.storage, utcnow(), [])
        if not arriving:
            assert api.client.post(f"/api/studies/{uid}/complete").json()["series"]
        complete_and_schedule(api.storage, utcnow() + timedelta(seconds=60), [])
        (job,) = [
            one
            for one in api.storage.jobs.of_studies([uid])[uid]
            if one.pipeline == DRAWN_LESIONS and one.state == "SCHEDULED"
        ]
        assert run_job(api.storage, job.job_id, "worker") is not None
        (visit,) = visits(api, uid)
        assert by_label(visit).keys() == {"segment 7"}
    assert len(api.client.get(f"/api/studies/{uid}/measurements").json()["items"]) == 1


def test_measurements_do_not_bring_a_deleted_study_back(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = study("20240101", 4, [A])
    uid = received(api, images)

    def deleted_meanwhile(*given: Any, **named: Any) -> Any:
        api.storage.deletions.study(uid)
        return encode_measurements(*given, **named)

    monkeypatch.setattr(measurement_sr, "encode_measurements", deleted_meanwhile)
    body = {"measurements": [bidirectional(images, A)]}
    answer = api.client.post(f"/api/studies/{uid}/measurements", json=body)
    assert answer.status_code == 404, answer.text
    assert api.client.get("/dicom-web/instances").json() == []
