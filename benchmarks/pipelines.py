"""How long the pipelines of the box take on the test data, from received to results stored.

    python -m benchmarks.pipelines brain-structures|brain-volume|lung-density
    python -m benchmarks.pipelines brain-volume --early
    python -m benchmarks.pipelines --plain

Reads `shared/` beside the checkout, or MEDIVIEW_SHARED. The series is received first; the time
is that of the decision and of the job: loading, volume, model, results, storing. It is given
twice: of the first job of a process, which imports, loads and proves the model, and of the
next, as in a worker that runs. The share that is not the model's is what remains of the job
without the stages in which the model computes. CPU seconds are given beside those of the clock,
for machines that are busy. `--early`: the series is computed before it is complete, and what is
given is what is left to do then. `--plain` compares the classes of `brain-structures`, which
computes around the brain alone, with those of the network over the whole grid of 256³ in float32
(6 GB).
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom

from inference.imaging.boxes import box_of
from inference.imaging.padding import measured_voxels
from inference.imaging.volume import assemble_volume
from inference.models.packs import add_pack
from inference.pipeline import PipelineContext
from inference.pipelines.brain.brain_mask import brain_mask_of
from inference.pipelines.brain.brain_structures import _MARGIN_VOXELS, _NETWORK, _WEIGHTS, CARD
from inference.pipelines.brain.conform import conformed, mask_on_grid
from inference.pipelines.brain.meshnet import classify, load_network
from inference.process_memory import collect_rarely
from inference.scheduling.early_candidate import EarlyCandidate
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.early_work import compute_early
from inference.worker.run import run_job
from storage.container import Storage
from tests.inference.orchestration import later, receive_folder, settings_in, storage_in
from tests.shared import SHARED

_PACK = SHARED / "models" / "meshnet-brain-structures"
_T1, _CT = SHARED / "data" / "mr_t1_head", SHARED / "data" / "ct_chest_LIDC-IDRI-0001"
# What each is given, and the stages in which its models compute.
_PIPELINES = {
    "brain-structures": (_T1, ("find_brain", "segment")),
    "brain-volume": (_T1, ("segment",)),
    "lung-density": (_CT, ("segment", "measure")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("pipeline", nargs="?", choices=_PIPELINES)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--early", action="store_true")
    wanted = parser.parse_args()
    collect_rarely()  # as a worker does
    with tempfile.TemporaryDirectory() as folder:
        if wanted.plain:
            _compare_with_plain(Path(folder))
        if wanted.pipeline:
            _run(wanted.pipeline, Path(folder) / "1", "first", is_early=wanted.early)
            _run(wanted.pipeline, Path(folder) / "2", "next", is_early=wanted.early)


def _run(name: str, folder: Path, which: str, *, is_early: bool) -> None:
    source, of_model = _PIPELINES[name]
    with storage_in(folder) as storage:
        if name == "brain-structures":
            add_pack(storage.settings, _PACK, [CARD])
        study = receive_folder(storage, source)
        candidate = _early(storage, study) if is_early else None
        before_bytes, clock, cpu = _peak_bytes(), time.perf_counter(), _cpu_s()
        decided = complete_and_schedule(storage, later(10), early=candidate)
        decisions = {one.pipeline: one for one in decided}
        job = run_job(storage, decisions[name].job_id or "", "benchmark")
        clock, cpu = time.perf_counter() - clock, _cpu_s() - cpu
    if job is None or job.state != "COMPLETED":
        raise SystemExit(f"{name}: {job.reason if job else 'the job was not ours'}")
    timings_s = job.result["timings_s"]
    if is_early:
        print(f"{name}, {which}: {clock:.1f} s, {cpu:.1f} CPU s after the series was complete")
        return
    model_s = sum(timings_s[f"running.{stage}"] for stage in of_model)
    other = 1 - model_s / timings_s["total"]
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in timings_s.items())
    print(
        f"{name}, {which}: {clock:.1f} s, {cpu:.1f} CPU s, load {os.getloadavg()[0]:.1f};"
        f" {other:.0%} not the model's; peak {_peak_bytes() / 1e9:.2f} GB"
        f" (before: {before_bytes / 1e9:.2f} GB)\n  {stages}"
    )


def _early(storage: Storage, study_instance_uid: str) -> EarlyCandidate:
    """What worker and clock do while the series is quiet."""
    cpu, candidate = _cpu_s(), EarlyCandidate()
    time.sleep(1.1)  # from which on a series is quiet
    if not compute_early(storage, "benchmark"):
        raise SystemExit("Nothing was computed early.")
    candidate.read(storage, storage.index.series_of(study_instance_uid)[0])
    print(f"before the series is complete: {_cpu_s() - cpu:.1f} CPU s")
    return candidate


def _compare_with_plain(folder: Path) -> None:
    settings = settings_in(folder)
    volume = assemble_volume([pydicom.dcmread(path) for path in sorted(_T1.glob("*.dcm"))])
    brain = brain_mask_of(volume, PipelineContext(settings, volume)).mask
    voxels = conformed(volume, measured_voxels(volume))
    box = box_of(mask_on_grid(brain, volume), _MARGIN_VOXELS)
    network = load_network(_PACK / _NETWORK, _PACK / _WEIGHTS)
    boxed = np.zeros(voxels.shape, np.uint8)
    boxed[box] = classify(network, np.ascontiguousarray(voxels[box]), lambda _: None)
    cpu = _cpu_s()
    plain = classify(network, voxels, lambda _: None)
    same, structure = boxed == plain, (boxed > 0) | (plain > 0)
    print(
        f"plain: {_cpu_s() - cpu:.0f} CPU s; the same class in {same.mean():.3%} of all voxels,"
        f" in {same[structure].mean():.3%} of those in which either finds a structure"
    )


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
