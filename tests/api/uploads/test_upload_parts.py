"""Large uploads in parts: broken off, resumed, joined, and unpacked where everybody can follow."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from storage.container import open_storage
from storage.core.clock import utcnow
from storage.maintenance.expiry import remove_expired
from storage.settings import Settings, load_settings
from tests import builders
from tests.api.client import ApiNode, events, is_problem, part10, zipped
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port

MIB = 1024 * 1024


def begin(client: httpx.Client, size_bytes: int, **more: Any) -> dict[str, Any]:
    answer = client.post(
        "/api/uploads/multipart",
        json={
            "filename": "study.zip",
            "content_type": "application/zip",
            "size_bytes": size_bytes,
            **more,
        },
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/uploads/{answer.json()['upload_id']}"
    begun: dict[str, Any] = answer.json()
    return begun


def part_url(client: httpx.Client, upload: Mapping[str, Any], number: int) -> dict[str, Any]:
    path = f"/api/uploads/{upload['upload_id']}/parts"
    answer = client.post(path, json={"part_numbers": [number]})
    assert answer.status_code == 200, answer.text
    (part,) = answer.json()["items"]
    found: dict[str, Any] = part
    return found


def send_part(
    client: httpx.Client, upload: Mapping[str, Any], number: int, data: bytes
) -> httpx.Response:
    part = part_url(client, upload, number)
    start = part["offset_bytes"]
    return httpx.put(part["url"], content=data[start : start + part["size_bytes"]])


def archive(mebibytes: int) -> bytes:
    """A ZIP of about that size, uncompressed, of instances of 4 MiB."""
    voxels = np.random.default_rng(3).integers(0, 4096, (mebibytes // 4, 1024, 2048))
    series = builders.series(voxels.astype(np.int16), modality="CT", seed=3)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for number, instance in enumerate(series):
            target.writestr(f"{number:04}.dcm", part10(instance))
    return buffer.getvalue()


def test_an_upload_breaks_off_and_goes_on_where_it_was(stored_api: ApiNode) -> None:
    api = stored_api
    series = builders.series(np.ones((3, 1200, 1200), np.int16), modality="CT", seed=4)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for number, instance in enumerate(series):
            target.writestr(f"{number}.dcm", part10(instance))
    data = buffer.getvalue()
    upload = begin(api.client, len(data), part_size_bytes=5 * MIB)
    assert (upload["state"], upload["part_count"]) == ("presigned", 2)
    path = f"/api/uploads/{upload['upload_id']}"
    assert send_part(api.client, upload, 2, data).status_code == 200
    answer = api.client.get(path).json()
    assert [one["part_number"] for one in answer["parts"]] == [2]
    assert answer["received_bytes"] == len(data) - 5 * MIB
    problem = is_problem(api.client.post(f"{path}/complete"), 409, "parts_missing")
    assert problem["missing"] == [1]
    early = is_problem(api.start(upload), 409, "upload_not_received")
    assert "/complete" in early["remedy"]
    assert send_part(api.client, upload, 1, data).status_code == 200
    whole = api.client.post(f"{path}/complete").json()
    assert (whole["state"], whole["received_bytes"]) == ("received", len(data))
    assert api.client.post(f"{path}/complete").json() == whole
    started = api.start(upload).json()
    assert started["instances"]["stored"] == 3
    assert api.client.get(path).json()["state"] == "accepted"
    is_problem(api.client.delete(path), 409, "upload_ended")
    asked = api.client.post(f"{path}/parts", json={"part_numbers": [1]})
    is_problem(asked, 409, "upload_ended")


def test_a_part_of_another_size_or_of_a_forged_url_is_refused(api: ApiNode) -> None:
    upload = begin(api.client, 6 * MIB, part_size_bytes=5 * MIB)
    part = part_url(api.client, upload, 2)
    is_problem(httpx.put(part["url"], content=b"x"), 400, "part_incomplete")
    is_problem(httpx.put(part["url"], content=b"x" * (MIB + 1)), 413, "limit_exceeded")
    is_problem(httpx.put(part["url"] + "A", content=b"x"), 403, "upload_url_refused")
    whole = api.presign("one.dcm", "application/dicom", 5)
    token = whole["url"].partition("token=")[2]
    crossed = httpx.put(f"{api.url}/api/uploads/parts", params={"token": token}, content=b"12345")
    is_problem(crossed, 403, "upload_url_refused")
    beyond = api.client.post(
        f"/api/uploads/{upload['upload_id']}/parts", json={"part_numbers": [3]}
    )
    is_problem(beyond, 422, "no_such_part")
    one_piece = api.client.post(
        f"/api/uploads/{whole['upload_id']}/parts", json={"part_numbers": [1]}
    )
    is_problem(one_piece, 409, "upload_not_in_parts")
    assert api.client.get(f"/api/uploads/{upload['upload_id']}").json()["parts"] == []


def test_what_is_given_up_or_forgotten_leaves_nothing_behind(stored_api: ApiNode) -> None:
    api = stored_api
    given_up = begin(api.client, 10)
    assert send_part(api.client, given_up, 1, b"0123456789").status_code == 200
    path = f"/api/uploads/{given_up['upload_id']}"
    assert api.client.delete(path).status_code == 204
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).json()["state"] == "aborted"
    is_problem(api.start(given_up), 409, "upload_ended")
    forgotten, waiting = begin(api.client, 10), begin(api.client, 10)
    assert send_part(api.client, forgotten, 1, b"0123456789").status_code == 200
    assert send_part(api.client, waiting, 1, b"0123456789").status_code == 200
    api.client.post(f"/api/uploads/{waiting['upload_id']}/complete")
    later = utcnow() + timedelta(seconds=api.storage.settings.upload_parts_expiry_s + 1)
    remove_expired(api.storage, later)
    assert api.client.get(f"/api/uploads/{forgotten['upload_id']}").json()["state"] == "expired"
    is_problem(api.start(forgotten), 409, "upload_ended")
    # One that is whole waits longer for somebody to start it.
    assert api.client.get(f"/api/uploads/{waiting['upload_id']}").json()["state"] == "received"
    remove_expired(api.storage, later + timedelta(seconds=api.storage.settings.upload_retention_s))
    assert api.client.get(f"/api/uploads/{waiting['upload_id']}").json()["state"] == "expired"
    assert list(api.storage.objects.list("uploads/")) == []


def test_the_unpacking_is_told_as_it_goes(api: ApiNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.jobs.analyze_upload._TELL_EVERY_S", 0.0)
    series = builders.series(np.ones((4, 6, 5), np.int16), modality="CT")
    presigned = api.upload(zipped(series), "study.zip", "application/zip")
    with events(api, "/api/events?after=0") as stream:
        api.start(presigned)
        stated = []
        for _, name, data in stream:
            if name == "upload":
                stated.append((data["state"], data["files_done"], data["files_total"]))
            if data.get("state") == "accepted":
                break
    assert stated[0] == ("received", 0, 0)
    assert ("received", 2, 4) in stated


@contextmanager
def api_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """`mediview api` as a process of its own, to be killed and measured."""
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": str(settings.data_dir),
        "MEDIVIEW_HTTP_PORT": str(settings.http_port),
        "MEDIVIEW_DICOM_PORT": str(settings.dicom_port),
        "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
        "MEDIVIEW_HTTP_PROCESSES": "1",
        # One arena: what is measured is what the node holds, not what malloc keeps by thread.
        "MALLOC_ARENA_MAX": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "api"], env=environment)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{settings.http_port}/api/studies", timeout=2)
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """At once, with those that it started."""
    for one in (process.pid, *below(process.pid)):
        os.kill(one, signal.SIGKILL)


def below(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def peak_memory_bytes(pid: int) -> int:
    """The high-water mark of a process and of those below it."""
    peak = 0
    for one in (pid, *below(pid)):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]) * 1024)
    return peak


@pytest.mark.slow
def test_300_mb_survive_a_kill_in_the_middle_in_constant_memory(tmp_path: Path) -> None:
    settings = load_settings(
        data_dir=tmp_path / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
    )
    upgrade(settings)
    data = archive(300)
    url = f"http://127.0.0.1:{settings.http_port}"
    with api_process(settings) as process, httpx.Client(base_url=url, timeout=120) as client:
        upload = begin(client, len(data))
        path = f"/api/uploads/{upload['upload_id']}"
        half = upload["part_count"] // 2
        for number in range(1, half + 1):
            assert send_part(client, upload, number, data).status_code == 200
        part = part_url(client, upload, half + 1)

        def breaking_off() -> Iterator[bytes]:
            yield data[part["offset_bytes"] : part["offset_bytes"] + MIB]
            kill(process)
            yield b"never"

        with pytest.raises(httpx.TransportError):
            httpx.put(part["url"], content=breaking_off())
    with api_process(settings) as process, httpx.Client(base_url=url, timeout=120) as client:
        begun_bytes = peak_memory_bytes(process.pid)
        arrived = {one["part_number"] for one in client.get(path).json()["parts"]}
        assert arrived == set(range(1, half + 1))
        for number in range(1, upload["part_count"] + 1):
            if number not in arrived:
                assert send_part(client, upload, number, data).status_code == 200
        assert client.post(f"{path}/complete").json()["received_bytes"] == len(data)
        started = client.post("/api/analyze/start", json={"upload_id": upload["upload_id"]})
        assert started.json()["instances"]["stored"] == 75, started.text
        grown = peak_memory_bytes(process.pid) - begun_bytes
    assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB"
    with open_storage(settings) as storage:
        studies, total = storage.index.studies(10, 0)
        assert (total, studies[0].instance_count) == (1, 75)
