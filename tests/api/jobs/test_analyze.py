"""Files in, results out, in one call; the ledger is worked on as a worker does."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from pydicom.dataset import Dataset

from inference.worker.run import run_job
from storage.container import Storage
from storage.settings import Settings
from tests import builders
from tests.api.client import ApiNode, api_node, is_problem, part10, png, worked_on, zipped
from tests.inference.language import small_vision_models
from tests.patience import PATIENCE_S

MODEL = "owner/name@0123456789abcdef0123456789abcdef01234567"


@contextmanager
def worker(storage: Storage) -> Iterator[list[str]]:
    """End every job that comes, and list those that were ended."""
    stop, done = threading.Event(), list[str]()

    def work() -> None:
        while not stop.wait(0.05):
            for job in storage.jobs.list(state="SCHEDULED")[0]:
                worked_on(storage, job)
                done.append(job.job_id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def head() -> list[Dataset]:
    return builders.t1_head()


def multipart(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", file) for file in files]


def test_instances_in_and_findings_out(api: ApiNode, head: list[Dataset]) -> None:
    files = multipart(*((f"{index}.dcm", part10(one)) for index, one in enumerate(head)))
    with worker(api.storage) as done:
        answer = api.client.post("/api/analyze", files=files)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    (job,) = result["jobs"]
    assert done == [job["job_id"]]
    assert (job["state"], job["pipeline"]) == ("completed", "brain-volume")
    (finding,) = job["findings"]
    assert (finding["value"], finding["unit"]["value"]) == (1234.5, "cm3")
    assert finding["verification"] == "UNVERIFIED"
    assert result["instances"]["stored"] == len(head)
    assert api.client.get(f"/api/jobs/{job['job_id']}").json() == job
    listed = api.client.get("/api/jobs", params={"state": "completed"}).json()
    assert [one["job_id"] for one in listed["items"]] == [job["job_id"]]
    study = api.client.get("/api/studies").json()["items"][0]
    assert (study["state"], study["findings_count"]) == ("results", 1)
    assert study["patient_birth_date"] == "1957-03-01"
    assert study["study_time"] == "10:15:00"
    found = api.client.get(f"/api/studies/{study['study_instance_uid']}/findings").json()
    assert found["items"] == job["findings"]


def test_the_same_study_again_is_answered_at_once(api: ApiNode, head: list[Dataset]) -> None:
    archive = multipart(("head.zip", zipped(head)))
    with worker(api.storage) as done:
        first = api.client.post("/api/analyze", files=archive).json()
        second = api.client.post("/api/analyze", files=archive).json()
    assert len(done) == 1
    assert second["jobs"] == first["jobs"]
    assert second["instances"]["duplicate"] == len(head)


def test_no_pipeline_accepts_and_every_reason_is_told(api: ApiNode) -> None:
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="CT")
    answer = api.client.post("/api/analyze", files=multipart(("ct.zip", zipped(series))))
    problem = is_problem(answer, 422, "no_pipeline_accepts")
    assert {one["pipeline"] for one in problem["decisions"]} >= {"brain-volume"}
    assert all(one["reason"] and not one["accepted"] for one in problem["decisions"])


def test_an_analysis_that_takes_too_long_says_which_job_goes_on(
    api_settings: Settings, head: list[Dataset]
) -> None:
    with api_node(api_settings.model_copy(update={"analyze_timeout_s": 0.5})) as api:
        answer = api.client.post("/api/analyze", files=multipart(("head.zip", zipped(head))))
        problem = is_problem(answer, 504, "analyze_timeout")
        (job_id,) = problem["job_ids"]
        assert api.client.get(f"/api/jobs/{job_id}").json()["state"] == "scheduled"


def test_a_stopping_node_lets_the_caller_go(api_settings: Settings, head: list[Dataset]) -> None:
    answers = []
    with api_node(api_settings) as api:
        thread = threading.Thread(
            target=lambda: answers.append(
                api.client.post("/api/analyze", files=multipart(("head.zip", zipped(head))))
            )
        )
        thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not api.storage.jobs.list()[1] and time.monotonic() < deadline:
            time.sleep(0.05)
        asked = time.monotonic()
        api.stop()
        thread.join(PATIENCE_S)
    assert time.monotonic() - asked < 5
    is_problem(answers[0], 503, "stopping")


def test_only_the_pipeline_that_was_asked_for_is_told(api: ApiNode, head: list[Dataset]) -> None:
    presigned = api.upload(zipped(head), "head.zip", "application/zip")
    started = api.start(presigned, pipeline="brain-volume").json()
    assert [one["pipeline"] for one in started["decisions"]] == ["brain-volume"]
    assert started["job_id"] == started["jobs"][0]["job_id"]


def test_an_unknown_pipeline_names_those_there_are(api: ApiNode, head: list[Dataset]) -> None:
    presigned = api.upload(zipped(head[:2]), "head.zip", "application/zip")
    problem = is_problem(api.start(presigned, pipeline="astrology"), 404, "not_found")
    assert "brain-volume" in problem["remedy"]


def test_a_form_without_files_says_what_it_wants(api: ApiNode) -> None:
    answer = api.client.post("/api/analyze", files={"files": (None, "text")})
    assert "'files'" in is_problem(answer, 400, "invalid_request")["detail"]
    answer = api.client.post("/api/analyze", files={"file": b"x"})
    problem = is_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["where"] == "body.file"
    assert problem["remedy"] == "Did you mean 'files'?"


def test_thousands_of_files_in_one_form_are_asked_for_as_a_zip(api: ApiNode) -> None:
    files = multipart(*((f"{index}.dcm", b"x") for index in range(1001)))
    problem = is_problem(api.client.post("/api/analyze", files=files), 400, "bad_request")
    assert "ZIP" in problem["remedy"]


def test_a_form_that_is_none_is_refused(api: ApiNode) -> None:
    answer = api.client.post(
        "/api/analyze", content=b"garbage", headers={"Content-Type": "multipart/form-data"}
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_more_than_the_node_takes_is_refused_while_it_comes(api_settings: Settings) -> None:
    with api_node(api_settings.model_copy(update={"upload_max_bytes": 1000})) as api:
        answer = api.client.post("/api/analyze", files=multipart(("a.dcm", bytes(20_000_000))))
        is_problem(answer, 413, "limit_exceeded")


class TestPicture:
    """A PNG is no DICOM: it stays what it is, and only an image model speaks of it."""

    def test_without_a_model_nothing_is_invented(self, api: ApiNode) -> None:
        presigned = api.upload(png(), "wound.png", "image/png")
        for answer in (
            api.start(presigned),
            api.client.post("/api/analyze", files=multipart(("wound.png", png()))),
        ):
            problem = is_problem(answer, 503, "not_configured")
            assert "HF_IMG_CLS_MODEL" in problem["remedy"]
        assert api.storage.jobs.list() == ([], 0)
        # It can be started once a model is configured.
        assert api.storage.uploads.get(presigned["upload_id"]).state == "RECEIVED"

    def test_with_a_model_it_becomes_a_job_on_the_picture(self, api_settings: Settings) -> None:
        configured = api_settings.model_copy(update={"hf_img_cls_model": MODEL})
        with api_node(configured) as api:
            presigned = api.upload(png(), "wound.png", "image/png")
            started = api.start(presigned).json()
            assert started["jobs"][0]["pipeline"] == "image-classification"
            job = api.storage.jobs.get(started["job_id"])
            assert api.storage.objects.get(job.input_object_key) == png()
            again = api.start(api.upload(png(), "copy.png", "image/png")).json()
            assert again["job_id"] == started["job_id"]
            with worker(api.storage):
                answer = api.client.post("/api/analyze", files=multipart(("w.png", png())))
            assert answer.json()["jobs"][0]["state"] == "completed"

    def test_with_two_models_each_has_its_job(self, api_settings: Settings) -> None:
        both = {"hf_img_cls_model": MODEL, "hf_img_seg_model": MODEL}
        with api_node(api_settings.model_copy(update=both)) as api:
            started = api.start(api.upload(png(), "wound.png", "image/png")).json()
            names = {one["pipeline"]: one["job_id"] for one in started["jobs"]}
            assert set(names) == {"image-classification", "image-segmentation"}
            for job_id in names.values():
                job = api.storage.jobs.get(job_id)
                assert api.storage.objects.get(job.input_object_key) == png()
            again = api.start(
                api.upload(png(), "copy.png", "image/png"), pipeline="image-segmentation"
            ).json()
            assert [one["job_id"] for one in again["jobs"]] == [names["image-segmentation"]]

    def test_what_a_segmenter_sees_can_be_looked_at(
        self, api_settings: Settings, tmp_path: Path
    ) -> None:
        folder = small_vision_models.segformer(tmp_path / "model")
        configured = api_settings.model_copy(update={"hf_img_seg_model": str(folder)})
        noise = np.random.default_rng(6).integers(0, 255, (48, 70, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noise).save(stream, "PNG")
        with api_node(configured) as api:
            started = api.start(api.upload(stream.getvalue(), "wound.png", "image/png")).json()
            path = f"/api/jobs/{started['job_id']}"
            problem = is_problem(api.client.get(f"{path}/label-picture"), 404, "not_found")
            assert "has_label_picture" in problem["remedy"]
            run_job(api.storage, started["job_id"], "worker-1")
            job = api.client.get(path).json()
            assert (job["state"], job["has_label_picture"]) == ("completed", True), job["reason"]
            answer = api.client.get(f"{path}/label-picture")
        assert answer.headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert isinstance(picture, PngImageFile)
            assert picture.size == (70, 48)
            labels = np.asarray(picture)
            classes = dict(line.split(": ") for line in picture.text["Comment"].splitlines())
            assert "UNVERIFIED" in picture.text["Source"]
            assert "Research use only" in picture.text["Disclaimer"]
        assert list(classes.values()) == ["background", "lesion", "skin"]
        shares = {one["label"]: one["value"] for one in job["findings"]}
        seen = {str(value): 100 * (labels == value).mean() for value in np.unique(labels)}
        assert shares == {
            f"Share of {classes[value]}": pytest.approx(share, abs=1e-3)
            for value, share in seen.items()
        }
        assert {one["unit"]["value"] for one in job["findings"]} == {"%"}

    def test_a_model_without_its_commit_is_not_asked(self, api_settings: Settings) -> None:
        configured = api_settings.model_copy(
            update={"hf_img_cls_model": MODEL, "hf_img_seg_model": "owner/name"}
        )
        with api_node(configured) as api:
            answer = api.start(api.upload(png(), "wound.png", "image/png"))
            problem = is_problem(answer, 503, "not_configured")
            assert "without a commit" in problem["detail"]

    def test_a_damaged_picture_is_refused(self, api_settings: Settings) -> None:
        configured = api_settings.model_copy(update={"hf_img_cls_model": MODEL})
        with api_node(configured) as api:
            presigned = api.upload(png()[:40], "wound.png", "image/png")
            is_problem(api.start(presigned), 422, "invalid_instance")

    def test_a_pipeline_for_series_does_not_take_it(self, api: ApiNode) -> None:
        presigned = api.upload(png(), "wound.png", "image/png")
        is_problem(api.start(presigned, pipeline="brain-volume"), 422, "no_pipeline_accepts")


def test_a_real_chest_ct_gets_no_brain_job(api: ApiNode, shared_data: Path) -> None:
    paths = sorted((shared_data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))[:10]
    archive = zipped({path.name: path.read_bytes() for path in paths})
    answer = api.client.post("/api/analyze", files=multipart(("ct.zip", archive)))
    problem = is_problem(answer, 422, "no_pipeline_accepts")
    assert problem["instances"]["stored"] == 10
