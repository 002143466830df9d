"""The HTTP role as a process of its own, and what it and its children take."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydicom.dataset import Dataset

from storage.settings import load_settings
from tests.attacks.support.poison import part10
from tests.migrated import upgrade
from tests.processes import end, family, wait_until
from tests.services import free_port

MIB = 1 << 20


@dataclass
class RunningApi:
    url: str
    client: httpx.Client
    process: subprocess.Popen[bytes]

    def store(self, dataset: Dataset) -> str:
        """Store by STOW-RS; returns the instance's path."""
        answer = self.client.post(
            "/dicom-web/studies",
            content=b"--x\r\nContent-Type: application/dicom\r\n\r\n"
            + part10(dataset)
            + b"\r\n--x--",
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'},
        )
        assert answer.status_code == 200, answer.text
        return (
            f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
            f"/instances/{dataset.SOPInstanceUID}"
        )

    def processes(self) -> list[int]:
        """Of the role: itself, those it forked and those that decode."""
        return family(self.process.pid)


@dataclass
class Watch:
    """The most memory that all processes took together, and how long it lasted."""

    peak_bytes: int = 0
    rise_bytes: int = 0
    seconds: float = 0.0
    largest_process_bytes: int = field(default=0)


@contextmanager
def watched(api: RunningApi) -> Iterator[Watch]:
    """Sampled each 10 ms."""
    with watched_process(api.process.pid) as watch:
        yield watch


@contextmanager
def watched_process(process: int) -> Iterator[Watch]:
    """It and all that it and they have started; sampled each 10 ms."""
    watch, stop = Watch(), threading.Event()
    before = sum(map(_rss_bytes, family(process)))

    def sample() -> None:
        while not stop.wait(0.01):
            sizes = [_rss_bytes(pid) for pid in family(process)]
            watch.peak_bytes = max(watch.peak_bytes, sum(sizes))
            watch.largest_process_bytes = max(watch.largest_process_bytes, *sizes)

    thread = threading.Thread(target=sample)
    thread.start()
    begin = time.monotonic()
    try:
        yield watch
    finally:
        watch.seconds = time.monotonic() - begin
        stop.set()
        thread.join()
        watch.rise_bytes = max(0, watch.peak_bytes - before)


def _rss_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


@contextmanager
def running_api(folder: Path, **settings: str) -> Iterator[RunningApi]:
    port = free_port()
    upgrade(load_settings(data_dir=folder / "data"))
    environment = {
        **{name: value for name, value in os.environ.items() if "MEDIVIEW" not in name},
        "MEDIVIEW_DATA_DIR": str(folder / "data"),
        "MEDIVIEW_HTTP_PORT": str(port),
        "MEDIVIEW_DICOM_PORT": str(free_port()),
        "MEDIVIEW_HTTP_PROCESSES": "1",
        "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
        "MEDIVIEW_RATE_LIMIT_ANONYMOUS_PER_MINUTE": "0",
        **{f"MEDIVIEW_{name.upper()}": value for name, value in settings.items()},
    }
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "api"], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            httpx.get(f"{url}/health")
        except httpx.TransportError:
            return False
        return True

    try:
        wait_until(answers, "the API", process)
        with httpx.Client(base_url=url, timeout=60) as client:
            yield RunningApi(url, client, process)
    finally:
        end(process)
