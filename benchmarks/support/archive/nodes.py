"""`mediview up` over an index that is filled, and how long it takes to be ready."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.servers import Server
from benchmarks.support.started_node import ROOT, node_environment, started_node
from dicom_node.peers import Peer
from storage.settings import Settings

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
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,  # doctor finds that no bytes are there
        )
        return time.monotonic() - began_s


@contextmanager
def archive_node(settings: Settings) -> Iterator[ArchiveNode]:
    """Ready. What needs the bytes of instances, which the archive lacks, is off."""
    environment = node_environment(
        {
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.database_url,
            "DICOM_PORT": str(settings.dicom_port),
            "HTTP_PORT": str(settings.http_port),
            "UNKNOWN_PEERS_MAY": "store,query",
            "SELF_TEST": "false",
            "SCRUB_DAYS": "0",
        }
    )
    output = settings.data_dir / "output"
    with started_node(environment, output, _START_S) as (process, start_s):
        yield ArchiveNode(settings, _receiver(process.pid), start_s, environment)


def _receiver(pid: int) -> int:
    """The process of the node that receives, which has those of its own."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
        if re.search(rb"\bscp\b", command):
            return int(child)
    return pid
