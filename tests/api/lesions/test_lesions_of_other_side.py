"""Lesions of the one side of the body are no earlier ones of the other."""

from pathlib import Path

from tests.api.client import ApiNode
from tests.api.lesions.made import GROWN, A, B, add_lesion_model, study, worked
from tests.api.lesions.test_feedback import course_of, draft_of


def test_lesions_of_the_other_side_are_not_followed(api: ApiNode, tmp_path: Path) -> None:
    add_lesion_model(api.storage, tmp_path / "model")
    right, left = study("20230101", 1, [A, B]), study("20240101", 2, [GROWN, B])
    for images, side in ((right, "R"), (left, "L")):
        for image in images:
            image.Laterality = side
    before, now = worked(api.storage, right), worked(api.storage, left)
    (visit,) = course_of(api, now)["visits"]
    assert visit["study_instance_uid"] == now.study_instance_uid
    uids = [
        {one.tracking_uid for one in api.storage.lesions.of_jobs([job.job_id])}
        for job in (before, now)
    ]
    assert not uids[0] & uids[1]
    assert (
        "The lesions are not compared with those of 2023-01-01: its images state the other side of"
        " the body." in now.result["notes"]
    )
    text = draft_of(api, now)
    assert "PD" not in text
    assert "ihre Bilder zeigen die andere Körperseite" in text
