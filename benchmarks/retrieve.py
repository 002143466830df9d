"""How fast matches and instances leave: C-FIND, C-GET and C-MOVE, beside Orthanc.

    python benchmarks/retrieve.py [--rounds 3]

300 CT instances of 512×512 are stored in both servers; DCMTK's own programs
ask, so that each number holds the start of a client process.
"""

import argparse
import logging
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.support.figures import Surroundings, write_figures  # noqa: E402
from dicom_node.peers import Peer  # noqa: E402
from dicom_node.scu import send  # noqa: E402
from dicom_node.server.scp import start_scp  # noqa: E402
from storage.container import open_storage  # noqa: E402
from storage.maintenance.upgrade import upgrade  # noqa: E402
from storage.settings import Destination, Settings  # noqa: E402
from tests.dicom_node.builders import ct_instance, encoded, item_of  # noqa: E402
from tests.services import StoreScpServer, orthanc, storescp  # noqa: E402

INSTANCES = 300
STUDIES = 24
STUDY, SERIES = "1.2.826.0.1.3680043.9.1", "1.2.826.0.1.3680043.9.1.1"


def fill(peer: Peer) -> None:
    instances = [
        ct_instance(
            size=512, study_instance_uid=STUDY, series_instance_uid=SERIES, instance_number=n
        )
        for n in range(1, INSTANCES + 1)
    ]
    instances += [ct_instance(size=16, patient_id=f"P{n}") for n in range(STUDIES - 1)]
    results = send([item_of(encoded(ds)) for ds in instances], peer=peer, calling_ae_title="FILL")
    if not all(result.ok for result in results):
        raise RuntimeError(f"{peer} did not store everything")


@contextmanager
def node(folder: Path, destination: StoreScpServer) -> Iterator[Peer]:
    """In a thread of this process, which does nothing else meanwhile."""
    settings = Settings(
        data_dir=folder / "node",
        dicom_port=0,
        unknown_peers_may=("store", "query", "retrieve"),
        destinations=(Destination("dest", "DEST", destination.host, destination.port),),
    )
    upgrade(settings)
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            yield Peer("MEDIVIEW", "127.0.0.1", scp.port)
        finally:
            scp.shutdown()


@contextmanager
def pacs(folder: Path, destination: StoreScpServer) -> Iterator[Peer]:
    modalities = {"dest": ("DEST", destination.host, destination.port)}
    with orthanc(folder, modalities=modalities) as server:
        yield Peer("ORTHANC", server.host, server.port)


def run(program: str, peer: Peer, *arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        [program, "-aec", peer.ae_title, *arguments, peer.host, str(peer.port)],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started


def operations(folder: Path) -> dict[str, Callable[[Peer], float]]:
    def get(peer: Peer) -> float:
        target = folder / "got"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}")
        seconds = run("getscu", peer, "-S", "--bit-preserving", "-od", str(target), *keys)
        if len(list(target.iterdir())) != INSTANCES:
            raise RuntimeError(f"{peer} did not give everything")
        return INSTANCES / seconds

    def move(peer: Peer) -> float:
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}")
        return INSTANCES / run("movescu", peer, "-S", "-aem", "DEST", *keys)

    def find_studies(peer: Peer) -> float:
        keys = ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "ModalitiesInStudy")
        return 1000 * run("findscu", peer, "-S", *_keys("STUDY", keys))

    def find_instances(peer: Peer) -> float:
        keys = (f"StudyInstanceUID={STUDY}", f"SeriesInstanceUID={SERIES}", "SOPInstanceUID")
        return 1000 * run("findscu", peer, "-S", *_keys("IMAGE", (*keys, "InstanceNumber")))

    return {
        f"C-GET of {INSTANCES} CT, instances/s": get,
        f"C-MOVE of {INSTANCES} CT to storescp, instances/s": move,
        f"C-FIND of {STUDIES} studies, ms": find_studies,
        f"C-FIND of {INSTANCES} instances, ms": find_instances,
    }


def _keys(level: str, keys: tuple[str, ...]) -> list[str]:
    return [part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)]


def main() -> None:
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every measurement there")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-retrieve-"))
    around, figures = Surroundings(), {}
    try:
        with (
            storescp(
                folder, ae_title="DEST", options=["+xa", "--fork", "-pdu", "131072", "--ignore"]
            ) as destination,
            node(folder, destination) as ours,
            pacs(folder, destination) as theirs,
        ):
            fill(ours)
            fill(theirs)
            print("| | node | orthanc |\n|---|---|---|")
            for name, operation in operations(folder).items():
                measured: dict[Peer, list[float]] = {ours: [], theirs: []}
                for _ in range(options.rounds):
                    for peer, values in measured.items():
                        values.append(operation(peer))
                cells = [f"{statistics.median(values):,.0f}" for values in measured.values()]
                print(f"| {name} | {' | '.join(cells)} |", flush=True)
                figures[name] = {"node": measured[ours], "orthanc": measured[theirs]}
        if options.json:
            write_figures(options.json, around, figures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
