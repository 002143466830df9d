"""Brain structures of the shared head: as it is stored, resliced in several ways, and cut off.

Beside SimpleITK, which reads and resamples the same files, and PyTorch with the pack's weights on
the whole head.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import SimpleITK
import torch
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from safetensors.torch import load_file

from benchmarks.verification.rows import Row
from inference.imaging.volume import assemble_volume
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.brain.brain_structures import BrainStructures
from inference.refusals import NotCovered, NothingFound
from storage.settings import load_settings
from tests import builders
from tests.shared import SHARED

_PACK = SHARED / "models/meshnet-brain-structures"
_SIZE = 256
_STRUCTURES = {
    "Hippocampus": "hippocampus",
    "Thalamus": "thalamus",
    "Putamen": "putamen",
    "Lateral-Ventricle": "lateral ventricle",
    "Cerebral-White-Matter": "cerebral white matter",
    "Cerebral-Cortex": "cerebral cortex",
    "Brain-Stem": "brain stem",
}
_TOLERANCE = 0.05
_SPACING_MM = (1.6, 1.1, 0.9)
"""Between slices, rows and columns of the resliced heads."""


def structure_rows() -> Iterator[Row]:
    """Nothing where the shared data or the model pack are not there."""
    paths = sorted((SHARED / "data/mr_t1_head").glob("*"))
    if not paths or not _PACK.is_dir():
        return
    stored = [dcmread(path) for path in paths]
    axial = resliced_head(paths, builders.rotation(0, 0, 0))
    kinds: dict[str, list[Dataset]] = {
        "shared T1 head, shuffled": sorted(stored, key=lambda one: str(one.SOPInstanceUID)),
        "the same, axial, anisotropic": axial,
        "the same, oblique, from head to feet": resliced_head(
            paths, builders.rotation(0.3, -0.2, 3.4)
        ),
    }
    with TemporaryDirectory() as scratch:
        for number, (kind, datasets) in enumerate(kinds.items()):
            expected = _by_simpleitk(builders.write(datasets, Path(scratch) / str(number)))
            yield from _beside(kind, _by_node(datasets), expected)
    for share, kind in ((2, "the lower two thirds"), (1, "the lower third")):
        lower = axial[: len(axial) * share // 3]
        yield from _beside(f"the same, axial, {kind}", _by_node(lower), {})


def _by_node(datasets: Sequence[Dataset]) -> PipelineOutput:
    """What was measured; nothing but a note where the pipeline refuses the series."""
    with TemporaryDirectory() as scratch:
        settings = load_settings(data_dir=Path(scratch), models_dir=SHARED / "models")
        volume = assemble_volume(datasets)
        try:
            return BrainStructures(settings).run(PipelineContext(settings, volume))
        except (NothingFound, NotCovered) as refusal:
            return PipelineOutput(notes=(refusal.message,))


def _beside(kind: str, output: PipelineOutput, expected: dict[str, float]) -> Iterator[Row]:
    """Left and right together. Without an expected volume there must be no complete one."""
    if not output.measurements:
        yield Row("brain-structures", kind, "all volumes", "cm³", None, None, _TOLERANCE,
                  "construction", True, " ".join(output.notes))  # fmt: skip
        return
    for label, name in _STRUCTURES.items():
        labels = {f"{side}{name} volume" for side in ("", "left ", "right ")}
        found = [one for one in output.measurements if one.label.lower() in labels]
        states = {one.validity.state for one in found if one.validity is not None}
        reasons = {one.validity.reason for one in found if one.validity and one.validity.reason}
        is_whole = bool(found) and not states & {"truncated"}
        yield Row(
            "brain-structures", kind, f"{name} volume", "cm³", expected.get(label),
            sum(one.value for one in found) if is_whole else None, _TOLERANCE,
            "SimpleITK and PyTorch" if expected else "construction", True,
            "; ".join(sorted(reasons)),
        )  # fmt: skip


def resliced_head(paths: Sequence[Path], frame: NDArray[np.float64]) -> list[Dataset]:
    """The head by SimpleITK on another grid; the columns of `frame` as in `builders.series`."""
    head = _read(paths)
    extent = np.array([230.0, 250.0, 260.0])
    spacing = np.array(_SPACING_MM[::-1])
    size = [int(one) for one in extent / spacing]
    middle = np.array(
        head.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in head.GetSize()])
    )
    origin = middle - frame @ (spacing * (np.array(size) - 1) / 2)
    image = SimpleITK.Resample(
        head, size, SimpleITK.Transform(), SimpleITK.sitkLinear, [float(one) for one in origin],
        [float(one) for one in spacing], [float(one) for one in frame.ravel()], 0.0,
    )  # fmt: skip
    voxels = np.round(SimpleITK.GetArrayFromImage(image)).astype(np.int16)
    return builders.series(
        voxels, spacing_mm=_SPACING_MM, directions=frame, origin_mm=[float(one) for one in origin]
    )


def _by_simpleitk(paths: Sequence[Path]) -> dict[str, float]:
    """Volumes in cm³ by class, left and right together."""
    head = _read(paths)
    voxels = _conformed(head)
    low, high = np.percentile(voxels, (2, 98))
    voxels = np.clip((voxels - low) / (high - low), 0, 1)
    box = _head_box(voxels)
    labels = json.loads((_PACK / "network.json").read_text("utf-8"))["labels"]
    classes = SimpleITK.GetImageFromArray(_classes(voxels[box]))
    # What the network finds in neck and face hangs together with nothing.
    brain = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(classes > 0)) == 1
    counts = np.bincount(
        SimpleITK.GetArrayFromImage(SimpleITK.Mask(classes, brain)).ravel(), minlength=len(labels)
    )
    return {label: counts[number] / 1000 for number, label in enumerate(labels)}


def _read(paths: Sequence[Path]) -> Any:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(paths[0].parent)))
    return SimpleITK.Cast(reader.Execute(), SimpleITK.sitkFloat32)


def _conformed(head: Any) -> NDArray[np.float32]:
    """On 256³ of 1 mm whose indices go to the left, downwards and forwards."""
    directions = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    middle = np.array(
        head.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in head.GetSize()])
    )
    origin = middle - directions @ np.full(3, (_SIZE - 1) / 2)
    darkest = float(SimpleITK.GetArrayViewFromImage(head).min())
    image = SimpleITK.Resample(
        head, [_SIZE] * 3, SimpleITK.Transform(), SimpleITK.sitkLinear,
        [float(one) for one in origin], [1.0] * 3, [float(one) for one in directions.ravel()],
        darkest,
    )  # fmt: skip
    return np.asarray(SimpleITK.GetArrayFromImage(image))


def _head_box(voxels: NDArray[np.float32]) -> tuple[slice, ...]:
    """By Otsu's threshold."""
    bright = SimpleITK.OtsuThreshold(SimpleITK.GetImageFromArray(voxels), 0, 1)
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(bright))
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.Execute(parts)
    box = shape.GetBoundingBox(1)
    corner, size = box[2::-1], box[:2:-1]
    return tuple(slice(a, a + n) for a, n in zip(corner, size, strict=True))


def _classes(voxels: NDArray[np.float32]) -> NDArray[np.uint8]:
    layers = json.loads((_PACK / "network.json").read_text("utf-8"))["layers"]
    weights = load_file(_PACK / "weights.safetensors")
    modules: list[torch.nn.Module] = []
    channels = 1
    for number, layer in enumerate(layers):
        size, dilation, out = layer["kernel_size"], layer["dilation"], layer["out_channels"]
        convolution = torch.nn.Conv3d(
            channels, out, size, padding=dilation * (size // 2), dilation=dilation
        )
        convolution.load_state_dict(
            {name: weights[f"conv{number}.{name}"] for name in ("weight", "bias")}
        )
        modules += [convolution, torch.nn.ELU(inplace=True)]
        channels = out
    network = torch.nn.Sequential(*modules[:-1])
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    seen = torch.from_numpy(np.ascontiguousarray(voxels, np.float32))[None, None]
    with torch.inference_mode():
        classes = network(seen.contiguous(memory_format=torch.channels_last_3d)).argmax(dim=1)[0]
    return np.asarray(classes.to(torch.uint8).numpy())
