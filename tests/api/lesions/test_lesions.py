"""Lesions keep their identity over a patient's studies: job, SEG, SR, REST, CLI, correction."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.mask_edits.label_map import LabelMap
from inference.mask_edits.service import edit_mask
from inference.reports.draft import draft_sections
from inference.reports.due import draft_due
from inference.reports.evidence import gather
from inference.reports.locale import load_locale
from inference.results.author import Author
from storage.core.entities import Job
from storage.settings import Settings
from tests.api.client import ApiNode, api_node
from tests.api.lesions.made import GROWN, A, B, C, D, add_lesion_model, study, worked
from tests.api.results.test_truncated import findings_of, result
from tests.inference.orchestration import later, settings_in
from tests.migrated import upgrade
from tests.services import free_port


def near(ball: tuple[float, ...]) -> float:
    """By its diameter, by which the lesions of the phantom differ."""
    return 2 * ball[3]


def by_size(visit: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(visit["lesions"], key=lambda one: -one["long_axis_mm"])


Followed = tuple[ApiNode, Job, Job]


def followed_in(api: ApiNode, folder: Path) -> Followed:
    add_lesion_model(api.storage, folder / "model")
    before = worked(api.storage, study("20230101", 1, [A, B, C]))
    moved = study("20240101", 2, [GROWN, B, D], turned_deg=12, shift_mm=14)
    return api, before, worked(api.storage, moved)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """Of tests that change nothing."""
    folder = tmp_path_factory.mktemp("lesions")
    settings = settings_in(folder, http_port=free_port(), dicom_port=free_port())
    upgrade(settings)
    with api_node(settings) as api:
        yield followed_in(api, folder)


def test_lesions_are_found_again_where_the_patient_lay_elsewhere(followed: Followed) -> None:
    api, before, now = followed
    answer = api.client.get(f"/api/studies/{now.study_instance_uid}/lesions").json()
    (course,) = answer["items"]
    first, second = course["visits"]
    assert [one["match"] for one in first["lesions"]] == [None] * 3
    was_b, was_a, was_c = by_size(first)
    grown, still, new = by_size(second)
    assert grown["long_axis_mm"] == pytest.approx(near(GROWN), abs=3)
    assert was_a["long_axis_mm"] == pytest.approx(near(A), abs=3)
    assert grown["match"]["relation"] == still["match"]["relation"] == "matched"
    assert grown["match"]["earlier_lesion_id"] == was_a["lesion_id"]
    assert still["match"]["earlier_lesion_id"] == was_b["lesion_id"]
    assert still["match"]["confidence"] > 0.8
    assert "overlap" in still["match"]["method"]
    assert new["match"]["relation"] == "new"
    (gone,) = second["gone"]
    assert gone["earlier_lesion_id"] == was_c["lesion_id"]
    assert (grown["tracking_uid"], still["tracking_uid"]) == (
        was_a["tracking_uid"],
        was_b["tracking_uid"],
    )
    # SEG, findings and SR carry it.
    segments = {str(one.TrackingUID) for one in result(api, now, "SEG").SegmentSequence}
    assert segments == {one["tracking_uid"] for one in second["lesions"]}
    # What a lesion is says not where it is (TID 1411, FHIR's Observation.bodySite).
    assert "363698007" not in result(api, now, "SR").to_json()
    found = findings_of(api, now.study_instance_uid)
    axis = next(one for label, one in found.items() if label == f"{grown['label']} long axis")
    observed = api.client.get(f"/fhir/Observation/{axis['finding_id']}").json()
    assert "bodySite" not in observed
    kinds = {one["code"]["coding"][0]["code"]: one for one in observed["component"]}
    assert kinds["121071"]["valueCodeableConcept"]["coding"][0]["code"] == grown["type"]["value"]
    assert axis["tracking_uid"] == grown["tracking_uid"]
    assert axis["value"] == pytest.approx(grown["long_axis_mm"], abs=0.01)
    total = sum(one["volume_mm3"] for one in second["lesions"]) / 1000
    of_all = found["Lesion volume, total of 3 lesions"]
    assert of_all["value"] == pytest.approx(total, abs=0.01)
    assert "Lesion volume, total of 3 lesions" in result(api, now, "SR").to_json()
    assert of_all["tracking_uid"] in {
        one["tracking_uid"] for one in findings_of(api, before.study_instance_uid).values()
    }


def test_a_lesion_is_compared_with_what_it_was_and_not_with_its_number(followed: Followed) -> None:
    """Each study numbers its lesions by size: the first one is B before, and A now."""
    api, _, now = followed
    path = f"/api/studies/{now.study_instance_uid}"
    (course,) = api.client.get(f"{path}/lesions").json()["items"]
    _, was_a, _ = by_size(course["visits"][0])
    grown, _, new = by_size(course["visits"][1])
    found = findings_of(api, now.study_instance_uid)
    prior = found[f"{grown['label']} volume"]["prior"]
    assert prior["value"] == pytest.approx(was_a["volume_mm3"] / 1000, abs=0.01)
    assert found[f"{new['label']} volume"]["prior"] is None
    trends = {one["label"]: one for one in api.client.get(f"{path}/trend").json()["items"]}
    before, after = trends[f"{grown['label']} volume"]["points"]
    assert (before["value"], after["value"]) == (
        prior["value"],
        found[f"{grown['label']} volume"]["value"],
    )
    assert len(trends[f"{new['label']} volume"]["points"]) == 1


def test_the_sums_follow_recist(followed: Followed) -> None:
    api, _, now = followed
    (course,) = api.client.get(f"/api/studies/{now.study_instance_uid}/lesions").json()["items"]
    first, second = course["visits"]
    sizes = {one["tracking_uid"]: one["long_axis_mm"] for one in first["lesions"]}
    targets = course["recist"]["target_tracking_uids"]
    # Three are 10 mm or more; two of a type are the most.
    assert len(targets) == 2
    baseline, response = course["recist"]["responses"]
    assert (baseline["category"], response["category"]) == ("baseline", "PD")
    grown = "The sum is 20 % and 5 mm or more above the smallest."
    assert response["reason"] == f"New lesions. {grown}"
    assert baseline["sum"] == pytest.approx(sum(sizes[uid] for uid in targets), abs=0.1)
    later = {one["tracking_uid"]: one["long_axis_mm"] for one in second["lesions"]}
    assert response["sum"] == pytest.approx(sum(later[uid] for uid in targets), abs=0.1)
    assert "unverified" in course["caveat"]
    assert course["lugano"]["responses"] == []


def test_the_report_says_what_became_of_them(followed: Followed) -> None:
    api, before, now = followed
    sections = draft_sections(gather(api.storage, now.study_instance_uid), load_locale("en"))
    sentences = [one for section in sections for one in section.sentences]
    text = " ".join(one.text for one in sentences)
    assert (
        "Lesions beside the study of 1 January 2023, matched by software: 2 seen before, 1 new,"
        " 1 no longer found." in text
    )
    progress = r"computed and not verified: PD \(new lesions: 1; the sum is \d+\.\d% and \d+\.\d mm"
    assert re.search(f"In the manner of RECIST 1.1, {progress} above the smallest", text)
    (impression,) = (one for one in sections if one.kind == "impression")
    concluded = " ".join(one.text for one in impression.sentences)
    assert re.search(r" 1 new, .* New: [^.]*\d \(longest diameter \d+\.\d mm\)\.", concluded)
    assert re.search(progress, concluded)
    # Numbered by size: B, A, C before, and now A, which has grown, B, D.
    assert (
        "Lesions are numbered in each study separately."
        " As named on 1 January 2023: Lesion 1 was Lesion 2, Lesion 2 was Lesion 1." in text
    )
    # A sphere of 9 mm, on slices of 3.5 mm.
    gone = re.search(
        r"No longer found, as named on 1 January 2023: Lesion 3"
        r" \(longest diameter (\d+\.\d) mm\)\.",
        concluded,
    )
    assert gone
    assert float(gone[1]) == pytest.approx(near(C), abs=3)
    # Where either study's results are withdrawn, what compares them is not current.
    for one in sentences:
        if "beside the study of" in one.text or "RECIST" in one.text:
            rests_on = api.storage.findings.named(one.result_ids)
            assert {found.job_id for found in rests_on} == {before.job_id, now.job_id}
            assert len(rests_on) == 6, "one for each lesion"


def test_a_person_corrects_a_match(api: ApiNode, tmp_path: Path) -> None:
    _, _, now = followed_in(api, tmp_path)
    path = f"/api/studies/{now.study_instance_uid}/lesions"
    first, second = api.client.get(path).json()["items"][0]["visits"]
    _, was_a, was_c = by_size(first)
    grown, _, new = by_size(second)
    correction = {"earlier_lesion_id": was_c["lesion_id"], "reason": "Seen on the axial images."}
    stated = api.client.post(f"/api/lesions/{new['lesion_id']}/match", json=correction)
    assert stated.status_code == 201
    assert (stated.json()["relation"], stated.json()["confidence"]) == ("matched", 1.0)
    apart = api.client.post(f"/api/lesions/{grown['lesion_id']}/match", json={})
    assert apart.json()["relation"] == "new"
    course = api.client.get(path).json()["items"][0]
    grown, _, new = by_size(course["visits"][1])
    assert new["tracking_uid"] == was_c["tracking_uid"]
    assert new["match"]["decided_by"] != ""
    assert [one["earlier_lesion_id"] for one in course["visits"][1]["gone"]] == [was_a["lesion_id"]]
    # What was written before keeps the UID that it states.
    assert grown["tracking_uid"] not in (was_a["tracking_uid"], grown["stated_tracking_uid"])
    assert grown["stated_tracking_uid"] == was_a["tracking_uid"]
    # The volumes are compared by the correction once the report is drafted.
    draft_due(api.storage, later(3600))
    found = findings_of(api, now.study_instance_uid)
    assert found[f"{grown['label']} volume"]["prior"] is None
    assert found[f"{new['label']} volume"]["prior"]["value"] == pytest.approx(
        was_c["volume_mm3"] / 1000, abs=0.01
    )
    # The next study goes by the correction.
    third = worked(api.storage, study("20250101", 3, [GROWN, B, D], turned_deg=-5))
    uids = {str(one.TrackingUID) for one in result(api, third, "SEG").SegmentSequence}
    assert uids == {one["tracking_uid"] for one in course["visits"][1]["lesions"]}


def test_an_edit_of_the_mask_changes_the_lesions_and_keeps_what_they_were(
    api: ApiNode, tmp_path: Path
) -> None:
    _, before, now = followed_in(api, tmp_path)
    path = f"/api/studies/{now.study_instance_uid}/lesions"
    grown, still, new = by_size(api.client.get(path).json()["items"][0]["visits"][1])
    segmentation = result(api, now, "SEG")
    sources = api.storage.index.instances_of(now.study_instance_uid, now.series_instance_uid)
    # The new lesion is no lesion.
    none = LabelMap(
        tuple((one.sop_instance_uid, 1) for one in sources),
        (new["segment_number"],),
        np.zeros((len(sources), segmentation.Rows, segmentation.Columns), np.uint8),
    )
    sop_instance_uid = str(segmentation.SOPInstanceUID)
    author = Author("petra", is_person=True)
    edit_mask(api.storage, now.study_instance_uid, sop_instance_uid, none, author, "A vessel")
    course = api.client.get(path).json()["items"][0]
    left = by_size(course["visits"][1])
    assert [one["lesion_id"] for one in left] == [grown["lesion_id"], still["lesion_id"]]
    assert [one["match"]["relation"] for one in left] == ["matched"] * 2
    assert [one["long_axis_mm"] for one in left] == [grown["long_axis_mm"], still["long_axis_mm"]]
    assert {one["job_id"] for one in left}.isdisjoint({now.job_id, before.job_id})
    # A is 26 % larger; nothing is new any more.
    response = course["recist"]["responses"][1]
    assert (response["new_lesions"], response["category"]) == (0, "PD")
    assert "20 %" in response["reason"]


def test_what_cannot_be_a_match_is_refused(followed: Followed) -> None:
    api, _, now = followed
    first, second, *_ = api.storage.lesions.of_jobs([now.job_id])
    same = {"earlier_lesion_id": first.lesion_id}
    refused = api.client.post(f"/api/lesions/{second.lesion_id}/match", json=same)
    assert refused.status_code == 400
    assert "not a lesion of an earlier study" in refused.json()["detail"]
    missing = api.client.post("/api/lesions/nothing/match", json={})
    assert missing.status_code == 404
    assert api.client.get("/api/studies/2.25.99/lesions").status_code == 404


def test_a_lesion_beyond_the_images_is_not_gone_until_they_arrive(
    api: ApiNode, tmp_path: Path
) -> None:
    """The upper half comes first: B lies below it, and A is cut off."""
    add_lesion_model(api.storage, tmp_path / "model")
    worked(api.storage, study("20230101", 1, [A, B, C]))
    images = study("20240101", 2, [A, B, C])
    lower, upper = images[:13], images[13:]
    half = worked(api.storage, upper)
    path = f"/api/studies/{half.study_instance_uid}/lesions"
    (course,) = api.client.get(path).json()["items"]
    first, second = course["visits"]
    was_b = by_size(first)[0]
    assert [one["earlier_lesion_id"] for one in second["outside"]] == [was_b["lesion_id"]]
    assert second["gone"] == []
    response = course["recist"]["responses"][1]
    assert (response["category"], response["sum"]) == ("NE", None)
    # Nothing of the partial images is left once the rest is there.
    whole = worked(api.storage, lower)
    assert api.storage.jobs.get(half.job_id).status == "SUPERSEDED"
    (course,) = api.client.get(path).json()["items"]
    second = course["visits"][1]
    assert {one["job_id"] for one in second["lesions"]} == {whole.job_id}
    assert [one["match"]["relation"] for one in second["lesions"]] == ["matched"] * 3
    assert (second["outside"], second["gone"]) == ([], [])
    assert course["recist"]["responses"][1]["category"] == "SD"


def test_an_earlier_study_that_comes_late_revises_the_later_one(
    api: ApiNode, tmp_path: Path
) -> None:
    add_lesion_model(api.storage, tmp_path / "model")
    now = worked(api.storage, study("20240101", 2, [GROWN, B, D], turned_deg=12, shift_mm=14))
    path = f"/api/studies/{now.study_instance_uid}/lesions"
    draft_due(api.storage, later(3600))
    stated = {one["tracking_uid"] for one in last_visit(api, path)["lesions"]}
    before = worked(api.storage, study("20220101", 1, [A, B, C]))
    draft_due(api.storage, later(3600))
    draft_due(api.storage, later(7200))
    first, second = api.client.get(path).json()["items"][0]["visits"]
    was_b, was_a, was_c = by_size(first)
    grown, still, new = by_size(second)
    assert [one["match"]["relation"] for one in (grown, still, new)] == ["matched"] * 2 + ["new"]
    assert (grown["tracking_uid"], still["tracking_uid"]) == (
        was_a["tracking_uid"],
        was_b["tracking_uid"],
    )
    assert [one["earlier_lesion_id"] for one in second["gone"]] == [was_c["lesion_id"]]
    # What the later SEG has stated since is what the earlier one states.
    assert {one["tracking_uid"] for one in second["lesions"]} == stated
    segments = {str(one.TrackingUID) for one in result(api, before, "SEG").SegmentSequence}
    assert segments & stated == {was_a["tracking_uid"], was_b["tracking_uid"]}
    prior = findings_of(api, now.study_instance_uid)[f"{grown['label']} volume"]["prior"]
    assert prior["study_date"] == "2022-01-01"
    assert prior["value"] == pytest.approx(was_a["volume_mm3"] / 1000, abs=0.01)
    (report,) = api.storage.reports.of_study(now.study_instance_uid)
    text = " ".join(one.text for section in report.sections for one in section.sentences)
    assert "Lesions beside the study of 1 January 2022" in text
    # A person's word on the later study outlives one that comes between the two.
    api.client.post(f"/api/lesions/{still['lesion_id']}/match", json={})
    worked(api.storage, study("20230101", 3, [A, B], turned_deg=-5))
    _, between, second = api.client.get(path).json()["items"][0]["visits"]
    assert [one["match"]["relation"] for one in between["lesions"]] == ["matched"] * 2
    was_b, was_a = by_size(between)
    grown, still, _ = by_size(second)
    assert grown["match"]["earlier_lesion_id"] == was_a["lesion_id"]
    assert (still["match"]["relation"], still["match"]["decided_by"] != "") == ("new", True)
    assert [one["earlier_lesion_id"] for one in second["gone"]] == [was_b["lesion_id"]]
    # Without the study between, the first one is the one before again.
    api.client.delete(f"/dicom-web/studies/{between['study_instance_uid']}")
    first, second = api.client.get(path).json()["items"][0]["visits"]
    grown, *_ = by_size(second)
    assert grown["match"]["earlier_lesion_id"] == by_size(first)[1]["lesion_id"]


def last_visit(api: ApiNode, path: str) -> dict[str, Any]:
    (course,) = api.client.get(path).json()["items"]
    found: dict[str, Any] = course["visits"][-1]
    return found


def test_without_comparison_lesions_are_tracked_by_themselves(
    api_settings: Settings, tmp_path: Path
) -> None:
    with api_node(api_settings.model_copy(update={"lesion_matching_s": 0.0})) as api:
        add_lesion_model(api.storage, tmp_path / "model")
        worked(api.storage, study("20230101", 1, [A, B]))
        now = worked(api.storage, study("20240101", 2, [A, B]))
        (course,) = api.client.get(f"/api/studies/{now.study_instance_uid}/lesions").json()["items"]
        assert (
            len({one["tracking_uid"] for visit in course["visits"] for one in visit["lesions"]})
            == 4
        )
        assert course["recist"]["responses"][1]["category"] == "NE"
