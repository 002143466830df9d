"""`mediview up` over an index that is filled, and how long it takes to be ready."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.servers import Server
from dicom_node.peers import Peer
from storage.settings import Settings

_ROOT = Path(__file__).parents[2]
_READY = b"MediViewAI is ready."
_START_S = 600.0


@dataclass(frozen=True)
class ArchiveNode:
    settings: Settings
    pid: int
    start_s: float
    environment: dict[str, str]

    @property
    def server(self) -> Server:
        return Server(Peer("MEDIVIEW", "127.0.0.1", self.settings.dicom_port), self.pid)

    def command_s(self, *arguments: str) -> float:
        """How long a command of the node's takes."""
        began_s = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments],
            cwd=_ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,  # doctor finds that no bytes are there
        )
        return time.monotonic() - began_s


@contextmanager
def archive_node(settings: Settings) -> Iterator[ArchiveNode]:
    """Ready. What needs the bytes of instances, which the archive lacks, is off."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MEDIVIEW_")},
        "MEDIVIEW_DATA_DIR": str(settings.data_dir),
        "MEDIVIEW_DATABASE_URL": settings.database_url,
        "MEDIVIEW_DICOM_PORT": str(settings.dicom_port),
        "MEDIVIEW_HTTP_PORT": str(settings.http_port),
        "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
        "MEDIVIEW_UNKNOWN_PEERS_MAY": "store,query",
        "MEDIVIEW_SELF_TEST": "false",
        "MEDIVIEW_SCRUB_DAYS": "0",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    output = settings.data_dir / "output"
    began_s = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "up"],
            cwd=_ROOT,
            env=environment,
            stdout=file,
            stderr=file,
        )
    try:
        while _READY not in output.read_bytes():
            if process.poll() is not None or time.monotonic() - began_s > _START_S:
                raise RuntimeError(f"The node did not start: {output.read_text()[-4000:]}")
            time.sleep(0.05)
        start_s = time.monotonic() - began_s
        yield ArchiveNode(settings, _receiver(process.pid), start_s, environment)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _receiver(pid: int) -> int:
    """The process of the node that receives, which has those of its own."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
        if re.search(rb"\bscp\b", command):
            return int(child)
    return pid
