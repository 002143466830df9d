"""A bit that flips in what was uploaded: nobody reads it for a finding or an answer."""

from inference.worker.run import run_job
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, png
from tests.api.jobs.test_analyze import MODEL


def flip_a_bit(api: ApiNode, object_key: str) -> None:
    content = bytearray(api.storage.objects.get(object_key))
    content[len(content) // 2] ^= 1
    api.storage.objects.put(object_key, bytes(content))


def test_a_damaged_picture_is_named_and_the_same_one_sent_again_repairs_it(
    api_settings: Settings,
) -> None:
    configured = api_settings.model_copy(update={"hf_img_cls_model": MODEL})
    with api_node(configured) as api:
        job_id = api.start(api.upload(png(), "wound.png", "image/png")).json()["job_id"]
        picture = api.storage.jobs.get(job_id).input_object_key
        flip_a_bit(api, picture)
        run_job(api.storage, job_id, "worker-1")
        job = api.client.get(f"/api/jobs/{job_id}").json()
        assert picture in job["reason"]
        assert "is damaged" in job["reason"]
        again = api.start(api.upload(png(), "copy.png", "image/png")).json()
        assert again["job_id"] == job_id
        assert api.storage.objects.get(picture) == png()
