"""A running API, and what tests do to it again and again."""

import hashlib
import io
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from pydicom.dataset import Dataset

from api.serve import make_server
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.findings import Code, Finding
from storage.settings import Settings, load_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port


@dataclass(frozen=True)
class ApiNode:
    url: str
    client: httpx.Client
    storage: Storage
    """A second door to what the node holds, as another process has it."""
    stop: Callable[[], None]
    """Ask the server to end, as SIGTERM does."""

    def upload(
        self, data: bytes, filename: str, content_type: str = "application/dicom"
    ) -> dict[str, Any]:
        """Presign and send; returns the presigned answer."""
        presigned = self.presign(filename, content_type, len(data))
        answer = sent(presigned, data)
        assert answer.is_success, answer.text
        return presigned

    def presign(
        self, filename: str, content_type: str, size_bytes: int, **more: str
    ) -> dict[str, Any]:
        answer = self.client.post(
            "/api/uploads/presign",
            json={
                "filename": filename,
                "content_type": content_type,
                "size_bytes": size_bytes,
                **more,
            },
        )
        assert answer.status_code == 200, answer.text
        presigned: dict[str, Any] = answer.json()
        return presigned

    def start(self, presigned: Mapping[str, Any], **more: str) -> httpx.Response:
        return self.client.post(
            "/api/analyze/start", json={"upload_id": presigned["upload_id"], **more}
        )


def sent(presigned: Mapping[str, Any], data: bytes) -> httpx.Response:
    """Send bytes as a presigned answer says: a PUT, or a form with its fields first."""
    if presigned["method"] == "POST":
        return httpx.post(
            presigned["url"], data=presigned["fields"], files={"file": ("upload", data)}
        )
    return httpx.put(presigned["url"], headers=presigned["headers"], content=data)


def node_settings(data_dir: Path, **more: Any) -> Settings:
    """Of a node on ports of its own, whose index has its tables."""
    settings = load_settings(
        data_dir=data_dir,
        **{
            "http_port": free_port(),
            "dicom_port": free_port(),
            "free_disk_mark_bytes": 0,
            **more,
        },
    )
    upgrade(settings)
    return settings


@contextmanager
def api_node(settings: Settings) -> Iterator[ApiNode]:
    """Serve the API in a thread of this process until the context ends."""
    server = make_server(settings)
    thread = threading.Thread(target=server.run, name="api")
    thread.start()
    deadline = time.monotonic() + PATIENCE_S

    def stop() -> None:
        server.stop()

    url = f"http://127.0.0.1:{settings.http_port}"
    try:
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError("the API did not start")
            time.sleep(0.01)
        with (
            open_storage(settings) as storage,
            httpx.Client(base_url=url) as client,
        ):
            yield ApiNode(url, client, storage, stop)
    finally:
        stop()
        thread.join()


def part10(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes] | Sequence[Dataset]) -> bytes:
    """A ZIP archive of named bytes, or of instances."""
    if not isinstance(files, Mapping):
        files = {f"series/{index:04}.dcm": part10(one) for index, one in enumerate(files)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (32, 24), 90).save(buffer, "PNG")
    return buffer.getvalue()


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem as all of ours are, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["remedy"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def worked_on(storage: Storage, job: Job, value: float = 1234.5) -> None:
    """Do what a worker does to the ledger: claim, progress, findings, complete."""
    owner, now = "test-worker", utcnow()
    assert storage.jobs.claim(job.job_id, owner, 60, now)
    assert storage.jobs.progress(job.job_id, owner, "segment", 0.5, now)
    storage.findings.replace_for_job(job.job_id, [finding_of(job, value)])
    assert storage.jobs.complete(job.job_id, owner, {"instances": [], "timings_s": {}}, now)


def finding_of(job: Job, value: float) -> Finding:
    return Finding(
        finding_id=str(uuid.uuid4()),
        job_id=job.job_id,
        study_instance_uid=job.study_instance_uid,
        series_instance_uid=job.series_instance_uid,
        pipeline=job.pipeline,
        pipeline_version=job.pipeline_version,
        label="Brain volume",
        code=Code("118565006", "SCT", "Volume"),
        value=value,
        unit=Code("cm3", "UCUM", "cubic centimeter"),
        confidence=None,
        tracking_identifier="brain",
        tracking_uid="2.25.7",
        segmentation=None,
        created_at=utcnow(),
    )


def scheduled_job(storage: Storage, study_instance_uid: str = "2.25.1") -> Job:
    job, _ = storage.jobs.schedule(
        "brain-volume",
        "1.1.0",
        study_instance_uid,
        "2.25.2",
        hashlib.sha256(study_instance_uid.encode()).hexdigest(),
    )
    return job


@contextmanager
def events(
    node: ApiNode, path: str, headers: Mapping[str, str] | None = None
) -> Iterator[Iterator[tuple[int, str, Any]]]:
    """The events of a stream as (id, name, data), read while it lasts."""
    with node.client.stream("GET", path, headers=dict(headers or {})) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _parsed(answer.iter_lines())


def _parsed(lines: Iterator[str]) -> Iterator[tuple[int, str, Any]]:
    event_id, name, data = -1, "message", ""
    deadline = time.monotonic() + PATIENCE_S
    for line in lines:
        # A sign of life comes all the time, and is no event.
        assert time.monotonic() < deadline, "no such event came"
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "id":
            event_id = int(value)
        elif key == "event":
            name = value
        elif key == "data":
            data += value
        elif not line:
            if data:
                yield event_id, name, json.loads(data)
            name, data = "message", ""
