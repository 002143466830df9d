"""Several processes behind one port: alive, alike, counted together, and gone when asked."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import httpx
import pydicom
import pytest

from storage.settings import Settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.ready_processes import ReadyPopen, run
from tests.storage.instances import part10

ROOT = Path(__file__).parents[3]


class Served:
    """`mediview api` as its user starts it."""

    def __init__(self, folder: Path, processes: int, more: Mapping[str, object]) -> None:
        self.log = folder / "api.log"
        self.data_dir = folder / "data"
        upgrade(Settings(data_dir=self.data_dir, free_disk_mark_bytes=0))
        environment = {
            **{name: value for name, value in os.environ.items() if "MEDIVIEW" not in name},
            "MEDIVIEW_DATA_DIR": str(self.data_dir),
            "MEDIVIEW_HTTP_PORT": "0",
            "MEDIVIEW_HTTP_PROCESSES": str(processes),
            "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
            **{f"MEDIVIEW_{name.upper()}": str(value) for name, value in more.items()},
        }
        with self.log.open("wb") as output:
            self.process = ReadyPopen(
                [sys.executable, "-m", "api.cli", "api"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.url = f"http://127.0.0.1:{self._port()}"

    def _port(self) -> int:
        found = wait_for(
            lambda: re.search(r"http_listening .*port=(\d+)", self.text), "a port", self
        )
        return int(found[1])

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text())

    def children(self) -> set[int]:
        pid = self.process.pid
        return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def ask(self, path: str = "/api/pipelines") -> httpx.Response:
        """By a connection of its own, which any of the processes may take."""
        return httpx.get(self.url + path)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def wait_for(look, what: str, served: Served, limit_s: float = PATIENCE_S):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"no {what}:\n{served.text[-2000:]}"
        assert served.process.poll() is None, served.text[-2000:]
        time.sleep(0.05)
    return found


@contextmanager
def serving(
    folder: Path, processes: int = 3, settings: Mapping[str, object] = MappingProxyType({})
) -> Iterator[Served]:
    """`settings` by their names, beside those that every test here needs."""
    served = Served(folder, processes, settings)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()


def answered_by(served: Served) -> set[str]:
    return set(re.findall(r"process=(\d+).*route=/api/pipelines", served.text))


def test_every_process_answers_and_what_they_count_is_added_up(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        asked = 0

        def all_have_answered() -> bool:
            nonlocal asked
            threads = [threading.Thread(target=served.ask) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            asked += len(threads)
            return answered_by(served) == {"1", "2", "3"}

        def counted() -> int:
            found = re.search(
                r'mediview_http_requests_total\{method="GET",route="/api/pipelines",'
                r'status="200"\} (\d+)',
                served.ask("/metrics").text,
            )
            assert found is not None
            return int(found[1])

        wait_for(all_have_answered, "answer of each process", served)
        # A request is counted once its answer has left.
        wait_for(lambda: counted() >= asked, "count of each request", served)
        # Whichever process is asked, it tells the sum of all.
        assert [counted() for _ in range(4)] == [asked] * 4
        assert served.stop() == 0


def test_a_process_that_is_killed_is_replaced_while_the_others_answer(tmp_path: Path) -> None:
    with serving(tmp_path, 2) as served:
        wait_for(lambda: len(served.children()) == 2, "two processes", served)
        served.ask()
        before = served.children()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        for _ in range(20):
            assert served.ask().status_code == 200
        after = wait_for(
            lambda: now if len(now := served.children()) == 2 and victim not in now else None,
            "replacement",
            served,
        )
        assert before - {victim} < after
        assert "process_ended" in served.text
        assert "SIGKILL" in served.text
        assert served.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_all_end_although_a_stream_is_open(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path, 2) as served:
        served.ask()
        children = wait_for(served.children, "processes", served)
        with httpx.stream("GET", f"{served.url}/api/events") as stream:
            assert stream.status_code == 200
            started = time.monotonic()
            assert served.stop(number) == 0
            assert time.monotonic() - started < 6
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)
        assert not list((served.data_dir / "tmp").iterdir())


@pytest.mark.slow
def test_no_process_outlives_the_one_that_started_them(tmp_path: Path) -> None:
    with serving(tmp_path, 2) as served:
        served.ask()
        children = wait_for(served.children, "processes", served)
        served.process.kill()
        served.process.wait()
        deadline = time.monotonic() + PATIENCE_S
        while any(Path(f"/proc/{pid}/exe").exists() for pid in children):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.slow
def test_what_one_process_stored_and_deleted_the_others_know_at_once(tmp_path: Path) -> None:
    body = part10(Rows=256, Columns=256, PixelData=bytes(256 * 256 * 2))
    instance = pydicom.dcmread(BytesIO(body))
    path = (
        f"/dicom-web/studies/{instance.StudyInstanceUID}/series/{instance.SeriesInstanceUID}"
        f"/instances/{instance.SOPInstanceUID}"
    )
    with serving(tmp_path, 3) as served:
        stored = httpx.post(
            f"{served.url}/dicom-web/studies",
            content=body,
            headers={"Content-Type": "application/dicom"},
        )
        assert stored.status_code == 200, stored.text
        for _ in range(12):
            assert served.ask(f"{path}/metadata").status_code == 200
            assert served.ask(f"{path}/frames/1").status_code == 200
        study = f"/dicom-web/studies/{instance.StudyInstanceUID}"
        assert httpx.delete(served.url + study).status_code in (200, 204)
        for _ in range(12):
            assert served.ask(f"{path}/metadata").status_code == 404
            assert served.ask(f"{path}/frames/1").status_code == 404
        assert served.stop() == 0


@pytest.mark.slow
def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    with serving(tmp_path, 2) as served:
        served.ask()
        answer = run(
            [sys.executable, "-m", "api.cli", "api"],
            check=False,
            cwd=ROOT,
            env={
                **os.environ,
                "MEDIVIEW_DATA_DIR": str(served.data_dir),
                "MEDIVIEW_HTTP_PORT": served.url.rpartition(":")[2],
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert answer.returncode == 1
        assert "cannot listen on 127.0.0.1" in answer.stdout + answer.stderr
        assert "Traceback" not in answer.stdout + answer.stderr
