"""From the last instance of a T1 to its results at the PACS, step by step.

    python -m benchmarks.time_to_result --rounds 3

`mediview up` on a data folder of its own with SQLite, DCMTK's storescp as the destination; the
T1 of `shared/` (384 slices) is sent over one association, in each round as another patient's.
The clock starts when the last instance is answered. The steps are those of the node's own log.
The first round is that of a node which has just started. `CPU` is what all processes of the node
took meanwhile, which is what can be compared where others use the machine too; from the first
instance on, as what is received is also read.
"""

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.process_tree import cpu_s
from benchmarks.support.started_node import node_environment, started_node
from dicom_node.peers import Peer
from dicom_node.scu import SendItem, send
from tests.dicom_node.builders import encoded, item_of
from tests.services import StoreScpServer, free_port, storescp
from tests.shared import SHARED

_T1 = SHARED / "data" / "mr_t1_head"
_WITHIN_S = 300.0
_LOOK_S = 0.02
# What the log says of one round → the step that ends there.
_STEPS = {
    "series_complete": "series complete",
    "early_work_done": "computed early",
    "job_started": "job started",
    "job_finished": "job finished",
}
_STARTS = {"SEG": "SG", "SR": "SR"}
"""As storescp names the files of a modality."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pause", type=float, default=20.0, help="seconds before each round")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    around = Surroundings()
    rounds: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-result-") as name:
        folder = Path(name)
        with (
            storescp(folder, options=["+xa", "-pdu", "131072"]) as pacs,
            _node(folder, pacs) as (at, pid),
        ):
            for number in range(options.rounds):
                time.sleep(options.pause)
                measured = _measure(at, pid, pacs, folder / "output")
                print(
                    f"round {number + 1}, load {os.getloadavg()[0]:.1f}: "
                    + ", ".join(f"{step} {s:.1f}" for step, s in measured.items()),
                    flush=True,
                )
                which = "next" if number else "first"
                for step, seconds in measured.items():
                    key = f"{which}: {step} (s)"
                    rounds.setdefault(key, {}).setdefault("node", []).append(seconds)
    if options.json:
        write_figures(options.json, around, rounds)


@contextmanager
def _node(folder: Path, pacs: StoreScpServer) -> Iterator[tuple[Peer, int]]:
    port = free_port()
    environment = node_environment(
        {
            "DATA_DIR": str(folder / "data"),
            "DICOM_PORT": str(port),
            "HTTP_PORT": str(free_port()),
            "DESTINATIONS": f"pacs={pacs.ae_title}@{pacs.host}:{pacs.port}",
            "LOG_FORMAT": "json",
        }
    )
    with started_node(environment, folder / "output") as (process, _):
        yield Peer("MEDIVIEW", "127.0.0.1", port), process.pid


def _measure(node: Peer, pid: int, pacs: StoreScpServer, output: Path) -> Mapping[str, float]:
    """Seconds since the last instance was answered, by what happened then, and of the processor."""
    seen = output.stat().st_size
    earlier = set(pacs.folder.iterdir())
    instances = _another_patients()
    before_s = cpu_s(pid)
    sent = send(instances, peer=node, calling_ae_title="BENCHMARK")
    if not all(one.ok for one in sent):
        raise RuntimeError("Not all instances were taken.")
    began, began_at = time.monotonic(), time.time()
    held: dict[str, float] = {}
    while not held.keys() >= _STARTS.keys():
        if time.monotonic() - began > _WITHIN_S:
            raise RuntimeError(f"No results: {output.read_text()[-4000:]}")
        time.sleep(_LOOK_S)
        for path in set(pacs.folder.iterdir()) - earlier:
            for kind, start in _STARTS.items():
                if path.name.startswith(start):
                    held.setdefault(kind, time.monotonic() - began)
    return {
        **_steps(output.read_bytes()[seen:].decode(), began_at),
        **held,
        "CPU": cpu_s(pid) - before_s,
    }


def _steps(lines: str, began_at: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in lines.splitlines():
        written = re.search(r"\{.*\}", line)
        try:
            event = json.loads(written[0]) if written else {}
        except ValueError:
            continue
        if event.get("event") in _STEPS and "timestamp" in event:
            at = datetime.fromisoformat(event["timestamp"]).timestamp()
            name = _STEPS[event["event"]]
            name += f" {event['pipeline']}" if "pipeline" in event else ""
            found.setdefault(name, at - began_at)
    return found


def _another_patients() -> list[SendItem]:
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    read = [pydicom.dcmread(path) for path in sorted(_T1.glob("*.dcm"))]
    for instance in read:
        instance.PatientID = f"BENCH-{study[-12:]}"
        instance.StudyInstanceUID, instance.SeriesInstanceUID = study, series
        instance.FrameOfReferenceUID = frame
        instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return [item_of(encoded(one)) for one in read]


if __name__ == "__main__":
    main()
