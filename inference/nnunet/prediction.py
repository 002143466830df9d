"""A model of nnU-Net at work: nnunetv2 preprocesses and predicts, and the label map goes back.

What nnunetv2 does at once for all classes on the grid of the series is done class by class here,
with the same voxels: a hundred classes of a large CT would not fit into memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import Volume
from inference.models.devices import MemoryExhausted, free_memory_text, is_out_of_memory
from inference.models.model_cache import free_memory_bytes
from inference.nnunet.description import NnunetDescription, TrainedModel
from inference.nnunet.geometry import Grid, Seen, grid_seen, seen_by_model
from inference.nnunet.loading import REMEDY, LoadedPart, load_model
from inference.pipeline import ProgressCallback
from inference.refusals import ModelUnusable, no_numbers
from storage.core.errors import LimitExceeded, MediViewError

# Of a voxel: nnU-Net's logits are half precision; what is resampled is double precision, and
# comes as a copy.
_LOGIT_BYTES, _RESAMPLING_BYTES = 2, 16
# Maps of the first stage that exist at once while a tile goes through the network.
_MAPS_AT_ONCE = 6
_FLOAT_BYTES = 4


def predict(
    model: NnunetDescription,
    volume: Volume,
    channels: Sequence[NDArray[np.float32]],
    threads: int,
    on_progress: ProgressCallback,
) -> NDArray[np.integer[Any]]:
    """The label map on the grid of `volume`, shape (slices, rows, columns).

    `channels` in the network's order, of that shape. Raises LimitExceeded where memory would not
    suffice, ModelUnusable where the model does not do its work here.
    """
    loaded = load_model(model, threads)
    check_memory(model, volume, len(channels))
    seen = seen_by_model(volume, channels, model.orientation, model.spacing_mm)
    combined: NDArray[np.integer[Any]] | None = None
    for done, part in enumerate(loaded.parts):
        on_progress("segment", 0.1 + 0.8 * done / len(loaded.parts))
        found = _guarded(model, part, seen)
        if not part.values:
            combined = found
            continue
        large = max(part.values.values()) > np.iinfo(np.uint8).max
        table = np.zeros(max(int(found.max()), *part.values) + 1, np.uint16 if large else np.uint8)
        table[list(part.values)] = list(part.values.values())
        named = table[found]
        # As TotalSegmentator does: a later part is above what an earlier one found.
        combined = named if combined is None else np.where(named != 0, named, combined)
    assert combined is not None
    on_progress("postprocess", 0.9)
    return seen.on_source_grid(combined)


def check_memory(model: NnunetDescription, volume: Volume, channels: int) -> None:
    """Before anything is resampled. Raises LimitExceeded where the prediction would need more
    memory than is free."""
    grid = grid_seen(volume, model.orientation, model.spacing_mm)
    needed = max(needed_bytes(part, grid, channels) for part in model.parts)
    if model.spacing_mm is not None:
        voxels = math.prod(grid.shape)
        # Each channel is resampled by itself; all of them stay while the parts predict.
        images = channels * _FLOAT_BYTES * voxels
        needed = images + max(_RESAMPLING_BYTES * voxels, needed)
    free = free_memory_bytes()
    if needed > free:
        shape = " × ".join(str(size) for size in grid.shape)
        raise LimitExceeded(
            f"{model.title} would need some {needed / 1e9:.1f} GB of memory for {shape} voxels;"
            f" {free / 1e9:.1f} GB are free.",
            remedy="Run fewer workers on this machine, or send a reconstruction with fewer slices.",
        )


def needed_bytes(part: TrainedModel, grid: Grid, channels: int) -> int:
    """What a prediction takes on top of the images and the weights, as an estimate."""
    spacing = part.configuration.spacing
    order = part.plans.transpose_forward
    shape = [grid.shape[axis] for axis in order]
    own_mm = [grid.spacing_mm[axis] for axis in order]
    # A 2D configuration leaves the slices as they are.
    wanted_mm = [*own_mm[: len(shape) - len(spacing)], *spacing]
    resampled = math.prod(
        max(1, size * own / wanted)
        for size, own, wanted in zip(shape, own_mm, wanted_mm, strict=True)
    )
    source = math.prod(shape)
    heads = len(part.dataset.structures) + (not part.dataset.has_regions)
    folds = 1 if len(part.converted.folds) == 1 else 2
    logits = heads * (folds * _LOGIT_BYTES) * resampled
    preprocessing = channels * (2 * _FLOAT_BYTES * source + _RESAMPLING_BYTES * resampled)
    finishing = _RESAMPLING_BYTES * (source if resampled != source else 0)
    tile = math.prod(part.configuration.patch_size) * part.configuration.features
    network = _MAPS_AT_ONCE * _FLOAT_BYTES * tile
    return int(max(preprocessing, logits + max(network, finishing)))


def _guarded(model: NnunetDescription, part: LoadedPart, seen: Seen) -> NDArray[np.integer[Any]]:
    try:
        return _label_map(part.predictor, seen, f"The model {model.name}")
    except MediViewError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise _exhausted(model, part, seen) from None
        # nnunetv2 says what went wrong in asserts and RuntimeErrors.
        raise ModelUnusable(
            f"The model {model.name} failed at this series ({type(error).__name__}).",
            remedy=REMEDY,
        ) from error


def _exhausted(model: NnunetDescription, part: LoadedPart, seen: Seen) -> MemoryExhausted:
    """Where nnunetv2 has already stitched in the processor's memory, one tile after the other."""
    tile, volume = (
        " × ".join(str(size) for size in sizes)
        for sizes in (part.predictor.configuration_manager.patch_size, seen.channels.shape[1:])
    )
    return MemoryExhausted(
        f"{model.title} computes tiles of {tile} voxels in a volume of {volume}, and its network"
        f" takes no others. Memory does not suffice: {free_memory_text()}.",
        smaller_tiles_help=False,
    )


