"""How long 100 segments on 500 slices take to become a DICOM Segmentation, and how much memory.

    python -m benchmarks.segmentation [--segments 100] [--slices 500] [--kind SEG|LABELMAP]

512 × 512 pixels; masks are boxes at random places, as a label map. The memory given is that
of the whole process, the masks (125 MiB) and the headers included, until the file's bytes
are there. CPU seconds are given beside those of the clock, for machines that are busy.
"""

import argparse
import resource
import time

import numpy as np
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import PipelineOutput, Segment
from inference.results.file_writing import part10
from inference.results.seg import encode_seg
from storage.core.findings import Code
from tests import builders
from tests.inference.results_support import PIPELINE, job_for

_SIZE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--segments", type=int, default=100)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--kind", choices=("SEG", "LABELMAP"), default="SEG")
    wanted = parser.parse_args()
    sources, volume = _series(wanted.slices)
    output = _output(wanted.segments, wanted.slices)
    before_bytes = _peak_bytes()
    clock, cpu = time.perf_counter(), time.process_time()
    segmentation = encode_seg(
        job_for(volume), PIPELINE, sources, volume, output, as_label_map=wanted.kind == "LABELMAP"
    )
    size_bytes = len(part10(segmentation))
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(
        f"{wanted.kind}: {wanted.segments} segments, {wanted.slices} slices,"
        f" {segmentation.NumberOfFrames} frames, {size_bytes / 1e6:.0f} MB:"
        f" {clock:.1f} s, {cpu:.1f} CPU s; peak {_peak_bytes() / 2**30:.2f} GiB"
        f" (before: {before_bytes / 2**30:.2f} GiB)"
    )


def _series(slices: int) -> tuple[list[Dataset], Volume]:
    """Headers of a CT, and its geometry; the grey values are gone when masks are encoded."""
    small = builders.series(
        np.zeros((slices, 2, 2), np.int16), modality="CT", spacing_mm=(1.0, 0.8, 0.8)
    )
    volume = assemble_volume(small).without_voxels()
    for dataset in small:
        del dataset.PixelData
        dataset.Rows = dataset.Columns = _SIZE
    return small, volume


def _output(count: int, slices: int) -> PipelineOutput:
    """Boxes of a fifth of the volume along each axis."""
    masks = np.zeros((slices, _SIZE, _SIZE), np.uint8 if count < 256 else np.uint16)
    random = np.random.default_rng(1)
    depth, side = max(slices // 5, 1), _SIZE // 5
    for number in range(1, count + 1):
        k, j, i = random.integers(0, (slices - depth + 1, _SIZE - side, _SIZE - side))
        masks[k : k + depth, j : j + side, i : i + side] = number
    structure, brain = (
        Code("123037004", "SCT", "Anatomical Structure"),
        Code("12738006", "SCT", "Brain"),
    )
    segments = tuple(
        Segment(f"Structure {number}", structure, brain, (number % 256, 90, 160))
        for number in range(1, count + 1)
    )
    return PipelineOutput(segments=segments, masks=masks)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
