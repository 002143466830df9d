"""A running node whose memory and answering time are measured while it is attacked."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.faults.scp_process import PROGRAM, ScpProcess
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US, family
from tests.services import free_port

MIB = 1 << 20
OPEN_TO_ALL = {"unknown_peers_may": "store,query,retrieve,commit,worklist"}
"""So that what is attacked is reached by anybody."""


class AttackedNode:
    """The receiving and the HTTP processes of one data folder, each with one worker process."""

    def __init__(self, folder: Path, settings: Mapping[str, object] | None = None) -> None:
        self.http_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        values: dict[str, object] = {
            "http_port": self.http_port,
            "dicom_processes": 1,
            "http_processes": 1,
        }
        self.scp = ScpProcess(folder, values | dict(settings or {}))
        self._api: subprocess.Popen[bytes] | None = None
        self._log = folder / "api.log"

    def start(self) -> None:
        self.scp.migrate()
        self.scp.start()
        with self._log.open("ab") as output:
            self._api = subprocess.Popen(
                [*ENDING_WITH_US, PROGRAM, "api"],
                cwd=self.scp.folder,
                env=self.scp.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self.answers():
            assert self._api.poll() is None, self.api_log()[-3000:]
            assert time.monotonic() < deadline, self.api_log()[-3000:]
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def analyze(self, data: bytes, filename: str, content_type: str) -> httpx.Response:
        """Upload a file as a browser does, and have it looked into."""
        presigned = httpx.post(
            f"{self.url}/api/uploads/presign",
            json={"filename": filename, "content_type": content_type, "size_bytes": len(data)},
        ).json()
        if presigned["method"] == "POST":
            sent = httpx.post(
                presigned["url"], data=presigned["fields"], files={"file": ("upload", data)}
            )
        else:
            sent = httpx.put(presigned["url"], headers=presigned["headers"], content=data)
        assert sent.is_success, sent.text
        return httpx.post(
            f"{self.url}/api/analyze/start", json={"upload_id": presigned["upload_id"]}
        )

    def api_log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def api_pid(self) -> int:
        assert self._api is not None
        return self._api.pid

    def close(self) -> None:
        self.scp.kill()
        if self._api is not None:
            os.killpg(self._api.pid, signal.SIGKILL)
            self._api.wait(PATIENCE_S)


@contextmanager
def attacked_node(
    folder: Path, settings: Mapping[str, object] | None = None
) -> Iterator[AttackedNode]:
    node = AttackedNode(folder, settings)
    try:
        node.start()
        yield node
    finally:
        node.close()


class Growth:
    """By how much a process and its children grew at most, in bytes of resident memory."""

    def __init__(self, pid: int) -> None:
        self._pids = family(pid)
        for one in self._pids:
            # proc(5): the peak is counted again from here.
            Path(f"/proc/{one}/clear_refs").write_text("5")
        self._before = {one: _status(one, "VmRSS") for one in self._pids}

    @property
    def bytes(self) -> int:
        return max(_status(one, "VmHWM") - self._before[one] for one in self._pids)


def processor_seconds(pid: int) -> float:
    """Of the receiving process, its children included (proc(5))."""
    times = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2] for one in family(pid))
    return sum(int(part) for time in times for part in time.split()[11:13]) / os.sysconf(
        "SC_CLK_TCK"
    )


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
