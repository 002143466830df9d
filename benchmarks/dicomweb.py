"""DICOMweb beside Orthanc's plugin: the same requests, data, loader and machine, in one run.

    .venv/bin/python -m benchmarks.dicomweb [--data ../shared/data] [--only frame]

Each server runs as its own process; the loader speaks HTTP over bare sockets, so
that it takes little of the two cores. Rounds are interleaved and medians shown.
Both servers are warm: each request has been made once before.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom

from tests.services import free_port, orthanc

ROOT = Path(__file__).parents[1]
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
JSON = "application/dicom+json"
BOUNDARY = "benchmark-boundary"


class Connection:
    """One keep-alive connection that sends requests and counts what comes back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._buffer = bytearray(1 << 20)
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, accept: str) -> int:
        return self._ask(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode()
        )

    def post(self, path: str, body: bytes) -> int:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {JSON}\r\n"
            f'Content-Type: multipart/related; type="application/dicom"; boundary={BOUNDARY}\r\n'
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return self._ask(head.encode() + body)

    def _ask(self, request: bytes) -> int:
        """Send one request; returns the bytes of the body. Raises RuntimeError unless 200."""
        self._socket.sendall(request)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head, rest = bytes(data[:end]).lower(), len(data) - end - 4
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(bytes(data[:400]).decode("latin-1"))
        marker = b"content-length:"
        if marker in head:
            length = int(head.partition(marker)[2].partition(b"\r\n")[0])
            while rest < length:
                rest += self._socket.recv_into(self._buffer)
            return length
        if b"\r\ntransfer-encoding: chunked" in head:
            return self._chunks(data[end + 4 :])
        while received := self._socket.recv_into(self._buffer):  # until the server closes
            rest += received
        self._socket.close()
        self._connect()
        return rest

    def _chunks(self, data: bytearray) -> int:
        """Read a chunked body that begins with `data`; returns its length."""
        total = 0
        while True:
            while (line_end := data.find(b"\r\n")) < 0:
                data += self._receive()
            length = int(data[:line_end], 16)
            total += length
            missing = line_end + 2 + length + 2 - len(data)
            while missing > 0:
                view = memoryview(self._buffer)[: min(missing, len(self._buffer))]
                missing -= self._socket.recv_into(view)
                data.clear()
            del data[: line_end + 2 + length + 2]
            if not length:
                return total

    def _receive(self) -> memoryview:
        received = self._socket.recv_into(self._buffer)
        if not received:
            raise RuntimeError("the server closed the connection")
        return memoryview(self._buffer)[:received]


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    root: str
    pid: int

    def memory_mib(self) -> tuple[int, int]:
        """Resident now and at its highest, of the server's process."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        now, peak = (int(fields[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
        return now, peak


@contextmanager
def our_node(folder: Path) -> Iterator[Server]:
    port = free_port()
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": str(folder / "ours"),
        "MEDIVIEW_HTTP_PORT": str(port),
        "MEDIVIEW_LOG_LEVEL": "WARNING",
    }
    program = (
        "from storage.settings import load_settings\n"
        "from storage.migrate import upgrade\n"
        "from api.logs import configure_logging\n"
        "from api.serve import run_api\n"
        "settings = load_settings()\n"
        "configure_logging(settings)\n"
        "upgrade(settings)\n"
        "raise SystemExit(run_api(settings))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    try:
        _wait(port, process)
        yield Server("mediview", port, "/dicom-web", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def peer(folder: Path) -> Iterator[Server]:
    options = {
        "Plugins": [PLUGIN],
        "StableAge": 1,
        "DicomWeb": {"Enable": True},
        "Verbosity": "default",
    }
    with orthanc(folder, options=options) as server:
        port = int(server.url.rpartition(":")[2])
        yield Server("orthanc", port, "/dicom-web", _pid_listening(port))


def _pid_listening(port: int) -> int:
    output = subprocess.run(
        ["ss", "-ltnpH", f"sport = :{port}"], capture_output=True, text=True, check=True
    ).stdout
    return int(output.partition("pid=")[2].partition(",")[0])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the node did not start")


def message(*bodies: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + body + b"\r\n" for body in bodies) + f"--{BOUNDARY}--\r\n".encode()


Request = Callable[[Connection, int], int]


def one_after_another(server: Server, request: Request, seconds: float) -> float:
    """Median time of one request, in milliseconds."""
    connection = Connection(server.port)
    request(connection, 0)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        started = time.perf_counter()
        request(connection, len(times))
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def at_once(server: Server, request: Request, seconds: float, workers: int) -> tuple[float, float]:
    """Requests and megabytes a second over `workers` connections."""
    counts = [0] * workers
    sizes = [0] * workers
    begin = threading.Barrier(workers + 1)
    stop = threading.Event()

    def work(worker: int) -> None:
        connection = Connection(server.port)
        try:
            request(connection, worker)
        except Exception:
            begin.abort()
            raise
        begin.wait()
        number = worker
        while not stop.is_set():
            sizes[worker] += request(connection, number)
            counts[worker] += 1
            number += workers

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    begin.wait()
    started = time.perf_counter()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    return sum(counts) / elapsed, sum(sizes) / elapsed / 1e6


@dataclass(frozen=True)
class Data:
    study: str
    series: str
    instances: list[str]
    patient_id: str

    def url(self, root: str, number: int) -> str:
        instance = self.instances[number % len(self.instances)]
        return f"{root}/studies/{self.study}/series/{self.series}/instances/{instance}"


def load(files: list[Path]) -> Data:
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    first = headers[0]
    return Data(
        first.StudyInstanceUID,
        first.SeriesInstanceUID,
        [header.SOPInstanceUID for header in headers],
        first.PatientID,
    )


Measure = Callable[[Server], float]


def measures(mr: Data, ct: Data, seconds: float) -> dict[str, Measure]:
    """By name, what is measured of a server that holds both series."""

    def get(path: str, accept: str) -> Callable[[Server], Request]:
        return lambda server: lambda connection, _: connection.get(server.root + path, accept)

    def of_ct(suffix: str, accept: str) -> Callable[[Server], Request]:
        return lambda server: (
            lambda connection, number: connection.get(ct.url(server.root, number) + suffix, accept)
        )

    def alone(request: Callable[[Server], Request]) -> Measure:
        return lambda server: one_after_another(server, request(server), seconds)

    def rate(request: Callable[[Server], Request], workers: int) -> Measure:
        return lambda server: at_once(server, request(server), seconds, workers)[0]

    def megabytes(request: Callable[[Server], Request], workers: int) -> Measure:
        return lambda server: at_once(server, request(server), seconds, workers)[1]

    mr_series = f"/studies/{mr.study}/series/{mr.series}"
    count = len(mr.instances)
    studies = get("/studies", JSON)
    study = get(f"/studies/{ct.study}", DICOM)
    metadata = get(f"{mr_series}/metadata", JSON)
    packed = get(f"{mr_series}/metadata", f"{JSON}\r\nAccept-Encoding: gzip")
    frame, instance = of_ct("/frames/1", OCTETS), of_ct("", DICOM)
    return {
        "QIDO studies, ms": alone(studies),
        "QIDO studies at 8, /s": rate(studies, 8),
        "QIDO one PatientID, ms": alone(get(f"/studies?PatientID={mr.patient_id}", JSON)),
        f"QIDO {count} instances, ms": alone(get(f"{mr_series}/instances", JSON)),
        f"metadata of {count}, ms": alone(metadata),
        f"metadata of {count} gzipped, ms": alone(packed),
        "frame of 0.5 MB, ms": alone(frame),
        "frames at 8, /s": rate(frame, 8),
        "instance of 0.5 MB, ms": alone(instance),
        "instances at 8, /s": rate(instance, 8),
        "rendered frame, ms": alone(of_ct("/rendered", "image/jpeg")),
        "study of 70 MB, MB/s": megabytes(study, 1),
        "study of 70 MB at 4, MB/s": megabytes(study, 4),
    }


def fill(server: Server, files: list[Path], workers: int) -> float:
    """Store files by STOW, one a request; returns instances a second."""
    bodies = [message(file.read_bytes()) for file in files]
    todo = iter(bodies)
    lock = threading.Lock()

    def work() -> None:
        connection = Connection(server.port)
        while True:
            with lock:
                body = next(todo, None)
            if body is None:
                return
            connection.post(f"{server.root}/studies", body)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(bodies) / (time.perf_counter() - started)


def show(name: str, values: list[list[float]]) -> dict[str, float]:
    """Print one line; returns the medians of our node and of the peer."""
    ours, theirs = (statistics.median(of_server) for of_server in values)
    print(f"{name:32}{ours:12.2f}{theirs:12.2f}{ours / theirs:9.2f}", flush=True)
    return {"mediview": ours, "orthanc": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved; medians are shown")
    parser.add_argument("--only", default="", help="a part of the names of what to measure")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    mr_files = sorted((arguments.data / "mr_t1_head").glob("*.dcm"))
    ct_files = sorted((arguments.data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))
    mr, ct = load(mr_files), load(ct_files)
    figures: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="mediview-bench-") as folder,
        our_node(Path(folder)) as ours,
        peer(Path(folder)) as theirs,
    ):
        servers = (ours, theirs)
        print(f"{'':32}" + "".join(f"{server.name:>12}" for server in servers) + f"{'ratio':>9}")
        half = len(ct_files) // 2
        stow: dict[str, Measure] = {
            "STOW 0.5 MB, /s": lambda server: fill(server, ct_files[:half], 1),
            "STOW 0.5 MB at 4, /s": lambda server: fill(server, ct_files[half:], 4),
            "STOW 0.2 MB at 4, /s": lambda server: fill(server, mr_files, 4),
        }
        for name, measure in stow.items():
            figures[name] = show(name, [[measure(server)] for server in servers])
        for file in sorted((arguments.data / "charsets").glob("*.dcm")):
            for server in servers:  # some studies more; what either refuses is left out
                with contextlib.suppress(RuntimeError):
                    Connection(server.port).post(
                        f"{server.root}/studies", message(file.read_bytes())
                    )
        time.sleep(3)  # Orthanc calls a series stable after a second, and then keeps its metadata
        for name, measure in measures(mr, ct, arguments.seconds).items():
            if arguments.only not in name:
                continue
            rounds = [[measure(server) for server in servers] for _ in range(arguments.rounds)]
            figures[name] = show(name, [list(values) for values in zip(*rounds, strict=True)])
        peaks = [[float(server.memory_mib()[1])] for server in servers]
        figures["memory peak, MiB"] = show("memory peak, MiB", peaks)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
