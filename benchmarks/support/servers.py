"""The servers that are measured: this node, Orthanc and DCMTK's storescp, each a process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dicom_node.peers import Peer
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings
from tests.postgres import postgres
from tests.services import free_port, orthanc, storescp

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parents[2]
# Until every receiving process accepts.
_FORKED_S = 1.5


@dataclass(frozen=True)
class Server:
    peer: Peer
    pid: int

    def cpu_s(self) -> float:
        """User and system time of the process and its children, those waited for included."""
        ticks = 0
        for pid in self.process_ids():
            with suppress(FileNotFoundError, ProcessLookupError):  # It ended since it was listed.
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += sum(map(int, fields[11:15]))
        return ticks / _CLOCK_TICKS

    def process_ids(self) -> list[int]:
        """The process and its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def peak_memory_mb(self) -> float:
        """The most resident memory that the largest of the processes ever had."""
        return max(map(_peak_memory_mb, self.process_ids()))


def _peak_memory_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # A process that has ended and is not waited for yet holds no memory.
    peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return sum(peaks) / 1024


@contextmanager
def node_server(folder: Path, **settings: Any) -> Iterator[Server]:
    """This node's SCP, on SQLite unless a setting or MEDIVIEW_DATABASE_URL says otherwise."""
    port = free_port()
    values = {"data_dir": str(folder / "node"), "dicom_port": port, **settings}
    upgrade(Settings(**values))
    code = (
        "import logging, structlog; from storage.settings import Settings;"
        "from dicom_node.server.processes import run_scp;"
        "structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR));"
        f"run_scp(Settings(**{values!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=_ROOT)
    try:
        wait_for_port(port)
        time.sleep(_FORKED_S)
        yield Server(Peer("MEDIVIEW", "127.0.0.1", port), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def node_one_server(folder: Path) -> Iterator[Server]:
    """As `node_server`, with one receiving process."""
    with node_server(folder, dicom_processes=1) as server:
        yield server


@contextmanager
def node_postgres_server(folder: Path) -> Iterator[Server]:
    """As `node_server`, its index on PostgreSQL."""
    with (
        postgres(is_durable=True) as database,
        node_server(folder, database_url=database.new_database()) as server,
    ):
        yield server


@contextmanager
def orthanc_postgres_server(folder: Path) -> Iterator[Server]:
    """As `orthanc_server`, its index on PostgreSQL (Debian's orthanc-postgresql)."""
    with postgres(is_durable=True) as database:
        options = {
            "DicomThreadsCount": 8,
            "Plugins": ["/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so"],
            "PostgreSQL": {
                "EnableIndex": True,
                "EnableStorage": False,
                "ConnectionUri": database.new_database(),
                "Lock": False,
            },
        }
        with orthanc(folder, options=options) as pacs:
            yield Server(Peer("ORTHANC", pacs.host, pacs.port), _listener(pacs.port))


@contextmanager
def orthanc_server(folder: Path) -> Iterator[Server]:
    """Orthanc as shipped, but with threads for eight associations and its plugins off."""
    with orthanc(folder, options={"DicomThreadsCount": 8}) as pacs:
        yield Server(Peer("ORTHANC", pacs.host, pacs.port), _listener(pacs.port))


@contextmanager
def storescp_server(folder: Path) -> Iterator[Server]:
    """storescp with a process for each association; it neither syncs nor indexes."""
    with storescp(folder, options=["+xa", "--fork", "-pdu", "131072"]) as peer:
        yield Server(Peer("STORESCP", peer.host, peer.port), _listener(peer.port))


@contextmanager
def floor_server(folder: Path) -> Iterator[Server]:
    """What does nothing but receive and sync, in Python."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.support.floor_server", str(port), str(folder)], cwd=_ROOT
    )
    try:
        wait_for_port(port)
        yield Server(Peer("FLOOR", "127.0.0.1", port), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "node": node_server,
    "orthanc": orthanc_server,
    "storescp": storescp_server,
    "node-1": node_one_server,
    "node-pg": node_postgres_server,
    "orthanc-pg": orthanc_postgres_server,
    "floor": floor_server,
}


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _listener(port: int) -> int:
    """The process that listens on a port of loopback."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
                sockets.add(f"socket:[{fields[9]}]")
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if any(str(fd.readlink()) in sockets for fd in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:
            continue
    raise LookupError(f"nothing listens on {port}")
