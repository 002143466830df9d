"""An analysed picture goes for good, and nothing that belongs to a study goes this way."""

import pytest

from inference.results.pictures.label_picture import label_picture_key
from inference.worker.run import run_job
from storage.core.errors import NotFound
from storage.settings import Settings
from tests import builders
from tests.api.client import ApiNode, api_node, is_problem, part10, png, scheduled_job, worked_on
from tests.api.jobs.test_analyze import MODEL
from tests.inference.language import small_vision_models


def is_there(api: ApiNode, key: str) -> bool:
    try:
        api.storage.objects.get(key)
    except NotFound:
        return False
    return True


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_vision_models.segformer(tmp_path_factory.mktemp("segmenter") / "model"))


def test_nothing_of_a_deleted_picture_is_left(api_settings: Settings, segmenter: str) -> None:
    configured = api_settings.model_copy(update={"hf_img_seg_model": segmenter})
    with api_node(configured) as api:
        started = api.start(api.upload(png(), "wound.png", "image/png")).json()
        job_id, path = started["job_id"], f"/api/jobs/{started['job_id']}"
        picture = api.storage.jobs.get(job_id).input_object_key
        is_problem(api.client.delete(path), 409, "state_conflict")
        run_job(api.storage, job_id, "worker-1")
        labels = label_picture_key(api.storage.jobs.get(job_id))
        (*_, finding) = api.client.get(path).json()["findings"]
        assert is_there(api, picture)
        assert is_there(api, labels)
        assert api.client.delete(path).status_code == 204
        is_problem(api.client.get(path), 404, "not_found")
        is_problem(api.client.get(f"/api/findings/{finding['finding_id']}"), 404, "not_found")
        is_problem(api.client.delete(path), 404, "not_found")
        assert not is_there(api, picture)
        assert not is_there(api, labels)
        # The same picture may come again.
        again = api.start(api.upload(png(), "wound.png", "image/png")).json()
        assert again["job_id"] != job_id


def test_a_picture_stays_for_the_other_job_on_it(api_settings: Settings) -> None:
    both = {"hf_img_cls_model": MODEL, "hf_img_seg_model": MODEL}
    with api_node(api_settings.model_copy(update=both)) as api:
        jobs = api.start(api.upload(png(), "wound.png", "image/png")).json()["jobs"]
        first, second = (one["job_id"] for one in jobs)
        picture = api.storage.jobs.get(first).input_object_key
        for job_id in (first, second):
            assert api.client.post(f"/api/jobs/{job_id}/cancel").status_code == 200
        assert api.client.delete(f"/api/jobs/{first}").status_code == 204
        assert is_there(api, picture)
        assert api.client.delete(f"/api/jobs/{second}").status_code == 204
        assert not is_there(api, picture)


def test_what_was_worked_out_of_a_study_goes_with_the_study(api: ApiNode) -> None:
    (instance, *_) = builders.t1_head((3, 16, 16))
    api.storage.ingest.accept(part10(instance), "dimse:MR1")
    job = scheduled_job(api.storage, str(instance.StudyInstanceUID))
    worked_on(api.storage, job)
    problem = is_problem(api.client.delete(f"/api/jobs/{job.job_id}"), 409, "state_conflict")
    assert "DELETE /dicom-web/studies" in problem["remedy"]
    assert api.storage.jobs.get(job.job_id).state == "COMPLETED"


def test_a_question_goes_by_itself(api: ApiNode) -> None:
    job = api.storage.answers.ask("docqa", {}, version="1", object_key="documents/letter")
    problem = is_problem(api.client.delete(f"/api/jobs/{job.job_id}"), 409, "state_conflict")
    assert "MEDIVIEW_ANSWER_RETENTION_S" in problem["remedy"]
