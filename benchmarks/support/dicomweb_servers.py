"""The servers of DICOMweb that are measured: this node's HTTP side and Orthanc with its plugin."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import free_port, orthanc

ROOT = Path(__file__).parents[2]
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
_SAMPLE_EVERY_S = 0.1


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    root: str
    pid: int

    def memory_mb(self) -> float:
        """The proportional set size of its process and their children: shared pages count once."""
        return sum(pss_mb(pid) for pid in (self.pid, *children(self.pid)))


@contextmanager
def our_node(folder: Path) -> Iterator[Server]:
    """`mediview api` with as many processes as it takes by itself."""
    port = free_port()
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": str(folder / "ours"),
        "MEDIVIEW_HTTP_PORT": str(port),
        "MEDIVIEW_LOG_LEVEL": os.environ.get("MEDIVIEW_LOG_LEVEL", "ERROR"),
    }
    command = [sys.executable, "-m", "api.cli"]
    subprocess.run(
        [*command, "migrate"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    process = subprocess.Popen([*command, "api"], cwd=ROOT, env=environment)
    try:
        wait_for_port(port, process)
        yield Server("mediview", port, "/dicom-web", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def peer(folder: Path) -> Iterator[Server]:
    """Orthanc as shipped, with the DICOMweb plugin."""
    options = {
        "Plugins": [PLUGIN],
        "StableAge": 1,
        "DicomWeb": {"Enable": True},
        "Verbosity": "default",
    }
    with orthanc(folder, options=options) as server:
        port = int(server.url.rpartition(":")[2])
        yield Server("orthanc", port, "/dicom-web", _pid_listening(port))


class MemoryWatch:
    """Looks at the servers' memory ten times a second, and remembers the most."""

    def __init__(self, *servers: Server) -> None:
        self.peaks_mb = {server.name: 0.0 for server in servers}
        self._servers = servers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            for server in self._servers:
                peak = max(self.peaks_mb[server.name], server.memory_mb())
                self.peaks_mb[server.name] = peak
            self._stop.wait(_SAMPLE_EVERY_S)


def pss_mb(pid: int) -> float:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]
    return []


def _pid_listening(port: int) -> int:
    output = subprocess.run(
        ["ss", "-ltnpH", f"sport = :{port}"], capture_output=True, text=True, check=True
    ).stdout
    return int(output.partition("pid=")[2].partition(",")[0])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
