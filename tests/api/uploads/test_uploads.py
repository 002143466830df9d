"""An upload goes where it was presigned for, once, in time, and no larger."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
from pydicom.dataset import Dataset

from storage.settings import Settings, load_settings
from tests import builders
from tests.api.client import ApiNode, api_node, is_problem, part10, sent, zipped
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.servers import S3Server
from tests.services import free_port
from tests.storage.dicom.test_offending_element import with_broken_private_element


def small_series() -> list[Dataset]:
    voxels = np.arange(4 * 6 * 5, dtype=np.int16).reshape(4, 6, 5)
    return builders.series(voxels, modality="CT", seed=11)


def test_a_zip_is_presigned_sent_and_started(stored_api: ApiNode) -> None:
    api = stored_api
    series = small_series()
    presigned = api.upload(zipped(series), "study.zip", "application/zip")
    answer = api.start(presigned)
    assert answer.status_code == 202, answer.text
    started = answer.json()
    assert started["instances"]["stored"] == 4
    assert started["study_instance_uids"] == [series[0].StudyInstanceUID]
    # A chest CT is nothing for a brain: the reason is told at once, and kept.
    reasons = {one["pipeline"]: one["reason"] for one in started["decisions"]}
    assert started["job_id"] is None
    assert reasons["brain-volume"]
    study = api.client.get(f"/api/studies/{series[0].StudyInstanceUID}").json()
    assert study["state"] == "refused"
    assert study["state_text"].startswith("No analysis fits")
    assert study["series"][0]["state"] == "complete"
    stored = api.storage.index.instance(series[2].SOPInstanceUID)
    assert stored.source == f"upload:{presigned['upload_id']}"
    assert api.storage.instances.read(stored) == part10(series[2])


def test_starting_again_gives_the_same_answer(api: ApiNode) -> None:
    presigned = api.upload(zipped(small_series()), "study.zip", "application/zip")
    first, second = api.start(presigned), api.start(presigned)
    assert second.status_code == 202
    assert second.json() == first.json()
    # The archive's bytes are not kept beside the instances.
    assert not api.storage.objects.exists(presigned["object_key"])


def test_the_same_study_in_another_upload_is_a_duplicate(api: ApiNode) -> None:
    data = zipped(small_series())
    api.start(api.upload(data, "a.zip", "application/zip"))
    again = api.start(api.upload(data, "b.zip", "application/zip")).json()
    assert again["instances"] == {
        "stored": 0,
        "duplicate": 4,
        "conflict": 0,
        "refused": [],
        "refused_count": 0,
    }
    assert again["decisions"]


def test_a_token_changed_by_one_character_is_refused(api: ApiNode) -> None:
    presigned = api.presign("one.dcm", "application/dicom", 10)
    token = parse_qs(urlsplit(presigned["url"]).query)["token"][0]
    other = "A" if token[5] != "A" else "B"
    answer = api.client.put(
        "/api/uploads/content",
        params={"token": token[:5] + other + token[6:]},
        headers=presigned["headers"],
        content=b"0123456789",
    )
    assert is_problem(answer, 403, "upload_url_refused")["remedy"]


@pytest.mark.parametrize("token", ["", "x", "a.b", "é.é", "." * 50])
def test_nonsense_for_a_token_is_refused(api: ApiNode, token: str) -> None:
    answer = api.client.put("/api/uploads/content", params={"token": token}, content=b"0123456789")
    is_problem(answer, 403, "upload_url_refused")


def test_an_expired_url_is_refused(api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"upload_url_expiry_s": 1})
    with api_node(settings) as api:
        presigned = api.presign("one.dcm", "application/dicom", 10)
        time.sleep(1.1)
        answer = api.client.put(
            presigned["url"], headers=presigned["headers"], content=b"0123456789"
        )
        assert "expired" in is_problem(answer, 403, "upload_url_refused")["detail"]


def test_a_url_is_used_up_once(api: ApiNode) -> None:
    presigned = api.upload(b"0123456789", "one.dcm")
    answer = api.client.put(presigned["url"], headers=presigned["headers"], content=b"other")
    is_problem(answer, 409, "upload_already_received")
    assert api.storage.objects.get(presigned["object_key"]) == b"0123456789"


def test_of_two_that_send_at_once_one_wins_and_keeps_its_bytes(api: ApiNode) -> None:
    presigned = api.presign("one.dcm", "application/dicom", 10)
    begun, goes_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"01234"
        begun.set()
        assert goes_on.wait(PATIENCE_S)
        yield b"56789"

    def put(content: bytes | Iterator[bytes]) -> httpx.Response:
        return api.client.put(presigned["url"], headers=presigned["headers"], content=content)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(put, slowly())
        assert begun.wait(PATIENCE_S)
        assert put(b"in between").status_code == 200
        goes_on.set()
        is_problem(slow.result(), 409, "upload_already_received")
    assert api.storage.objects.get(presigned["object_key"]) == b"in between"
    assert api.storage.uploads.get(presigned["upload_id"]).state == "RECEIVED"


def test_more_bytes_than_presigned_are_refused_whether_declared_or_not(api: ApiNode) -> None:
    for content in (b"x" * 11, iter([b"x" * 6, b"x" * 6])):
        presigned = api.presign("one.dcm", "application/dicom", 10)
        answer = api.client.put(presigned["url"], headers=presigned["headers"], content=content)
        is_problem(answer, 413, "limit_exceeded")
        assert not api.storage.objects.exists(presigned["object_key"])


def test_a_larger_upload_than_the_node_takes_is_not_presigned(api: ApiNode) -> None:
    answer = api.client.post(
        "/api/uploads/presign",
        json={
            "filename": "a.zip",
            "content_type": "application/zip",
            "size_bytes": api.storage.settings.upload_max_bytes + 1,
        },
    )
    is_problem(answer, 413, "limit_exceeded")


def test_another_content_type_than_presigned_is_refused(api: ApiNode) -> None:
    presigned = api.presign("one.dcm", "application/dicom", 10)
    answer = api.client.put(
        presigned["url"], headers={"Content-Type": "text/html"}, content=b"0123456789"
    )
    is_problem(answer, 415, "content_type_differs")


def test_an_empty_body_is_refused(api: ApiNode) -> None:
    presigned = api.presign("one.dcm", "application/dicom", 10)
    answer = api.client.put(presigned["url"], headers=presigned["headers"], content=b"")
    is_problem(answer, 400, "invalid_request")


def test_starting_before_the_bytes_came_says_so(api: ApiNode) -> None:
    is_problem(api.start(api.presign("a.zip", "application/zip", 5)), 409, "upload_not_received")


def test_starting_what_was_never_presigned_says_so(api: ApiNode) -> None:
    is_problem(api.start({"upload_id": "nothing"}), 404, "not_found")


def test_a_refused_upload_stays_refused_with_its_reason(api: ApiNode) -> None:
    presigned = api.upload(b"This is a letter, not an image.", "letter.txt", "text/plain")
    first = is_problem(api.start(presigned), 422, "nothing_usable")
    assert first["instances"]["refused"][0]["name"] == "letter.txt"
    second = is_problem(api.start(presigned), 422, "upload_refused")
    assert first["detail"] in second["detail"]
    assert not api.storage.objects.exists(presigned["object_key"])


def test_a_name_with_control_characters_is_taken(api: ApiNode) -> None:
    presigned = api.upload(b"nothing", "..\\..\0/etc/passwd\n", "text/plain")
    problem = is_problem(api.start(presigned), 422, "nothing_usable")
    assert "\n" not in problem["instances"]["refused"][0]["name"]


def test_the_bucket_itself_takes_the_upload_and_enforces_what_was_signed(
    s3_server: S3Server, tmp_path: Path
) -> None:
    settings = load_settings(
        data_dir=tmp_path / "data",
        http_port=free_port(),
        object_store="s3",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
    )
    upgrade(settings)
    with api_node(settings) as api:
        presigned = api.presign("one.dcm", "application/dicom", 10)
        assert presigned["url"].startswith(settings.s3_endpoint_url)
        assert sent(presigned, b"x" * 11).status_code == 400
        elsewhere = {**presigned, "fields": {**presigned["fields"], "key": "uploads/other"}}
        assert sent(elsewhere, b"x" * 10).status_code == 403
        assert not api.storage.objects.exists(presigned["object_key"])
        assert sent(presigned, b"x" * 10).is_success
        assert api.storage.objects.get(presigned["object_key"]) == b"x" * 10
        put = api.presign("one.dcm", "application/dicom", 10, method="PUT")
        assert put["method"] == "PUT"
        unsigned = {**put, "url": put["url"].replace("Signature=", "Signature=0")}
        assert sent(unsigned, b"x").status_code == 403
        assert sent(put, b"y").is_success
        assert api.storage.objects.get(put["object_key"]) == b"y"
        # The node's own door is closed then.
        answer = api.client.put("/api/uploads/content", params={"token": "a.b"}, content=b"x")
        is_problem(answer, 404, "not_found")


@pytest.mark.parametrize("in_item", [False, True])
def test_one_bad_instance_is_refused_alone_with_its_attribute(api: ApiNode, in_item: bool) -> None:
    good = {f"{number}.dcm": part10(one) for number, one in enumerate(small_series())}
    bad = with_broken_private_element("1.2.840.5.2", big=True, in_item=in_item)
    answer = api.start(api.upload(zipped({"bad.dcm": bad, **good}), "study.zip", "application/zip"))
    assert answer.status_code in (200, 202), answer.text
    counts = answer.json()["instances"]
    assert (counts["stored"], counts["refused_count"]) == (len(good), 1)
    (refused,) = counts["refused"]
    assert refused["name"] == "bad.dcm"
    assert "(0009,1001)" in refused["reason"]
