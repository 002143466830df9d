"""What a job over a CT costs beside its network, when 117 structures are found by five models.

    python -m benchmarks.whole_body [--slices 500]

512 × 512 pixels of 0.7 mm, slices 1 mm apart, received, decided and run as a job: weights in the
form of TotalSegmentator, resampling to 1.5 mm and back, five models combined, SEG and SR. In place
of the network stands a function that gives each structure an ellipsoid of its own; what it takes is
stated apart. Beside it stands what a network of nnU-Net's usual size takes for as many tiles,
reckoned from one tile of an eighth of the size. CPU seconds, for machines that are busy.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID
from totalsegmentator.map_to_binary import class_map_5_parts

from inference.model_registry.adding import add_model
from inference.nnunet.description import describe_nnunet
from inference.nnunet.loading import LoadedPart, load_model
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from tests import builders
from tests.inference.nnunet.test_totalsegmentator import PARTS
from tests.inference.nnunet.untrained import TRAINER, by_value, trained_folder
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.scheduling.four_sequences import files

_SIZE, _PIXEL_MM, _SLICE_MM = 512, 0.7, 1.0
_PATCH, _STEP = 128, 0.8
_BATCH = 50
_BLOCKS = 5
"""Along each axis: 125 of them, of which 117 hold a structure."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--slices", type=int, default=500)
    slices = parser.parse_args().slices
    with tempfile.TemporaryDirectory() as folder, storage_in(Path(folder)) as storage:
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            _weights(Path(folder, "results")),
            "benchmark",
        )
        spent = _without_networks(storage)
        for first in range(0, slices, _BATCH):
            receive(storage, _slices(first, min(_BATCH, slices - first)))
        job_id = next(one.job_id for one in complete_and_schedule(storage, later(10)) if one.job_id)
        clock, cpu = time.perf_counter(), time.process_time()
        job = run_job(storage, job_id or "", "benchmark")
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        if job is None or job.state != "COMPLETED":
            raise SystemExit(f"The job failed: {job and job.reason}")
        own, tiles = cpu - sum(spent), _tiles(slices)
        network = tiles * len(PARTS) * _tile_cpu_s()
        print(f"{slices} slices, {job.result['findings']} structures: {own:.1f} CPU s beside the")
        print(f"network ({clock:.0f} s by the clock), stages {job.result['timings_s']};")
        print(
            f"peak {job.result['peak_memory_bytes'] / 1e9:.2f} GB. A network of 128³ voxels takes"
        )
        print(f"{network:.0f} CPU s for {len(PARTS)} × {tiles} tiles: {own / (own + network):.0%}.")


def _weights(folder: Path) -> Path:
    for number, part in PARTS.items():
        place = folder / f"Dataset{number}_{part}" / f"{TRAINER}__nnUNetPlans__3d_fullres"
        trained_folder(place, by_value(class_map_5_parts[part]), patch=_PATCH)
    return folder


def _slices(first: int, count: int) -> list[bytes]:
    noise = np.random.default_rng(first).normal(40, 200, (count, _SIZE, _SIZE)).astype(np.int16)
    series = builders.series(
        noise,
        modality="CT",
        spacing_mm=(_SLICE_MM, _PIXEL_MM, _PIXEL_MM),
        origin_mm=(-180.0, -180.0, first * _SLICE_MM),
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        PositionReferenceIndicator="",
    )
    for number, dataset in enumerate(series, start=first + 1):
        dataset.InstanceNumber = number
        dataset.SOPInstanceUID = UID(f"2.25.77{number}")
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return files(series)


def _without_networks(storage: Storage) -> list[float]:
    """Replace the networks of the added model in this process; the CPU seconds that stand-ins take
    are added to the list."""
    spent: list[float] = []
    (folder,) = storage.settings.resolved_models_dir.iterdir()
    for part in load_model(describe_nnunet(folder), storage.settings.torch_threads).parts:
        part.predictor.predict_logits_from_preprocessed_data = _stand_in(part, spent)
    return spent


def _stand_in(part: LoadedPart, spent: list[float]) -> Callable[[Any], Any]:
    import torch

    heads = part.predictor.label_manager.num_segmentation_heads

    def predicted(data: torch.Tensor) -> torch.Tensor:
        begun = time.process_time()
        structures = torch.from_numpy(_ellipsoids(tuple(data.shape[1:])))
        logits = torch.zeros((heads, *structures.shape), dtype=torch.half)
        logits[0] = 1
        for own, value in part.values.items():
            logits[own][structures == value] = 5
        spent.append(time.process_time() - begun)
        return logits

    return predicted


@lru_cache(maxsize=1)
def _ellipsoids(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The value of each structure of the task; those at the sides are cut off there."""
    found = np.zeros(shape, np.uint8)
    edges = [np.linspace(0, size, _BLOCKS + 1).astype(int) for size in shape]
    count = sum(len(class_map_5_parts[part]) for part in PARTS.values())
    for number in range(count):
        place = np.unravel_index(number, (_BLOCKS,) * 3)
        box = tuple(slice(e[i], e[i + 1]) for e, i in zip(edges, place, strict=True))
        axes = [np.linspace(-0.95, 0.95, one.stop - one.start, dtype=np.float32) for one in box]
        squares = sum(one**2 for one in np.meshgrid(*axes, indexing="ij"))
        found[box][squares < 1] = number + 1
    return found


def _tiles(slices: int) -> int:
    sizes_mm = (slices * _SLICE_MM, _SIZE * _PIXEL_MM, _SIZE * _PIXEL_MM)
    sizes = (round(one / 1.5) for one in sizes_mm)
    return math.prod(math.ceil(max(0, one - _PATCH) / (_PATCH * _STEP)) + 1 for one in sizes)


def _tile_cpu_s() -> float:
    """Of a network as nnU-Net plans it for 3d_fullres: 31 million weights, 25 classes."""
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    network = PlainConvUNet(
        1, 6, [32, 64, 128, 256, 320, 320], torch.nn.Conv3d, 3, [1, 2, 2, 2, 2, 2], 2, 25, 2,
        conv_bias=True, norm_op=torch.nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=torch.nn.LeakyReLU,
        nonlin_kwargs={"inplace": True}, deep_supervision=False,
    ).eval()  # fmt: skip
    tile = torch.rand(1, 1, *(_PATCH // 2,) * 3)
    with torch.inference_mode():
        network(tile)
        begun = time.process_time()
        network(tile)
    return 8 * (time.process_time() - begun)


if __name__ == "__main__":
    main()
