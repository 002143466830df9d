"""deepbet's brain extraction on arrays, step for step as its own `BrainExtraction`.

The steps and constants are those of deepbet 1.0.2 (Fisch et al., MIT licence), without
its NIfTI files, pandas and user interface. Where it resamples whole volumes, only the
voxels that are kept are gathered here; the values are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference.failure_sentences import failure
from inference.imaging.connected_parts import connected_parts
from inference.models.card import Proof
from inference.models.devices import device
from inference.models.files import load_torchscript
from inference.models.population import Population
from inference.pipeline import ModelCard, ModelFile, ProgressCallback
from inference.refusals import ModelUnusable, NothingFound
from storage.core.findings import Code

if TYPE_CHECKING:
    import torch

MODEL_FILE = "data/models/model.pt"
BBOX_FILE = "data/models/bbox_model.pt"
CARD = ModelCard(
    name="deepbet",
    version="1.0.2",
    licence="MIT",
    source="https://pypi.org/project/deepbet/1.0.2/",
    intended_use=(
        "Research: brain extraction from T1-weighted head MR of adults. Not a medical device."
    ),
    input_description="3D T1-weighted head MR in any orientation",
    training_data=(
        "T1-weighted head MR of healthy adults, as its authors publish"
        " (Fisch et al. 2024, doi:10.1016/j.compbiomed.2024.108845)."
    ),
    output_codes=(Code("128319008", "SCT", "Intracranial structure"),),
    population=Population(
        age_years=(18.0, 150.0),
        contrast_agent=False,
        pathology=(
            "Healthy adults, who are given no contrast agent; field strength, sequences, lesions,"
            " surgery and malformations are not stated."
        ),
        source="the authors' publication (doi:10.1016/j.compbiomed.2024.108845)",
    ),
    files=(
        ModelFile(MODEL_FILE, "de8ee7c69654d0dd3935dc4a5d84571d8ecf4637a6bfc01df399c4c2bc86e0fd"),
        ModelFile(BBOX_FILE, "39a7b2b5f799faa1391ea97bfcdc0b9299f20d84f2316a4ff8918dc4685e40aa"),
    ),
)

_SMALL_SHAPE = (128, 128, 128)
_SHAPE = (256, 256, 256)
_BBOX_MARGIN = 0.1
_BBOX_FOREGROUND = 0.02
_QUANTILES = (0.005, 0.995)
_THRESHOLD = 0.5

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class FoundBrain:
    """`mask`: bool, of the volume's shape; `orientation`: what speaks against a head that lies as
    its header says, in a sentence, else empty."""

    mask: NDArray[np.bool_]
    orientation: str


def brain_mask(
    voxels: NDArray[np.float32], threads: int, on_progress: ProgressCallback
) -> FoundBrain:
    """The brain of a volume whose axes run to right, anterior, superior.

    `voxels` may be a view with any strides; the mask has its shape, in C order.
    Raises NothingFound, ModelUnusable.
    """
    from inference.pipelines.brain.head_orientation import doubt, turned_over

    on_progress("load_model", 0.0)
    modules = load_torchscript(CARD, _self_test, threads)
    on_progress("find_brain", 0.1)
    small = _gather(voxels, (slice(None),) * 3, _SMALL_SHAPE)
    low, high = (small.quantile(q) for q in _QUANTILES)
    if not float(high) > float(low):
        raise NothingFound(failure("volume_blank"), remedy=failure("check_t1_head"))
    coarse = _largest_component(
        _is_brain(_probability(modules[BBOX_FILE], _normalize(small, low, high)))
    )
    box = _box_with_margin(coarse, voxels.shape)
    on_progress("segment", 0.2)
    inner = _normalize(_gather(voxels, box, _SHAPE), low, high)
    probability = _probability(modules[MODEL_FILE], inner)
    found = _is_brain(probability)
    on_progress("clean_up", 0.85)
    mask = np.zeros(voxels.shape, np.bool_)
    box_shape = tuple(part.stop - part.start for part in box)
    indices = [_nearest(n, m) for n, m in zip(_SHAPE, box_shape, strict=True)]
    mask[box] = _filled(_largest_component(found[np.ix_(*indices)]))
    orientation = turned_over(
        inner, doubt(probability), lambda x: _probability(modules[MODEL_FILE], x)
    )
    return FoundBrain(mask, orientation)


def _probability(module: torch.jit.ScriptModule, x: torch.Tensor) -> torch.Tensor:
    import torch

    with torch.inference_mode():
        probability: torch.Tensor = module(x[None, None])[0, 1]
    return probability


def _is_brain(probability: torch.Tensor) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (probability > _THRESHOLD).cpu().numpy()
    return found


def _nearest(size: int, wanted: int) -> NDArray[np.int64]:
    """The indices that torch's `nearest-exact` takes when `size` becomes `wanted`."""
    import torch
    from torch.nn.functional import interpolate

    line = torch.arange(size, dtype=torch.float32)[None, None]
    indices: NDArray[np.int64] = (
        interpolate(line, (wanted,), mode="nearest-exact")[0, 0].numpy().astype(np.int64)
    )
    return indices


