"""DICOMweb beside Orthanc's plugin: the same requests, data, loader and machine, in one run.

    .venv/bin/python -m benchmarks.dicomweb [--data ../shared/data] [--only frame] [--large 500]

Each server runs as its own processes, so does the loader. Rounds are interleaved and
medians shown. Both servers are warm: each request has been made before. Memory is the
proportional set size of all processes of a server, the most that was seen of it.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom

from benchmarks.support.dicomweb_servers import ROOT, MemoryWatch, Server, our_node, peer
from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.http_loader import (
    Connection,
    Request,
    at_once,
    message,
    one_after_another,
    store_all,
)
from benchmarks.support.large_instance import write_multiframe

OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
JSON = "application/dicom+json"
Measure = Callable[[Server], float]


@dataclass(frozen=True)
class Data:
    study: str
    series: str
    instances: list[str]
    patient_id: str
    size_mb: float

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
        sum(file.stat().st_size for file in files) / 1e6,
    )


def copies(files: Sequence[Path], number: int) -> list[bytes]:
    """The files as instances of another study: their UIDs changed, of the same length."""
    made = []
    for index, file in enumerate(files, 1):
        header = pydicom.dcmread(file, stop_before_pixels=True)
        body = file.read_bytes()
        for uid in (header.StudyInstanceUID, header.SeriesInstanceUID):
            body = body.replace(uid.encode(), f"{uid[:-7]}90000{number}".encode())
        uid = header.SOPInstanceUID
        body = body.replace(uid.encode(), f"{uid[:-7]}9{index:04}{number}".encode())
        made.append(message(body))
    return made


def stow_measures(ct: list[Path], mr: list[Path]) -> dict[str, Measure]:
    """Each call stores instances that the server has not seen."""

    def store(files: list[Path], clients: int, first: int) -> Measure:
        rounds: dict[str, int] = {}

        def measure(server: Server) -> float:
            # The same copies for each server, other copies in each round.
            number = rounds[server.name] = rounds.get(server.name, first) + 1
            bodies = copies(files, number)
            return store_all(server.port, f"{server.root}/studies", bodies, clients)

        return measure

    half = len(ct) // 2
    return {
        "STOW 0.5 MB, /s": store(ct[:half], 1, 10),
        "STOW 0.5 MB at 4, /s": store(ct[half:], 4, 40),
        "STOW 0.2 MB at 4, /s": store(mr[:200], 4, 70),
    }


def measures(mr: Data, ct: Data, seconds: float) -> dict[str, Measure]:
    """By name, what is measured of a server that holds both series."""

    def get(path: str, accept: str) -> Callable[[Server], Request]:
        return lambda server: lambda connection, _: connection.get(server.root + path, accept)

    def of_ct(suffix: str, accept: str) -> Callable[[Server], Request]:
        return lambda server: (
            lambda connection, number: connection.get(ct.url(server.root, number) + suffix, accept)
        )

    def alone(request: Callable[[Server], Request]) -> Measure:
        return lambda server: one_after_another(server.port, request(server), seconds)

    def rate(request: Callable[[Server], Request], clients: int) -> Measure:
        return lambda server: at_once(server.port, request(server), seconds, clients).requests_s

    def megabytes(request: Callable[[Server], Request], clients: int) -> Measure:
        return lambda server: at_once(server.port, request(server), seconds, clients).megabytes_s

    mr_series = f"/studies/{mr.study}/series/{mr.series}"
    count = len(mr.instances)
    studies = get("/studies", JSON)
    study = get(f"/studies/{ct.study}", DICOM)
    metadata = get(f"{mr_series}/metadata", JSON)
    packed = get(f"{mr_series}/metadata", f"{JSON}\r\nAccept-Encoding: gzip")
    frame, instance = of_ct("/frames/1", OCTETS), of_ct("", DICOM)
    size = f"study of {ct.size_mb:.0f} MB"
    return {
        "QIDO studies, ms": alone(studies),
        "QIDO studies at 8, /s": rate(studies, 8),
        "QIDO limit=10, all fields, ms": alone(get("/studies?limit=10&includefield=all", JSON)),
        "QIDO one PatientID, ms": alone(get(f"/studies?PatientID={mr.patient_id}", JSON)),
        f"QIDO {count} instances, ms": alone(get(f"{mr_series}/instances", JSON)),
        f"metadata of {count}, ms": alone(metadata),
        f"metadata of {count} gzipped, ms": alone(packed),
        "frame of 0.5 MB, ms": alone(frame),
        "frames at 1, /s": rate(frame, 1),
        "frames at 8, /s": rate(frame, 8),
        "instance of 0.5 MB, ms": alone(instance),
        "instances at 8, /s": rate(instance, 8),
        "rendered frame, ms": alone(of_ct("/rendered", "image/jpeg")),
        f"{size}, MB/s": megabytes(study, 1),
        f"{size} at 4, MB/s": megabytes(study, 4),
    }


def large_measures(file: Path) -> dict[str, Measure]:
    """One multi-frame instance, stored, retrieved, its frames and a rendered one."""
    header = pydicom.dcmread(file, stop_before_pixels=True)
    size_mb = file.stat().st_size / 1e6
    url = (
        f"/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
        f"/instances/{header.SOPInstanceUID}"
    )
    last = int(header.NumberOfFrames)

    def store(server: Server) -> float:
        started = time.perf_counter()
        Connection(server.port).post_file(f"{server.root}/studies", file)
        return size_mb / (time.perf_counter() - started)

    def timed(path: str, accept: str) -> Measure:
        def measure(server: Server) -> float:
            connection = Connection(server.port)
            started = time.perf_counter()
            connection.get(server.root + url + path, accept)
            return (time.perf_counter() - started) * 1000

        return measure

    def retrieved(server: Server) -> float:
        started = time.perf_counter()
        Connection(server.port).get(server.root + url, DICOM)
        return size_mb / (time.perf_counter() - started)

    return {
        f"STOW of {size_mb:.0f} MB, MB/s": store,
        f"instance of {size_mb:.0f} MB, MB/s": retrieved,
        "its last frame, ms": timed(f"/frames/{last}", OCTETS),
        "32 of its frames, ms": timed(f"/frames/{','.join(str(n) for n in range(1, 33))}", OCTETS),
        "its last frame rendered, ms": timed(f"/frames/{last}/rendered", "image/jpeg"),
    }


def show(name: str, values: list[list[float]]) -> dict[str, list[float]]:
    """Print one line of medians; returns the values of our node and of the peer."""
    ours, theirs = (statistics.median(of_server) for of_server in values)
    print(f"{name:32}{ours:12.2f}{theirs:12.2f}{ours / theirs:9.2f}", flush=True)
    return dict(zip(("node", "orthanc"), values, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seconds", type=float, default=0.7, help="time for each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved; medians are shown")
    parser.add_argument("--only", default="", help="a part of the names of what to measure")
    parser.add_argument("--large", type=int, default=500, help="MB of a multi-frame; 0: none")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    mr_files = sorted((arguments.data / "mr_t1_head").glob("*.dcm"))
    ct_files = sorted((arguments.data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))
    mr, ct = load(mr_files), load(ct_files)
    figures: dict[str, dict[str, list[float]]] = {}
    around = Surroundings()
    with (
        tempfile.TemporaryDirectory(prefix="mediview-bench-") as folder,
        our_node(Path(folder)) as ours,
        peer(Path(folder)) as theirs,
    ):
        servers = (ours, theirs)

        def measure_all(named: dict[str, Measure], rounds: int) -> None:
            for name, measure in named.items():
                if arguments.only in name:
                    values = [[measure(server) for server in servers] for _ in range(rounds)]
                    figures[name] = show(name, [list(one) for one in zip(*values, strict=True)])

        print(f"load before: {around.load_before:.2f}, cores: {around.cores}")
        print(f"{'':32}" + "".join(f"{server.name:>12}" for server in servers) + f"{'ratio':>9}")
        with MemoryWatch(*servers) as memory:
            for server in servers:
                bodies = [message(file.read_bytes()) for file in (*ct_files, *mr_files)]
                store_all(server.port, f"{server.root}/studies", bodies, 2)
                for file in sorted((arguments.data / "charsets").glob("*.dcm")):
                    # Some studies more; what either refuses is left out.
                    with contextlib.suppress(RuntimeError):
                        body = message(file.read_bytes())
                        Connection(server.port).post(f"{server.root}/studies", body)
            measure_all(stow_measures(ct_files, mr_files), arguments.rounds)
            time.sleep(3)  # Orthanc calls a series stable after a second, and keeps its metadata
            measure_all(measures(mr, ct, arguments.seconds), arguments.rounds)
            if arguments.large:
                file = write_multiframe(Path(folder) / "large.dcm", arguments.large)
                measure_all(large_measures(file), 1)
        peaks = [[memory.peaks_mb[server.name]] for server in servers]
        figures["memory peak, MiB"] = show("memory peak, MiB", peaks)
        print(f"load after: {os.getloadavg()[0]:.2f}")
    if arguments.json:
        write_figures(arguments.json, around, figures)


if __name__ == "__main__":
    main()