def _label_map(predictor: Any, seen: Seen, subject: str) -> NDArray[np.integer[Any]]:
    """What nnUNetv2_predict writes, on the grid of what the model sees; `subject` is who answers.

    Raises ModelUnusable for what is no number.
    """
    import torch

    configuration, plans = predictor.configuration_manager, predictor.plans_manager
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, _, properties = preprocessor.run_case_npy(
        seen.channels,
        None,
        {"spacing": list(seen.spacing_mm)},
        plans,
        configuration,
        predictor.dataset_json,
    )
    tensor = torch.from_numpy(data).to(torch.float32)
    del data
    logits = predictor.predict_logits_from_preprocessed_data(tensor).numpy()
    del tensor
    # One head after the other: all of them are large.
    if not all(np.isfinite(one).all() for one in logits):
        raise no_numbers(subject, "this series", REMEDY)
    found = _chosen(predictor, logits, properties)
    labels = predictor.label_manager
    whole = np.zeros(
        properties["shape_before_cropping"],
        np.uint8 if len(labels.foreground_labels) < 255 else np.uint16,
    )
    whole[tuple(slice(*edges) for edges in properties["bbox_used_for_cropping"])] = found
    turned: NDArray[np.integer[Any]] = whole.transpose(plans.transpose_backward)
    return turned


def _chosen(
    predictor: Any, logits: NDArray[np.float16], properties: dict[str, Any]
) -> NDArray[np.integer[Any]]:
    """The label of each voxel of the grid before resampling, from logits of shape (heads, …)."""
    import torch

    configuration, plans = predictor.configuration_manager, predictor.plans_manager
    labels = predictor.label_manager
    shape = properties["shape_after_cropping_and_before_resampling"]
    own_mm = [properties["spacing"][axis] for axis in plans.transpose_forward]
    spacing = list(configuration.spacing)
    seen_mm = [*own_mm[: len(shape) - len(spacing)], *spacing]
    found = np.zeros(shape, np.uint16)
    best: NDArray[np.float32] | None = None
    for head in range(len(logits)):
        resampled = configuration.resampling_fn_probabilities(
            logits[head : head + 1], shape, seen_mm, own_mm
        )
        # Comparing half precision takes NumPy many times as long.
        values = np.asarray(resampled[0]).astype(np.float32)
        if labels.has_regions:
            likely = (torch.sigmoid(torch.from_numpy(values)) > 0.5).numpy()
            np.copyto(found, labels.regions_class_order[head], where=likely)
        elif best is None:
            best = values
        else:
            # The first of equals counts, as in argmax.
            np.copyto(found, head, where=values > best)
            np.maximum(best, values, out=best)
    return found
