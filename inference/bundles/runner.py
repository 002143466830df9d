"""A bundle at work: its preprocessing, network, inferer and postprocessing, without its files.

The parts that read and write files are left out: voxels come from the volume that the house
assembled, and results go back through its own encoders. MONAI calls whatever the bundle's
configuration names, so a bundle is code: only what an operator added runs.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inference.bundles.description import BundleDescription
from inference.compute import device, is_out_of_memory
from inference.models import file_sha256, load_module, use_threads
from inference.pipeline import ProgressCallback
from inference.refusals import ModelUnusable
from inference.volume import Volume
from inference.warm import WARM, weights_bytes

if TYPE_CHECKING:
    import torch

_RAS_FROM_LPS = np.diag((-1.0, -1.0, 1.0, 1.0))
_READS, _WRITES = ("LoadImage",), ("SaveImage", "SaveClassification", "SaveToDisk")
_WEIGHTS = ("models/model.pt", "models/model.ts")
_STATE_KEYS = ("model", "state_dict", "network", "model_state_dict")
_PROBE_ROI = (64, 64, 64)
_DIFFERS = 1e-6
_REMEDY = "Get the bundle again, or one for this version of MONAI, and add it again."


@dataclass(frozen=True)
class _Parts:
    preprocessing: Any
    network: torch.nn.Module
    inferer: Any
    postprocessing: Any
    answer: dict[str, float]
    """What the network gives for the noise of the self-test."""


def predict(
    bundle: BundleDescription, volume: Volume, threads: int, on_progress: ProgressCallback
) -> NDArray[Any]:
    """What the bundle predicts for a volume.

    Segmentation: shape (channels, slices, rows, columns) on the source grid. Classification:
    shape (classes,). Raises ModelUnusable where the bundle does not do its work here.
    """
    import torch

    on_progress("load_model", 0.05)
    parts = _load(bundle, threads)
    on_progress("preprocess", 0.15)
    try:
        with _as_bundle(bundle), torch.inference_mode():
            data = parts.preprocessing({"image": _image(volume)})
            on_progress("segment", 0.3)
            batch = data["image"][None].to(device())
            predicted = parts.inferer(batch, parts.network)
            on_progress("postprocess", 0.9)
            data["pred"] = predicted[0]
            if parts.postprocessing is not None:
                data = parts.postprocessing(data)
            result = data["pred"]
            found: NDArray[Any] = torch.as_tensor(result).detach().cpu().numpy()
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelUnusable(
            f"The bundle {bundle.name} failed at this series ({type(error).__name__}).",
            remedy=_REMEDY,
        ) from error
    if bundle.kind == "classification":
        return found.reshape(-1)
    return _on_source_grid(found, volume, bundle)


def _image(volume: Volume) -> Any:
    """The volume as MONAI reads a file: indexed (i, j, k), with an affine to RAS."""
    import torch
    from monai.data import MetaTensor

    ras_from_ijk = (_RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
    voxels = torch.from_numpy(np.ascontiguousarray(volume.voxels.T))
    affine = torch.from_numpy(np.ascontiguousarray(ras_from_ijk))
    meta = {"original_channel_dim": float("nan"), "space": "RAS", "filename_or_obj": ""}
    return MetaTensor(voxels, affine=affine, meta=meta)


def _on_source_grid(found: NDArray[Any], volume: Volume, bundle: BundleDescription) -> NDArray[Any]:
    if found.ndim != 4 or found.shape[1:] != volume.voxels.shape[::-1]:
        raise ModelUnusable(
            f"The bundle {bundle.name} gives an array of shape {found.shape} for a volume of"
            f" {volume.voxels.shape[::-1]}: its postprocessing does not lead back to the source.",
            remedy="Add Invertd to the bundle's postprocessing.",
        )
    moved: NDArray[Any] = np.transpose(found, (0, 3, 2, 1))
    return moved


def probe(bundle: BundleDescription, threads: int = 0) -> dict[str, float]:
    """Load the bundle, and say what its network gives for noise. Raises ModelUnusable."""
    return _load(bundle, threads).answer


def _load(bundle: BundleDescription, threads: int) -> _Parts:
    use_threads(threads)
    weights = [path for path in (bundle.folder / "models").glob("*") if path.is_file()]
    key = (bundle.name, bundle.version, *(file_sha256(path) for path in weights), device())
    return WARM.get(key, lambda: _loaded(bundle), weights_bytes(*weights))


def _loaded(bundle: BundleDescription) -> _Parts:
    try:
        with _as_bundle(bundle):
            return _parse(bundle)
    except ModelUnusable:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # A bundle is other people's code: whatever it raises means that it is unusable.
        raise ModelUnusable(
            f"The bundle {bundle.name} cannot be loaded ({type(error).__name__}).",
            remedy=_REMEDY,
        ) from error


def _parse(bundle: BundleDescription) -> _Parts:
    import torch
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(bundle.inference_file))
    parser["bundle_root"] = str(bundle.folder)
    parser["device"] = f"$torch.device('{device()}')"
    _leave_out(parser, "preprocessing", _READS)
    _leave_out(parser, "postprocessing", _WRITES)
    weights = next(
        (bundle.folder / name for name in _WEIGHTS if (bundle.folder / name).is_file()), None
    )
    if weights is None:
        raise ModelUnusable(f"The bundle {bundle.name} has no weights.", remedy=_REMEDY)
    if weights.suffix == ".ts":
        network: torch.nn.Module = load_module(weights)
    else:
        network = parser.get_parsed_content(_first_of(parser, "network_def", "network"))
        state = torch.load(str(weights), map_location=device(), weights_only=True)
        network.load_state_dict(next((state[key] for key in _STATE_KEYS if key in state), state))
    network.to(device()).eval()
    has_post = "postprocessing" in parser.config
    inferer = parser.get_parsed_content("inferer")
    return _Parts(
        parser.get_parsed_content("preprocessing"),
        network,
        inferer,
        parser.get_parsed_content("postprocessing") if has_post else None,
        _answer(network, inferer, bundle),
    )


def _first_of(parser: Any, *names: str) -> str:
    for name in names:
        if name in parser.config:
            return name
    raise ModelUnusable(f"The configuration names none of {', '.join(names)}.", remedy=_REMEDY)


def _leave_out(parser: Any, name: str, targets: tuple[str, ...]) -> None:
    """Drop the transforms of a chain that read or write files."""
    chain = parser.config.get(name)
    if not isinstance(chain, dict) or not isinstance(chain.get("transforms"), list):
        return
    parser[f"{name}::transforms"] = [
        transform
        for transform in chain["transforms"]
        if not str(transform.get("_target_", "")).rpartition(".")[2].startswith(targets)
    ]


def _answer(network: torch.nn.Module, inferer: Any, bundle: BundleDescription) -> dict[str, float]:
    """A blank image and noise must not give the same: a network that attends to nothing fails."""
    import torch

    roi = tuple(getattr(inferer, "roi_size", None) or _PROBE_ROI)
    if any(size <= 0 for size in roi) or len(roi) != 3:
        roi = _PROBE_ROI
    generator = torch.Generator().manual_seed(1)
    noise = torch.rand((1, 1, *roi), generator=generator).to(device())
    with torch.inference_mode():
        seen, blank = (_tensor(network(x)).float() for x in (noise, torch.zeros_like(noise)))
    distance = float((seen - blank).abs().max())
    # Written so that a NaN fails, too.
    if not (torch.isfinite(seen).all() and distance > _DIFFERS):
        raise ModelUnusable(
            f"The bundle {bundle.name} answers a blank image like any other.", remedy=_REMEDY
        )
    return {
        "mean answer to noise": float(seen.mean()),
        "largest answer to noise": float(seen.max()),
    }


def _tensor(answer: Any) -> torch.Tensor:
    """The main output of a network that gives several (deep supervision)."""
    tensor: torch.Tensor = answer[0] if isinstance(answer, list | tuple) else answer
    return tensor


@contextlib.contextmanager
def _as_bundle(bundle: BundleDescription) -> Iterator[None]:
    """Let the configuration import the bundle's own scripts, as MONAI's runner does."""
    root = str(bundle.folder)
    sys.path.insert(0, root)
    try:
        with warnings.catch_warnings():
            # Of MONAI's and torch's own making, and of no use to an operator.
            warnings.simplefilter("ignore")
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(root)
