"""How fast instances are received: this node, Orthanc and DCMTK's storescp, interleaved.

    python benchmarks/receive.py [--rounds 3] [--instances 400] [--only node,orthanc]

The sender pre-encodes every PDU, so that it costs a system call or two an
instance, and is the same for all three. Ours answers after fdatasync, digest
and index row; Orthanc after its SQLite index without sync; storescp writes a
file and neither syncs nor indexes. Rounds are interleaved and medians shown,
with the CPU seconds that the server spent on 1,000 instances.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian  # noqa: E402
from pynetdicom.presentation import build_context  # noqa: E402

from dicom_node.command_set import encode_store_request  # noqa: E402
from dicom_node.connection import Connection  # noqa: E402
from dicom_node.pdu import data_pdus  # noqa: E402
from dicom_node.peers import Peer  # noqa: E402
from dicom_node.requestor import open_association  # noqa: E402
from storage.migrate import upgrade  # noqa: E402
from storage.settings import Settings  # noqa: E402
from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded  # noqa: E402
from tests.services import free_port, orthanc, storescp  # noqa: E402

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_UID = "2.25.{:038d}"  # fixed length, so that it can be replaced in encoded bytes


@dataclass(frozen=True)
class Case:
    name: str
    size: int
    associations: int
    instances: int


@dataclass(frozen=True)
class Server:
    peer: Peer
    pid: int


@dataclass(frozen=True)
class Measured:
    instances_per_s: float
    cpu_s_per_1000: float


class Template:
    """One instance, encoded; its SOP Instance and Series Instance UID can be replaced."""

    def __init__(self, size: int, study: int) -> None:
        marks = [_UID.format(10**37 + n) for n in range(2)]
        ds = ct_instance(
            size=size,
            study_instance_uid=_UID.format(study),
            series_instance_uid=marks[1],
            sop_instance_uid=marks[0],
        )
        self.data_set = data_set_bytes(encoded(ds))
        self._marks = [mark.encode() for mark in marks]

    def message(self, number: int, series: int, context_id: int, max_pdu_bytes: int) -> bytes:
        uid = _UID.format(number)
        data_set = self.data_set
        for mark, value in zip(self._marks, (uid, _UID.format(series)), strict=True):
            data_set = data_set.replace(mark, value.encode(), 1)
        command = encode_store_request(
            message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid=uid
        )
        return b"".join(
            data_pdus(context_id, memoryview(command), is_command=True, max_pdu_bytes=max_pdu_bytes)
            + data_pdus(
                context_id, memoryview(data_set), is_command=False, max_pdu_bytes=max_pdu_bytes
            )
        )


def _send_all(
    peer: Peer, size: int, first: int, count: int, ready: object, go: object, failures: object
) -> None:
    """One association in a process of its own: encode everything, wait, send."""
    association = open_association(
        peer, "BENCH", [build_context(CTImageStorage, [ExplicitVRLittleEndian])]
    )
    context_id = association.accepted_contexts[0].context_id
    template = Template(size, first)
    messages = [
        template.message(first + n, first, context_id, association.dimse.maximum_pdu_size)
        for n in range(count)
    ]
    connection = association.connection
    buffer = bytearray(4096)
    ready.wait()  # type: ignore[attr-defined]
    go.wait()  # type: ignore[attr-defined]
    bad = 0
    for message in messages:
        connection.send([message])
        bad += _status(connection, buffer) != 0
    failures.value += bad  # type: ignore[attr-defined]
    association.release()
    association.close()


def _status(connection: Connection, buffer: bytearray) -> int:
    """The status of the C-STORE response that comes next."""
    have = 0
    while have < 6 or have < 6 + struct.unpack_from(">L", buffer, 2)[0]:
        received = connection.receive_into(memoryview(buffer)[have:])
        if not received:
            raise ConnectionError("The server closed the association.")
        have += received
    at = buffer.index(b"\x00\x00\x00\x09\x02\x00\x00\x00", 0, have)
    status: int = struct.unpack_from("<H", buffer, at + 8)[0]
    return status


_next_number = 2 * 10**37


def measure(server: Server, case: Case) -> Measured:
    global _next_number  # noqa: PLW0603 - one counter of UIDs for the whole run
    each = case.instances // case.associations
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(case.associations + 1)
    go = context.Event()
    failures = context.Value("i", 0)
    processes = []
    for _ in range(case.associations):
        _next_number += 10**9
        processes.append(
            context.Process(
                target=_send_all,
                args=(server.peer, case.size, _next_number, each, ready, go, failures),
            )
        )
    for process in processes:
        process.start()
    ready.wait()
    time.sleep(0.2)
    before, started = _cpu_s(server.pid), time.perf_counter()
    go.set()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - started
    cpu_s = _cpu_s(server.pid) - before
    if failures.value or any(process.exitcode for process in processes):
        raise RuntimeError(f"{server.peer} did not store everything of {case}")
    count = each * case.associations
    return Measured(count / seconds, cpu_s / count * 1000)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / _CLOCK_TICKS


@contextmanager
def node_server(folder: Path, database_url: str = "") -> Iterator[Server]:
    port = free_port()
    settings = Settings(data_dir=folder / "node", dicom_port=port, database_url=database_url)
    upgrade(settings)
    code = (
        "import sys; from storage.settings import Settings;"
        "from dicom_node.server import run_scp;"
        f"run_scp(Settings(data_dir={str(settings.data_dir)!r}, dicom_port={port},"
        f" database_url={database_url!r}, log_level='WARNING'))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _wait_for_port(port)
        yield Server(Peer("MEDIVIEW", "127.0.0.1", port), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def orthanc_server(folder: Path) -> Iterator[Server]:
    # Its own logs and plugins are off; threads and pool sizes are its defaults.
    with orthanc(folder, options={"DicomThreadsCount": 8}) as pacs:
        yield Server(Peer("ORTHANC", pacs.host, pacs.port), _listener(pacs.port))


@contextmanager
def storescp_server(folder: Path) -> Iterator[Server]:
    with storescp(folder, options=["+xa", "--fork", "-pdu", "131072"]) as peer:
        yield Server(Peer("STORESCP", peer.host, peer.port), _listener(peer.port))


def _listener(port: int) -> int:
    """The process that listens on a port of loopback."""
    wanted = f"{port:04X}"
    inode = next(
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{wanted}") and line.split()[3] == "0A"
    )
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if any(str(fd.readlink()) == f"socket:[{inode}]" for fd in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:
            continue
    raise LookupError(f"nothing listens on {port}")


SERVERS = {"node": node_server, "orthanc": orthanc_server, "storescp": storescp_server}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--instances", type=int, default=400)
    parser.add_argument("--only", default="node,orthanc,storescp")
    parser.add_argument("--cases", default="ct1,ct4,small4")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    every = {
        "ct1": Case("512×512 CT, 1 association", 512, 1, options.instances),
        "ct4": Case("512×512 CT, 4 associations", 512, 4, options.instances),
        "small1": Case("10 KB, 1 association", 68, 1, options.instances * 4),
        "small4": Case("10 KB, 4 associations", 68, 4, options.instances * 4),
    }
    cases = [every[name] for name in options.cases.split(",")]
    names = options.only.split(",")
    results: dict[str, dict[str, list[Measured]]] = {
        case.name: {name: [] for name in names} for case in cases
    }
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores,", end=" ")
    print(f"load {os.getloadavg()[0]:.1f}, rounds {options.rounds}")
    for _ in range(options.rounds):
        for name in names:
            folder = Path(tempfile.mkdtemp(prefix="bench-receive-"))
            try:
                with SERVERS[name](folder) as server:
                    measure(server, Case("warm", 64, 1, 20))
                    for case in cases:
                        results[case.name][name].append(measure(server, case))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    _show(results, names)
    if options.json:
        options.json.write_text(json.dumps(_plain(results), indent=1))


def _median(measured: list[Measured]) -> Measured:
    return Measured(
        statistics.median(m.instances_per_s for m in measured),
        statistics.median(m.cpu_s_per_1000 for m in measured),
    )


def _show(results: dict[str, dict[str, list[Measured]]], names: list[str]) -> None:
    print(f"| instances/s (CPU s per 1,000) | {' | '.join(names)} | ratio |")
    print(f"|---|{'---|' * (len(names) + 1)}")
    for case, by_name in results.items():
        medians = {name: _median(measured) for name, measured in by_name.items()}
        cells = [f"{m.instances_per_s:,.0f} ({m.cpu_s_per_1000:.2f})" for m in medians.values()]
        ours = medians.get("node")
        ratios = [
            f"{ours.instances_per_s / other.instances_per_s:.2f} × {name}"
            for name, other in medians.items()
            if ours is not None and name != "node"
        ]
        print(f"| {case} | {' | '.join(cells)} | {', '.join(ratios)} |")


def _plain(results: dict[str, dict[str, list[Measured]]]) -> dict[str, object]:
    return {
        case: {
            name: [[m.instances_per_s, m.cpu_s_per_1000] for m in measured]
            for name, measured in by_name.items()
        }
        for case, by_name in results.items()
    }


if __name__ == "__main__":
    main()