def _gather(voxels: NDArray[np.float32], box: Box, shape: tuple[int, int, int]) -> torch.Tensor:
    import torch

    inside = voxels[box]
    indices = [_nearest(n, m) for n, m in zip(inside.shape, shape, strict=True)]
    gathered = np.ascontiguousarray(inside[np.ix_(*indices)])
    return torch.nan_to_num(torch.from_numpy(gathered).to(device()))


def _normalize(x: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    x = ((x - low) / (high - low)).clamp(min=0, max=1)
    x = (x - x.mean()) / x.std()
    return 0.226 * x + 0.449


def _largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels = connected_parts(mask)
    counts = np.bincount(labels.ravel())
    if len(counts) < 2:
        raise NothingFound(failure("no_brain"), remedy=failure("check_t1_head"))
    largest: NDArray[np.bool_] = labels == 1 + int(counts[1:].argmax())
    return largest


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    import fill_voids

    filled: NDArray[np.bool_] = fill_voids.fill(mask)
    return filled


def _box_with_margin(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> Box:
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        inside = np.flatnonzero(mask.mean(axis=others, dtype=np.float32) > _BBOX_FOREGROUND)
        if not inside.size:
            raise NothingFound(failure("no_brain"), remedy=failure("check_t1_head"))
        first, last = int(inside[0]), int(inside[-1]) + 1
        # In single precision, as deepbet does, so that the same voxels are cut out.
        scale = np.float32(shape[axis]) / np.float32(mask.shape[axis])
        centre = np.round(scale * np.float32((first + last) / 2))
        size = np.round(
            np.float32(1 + 2 * np.float32(_BBOX_MARGIN)) * (scale * np.float32(last - first))
        )
        low, high = int(centre - size / 2), int(centre + size / 2)
        box.append(slice(max(0, low), min(shape[axis], high), 1))
    return box[0], box[1], box[2]


def _phantom() -> torch.Tensor:
    """A head of nested ellipsoids: bright scalp, dark skull, grey brain with ventricles."""
    import torch

    axis = torch.linspace(-1, 1, 64)
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    radius = torch.sqrt((x / 0.72) ** 2 + (y / 0.9) ** 2 + (z / 0.8) ** 2)
    head = torch.zeros_like(radius)
    for outer, value in ((1.0, 0.8), (0.9, 0.15), (0.82, 0.5), (0.7, 0.7), (0.2, 0.2)):
        head[radius < outer] = value
    return head.to(device())


def prove(threads: int = 0) -> Proof:
    """Load the weights, test them, and say what shares they gave. Raises ModelUnusable."""
    shares = _shares(load_torchscript(CARD, _self_test, threads))
    return Proof(
        {f"share by {name}": share for name, (share, _) in shares.items()},
        "A phantom of a head gives its known share of brain; a blank image gives another map.",
    )


def _shares(modules: dict[str, torch.jit.ScriptModule]) -> dict[str, tuple[float, float]]:
    """By module: the share of brain in the phantom, and how far a blank image's map is."""
    import torch

    phantom = _phantom()
    image = _normalize(phantom, phantom.min(), phantom.max())
    blank = torch.full_like(image, 0.449)
    shares = {}
    for name in _KNOWN_SHARES:
        with torch.inference_mode():
            seen = modules[name](image[None, None])[0, 1]
            unseen = modules[name](blank[None, None])[0, 1]
        shares[name] = (float(seen.mean()), float((seen - unseen).abs().mean()))
    return shares


def _self_test(modules: dict[str, torch.jit.ScriptModule]) -> None:
    """A phantom gives its known share of brain, and a blank image gives another map.

    The shares were measured once with the weights that the card names.
    """
    for name, (share, distance) in _shares(modules).items():
        expected = _KNOWN_SHARES[name]
        # Written so that a NaN fails, too.
        if not (abs(share - expected) <= _SHARE_TOLERANCE and distance >= _BLANK_DISTANCE):
            raise ModelUnusable(
                f"{CARD.name} {CARD.version} fails its self-test: {name} gives a share of"
                f" {share:.4f} for the phantom ({expected:.4f} is right) and differs by"
                f" {distance:.4f} for a blank image.",
                remedy="Install deepbet and torch again in the versions of this release.",
            )


_KNOWN_SHARES = {MODEL_FILE: 0.3621, BBOX_FILE: 0.1879}
_SHARE_TOLERANCE = 0.005
_BLANK_DISTANCE = 0.05
