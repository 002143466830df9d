"""A bundle at work: its preprocessing, network, inferer and postprocessing, without its files.

Voxels come from the volume that the node assembled, and results go back through its own
encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.bundles.half_precision import Precision
from inference.bundles.loading import (
    Parts,
    as_bundle,
    load_parts,
    remedy_of,
    subject_of,
)
from inference.bundles.prepared_image import PreparedImage
from inference.bundles.prompts import Prompts, prompted
from inference.bundles.windows import over_windows
from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.volume import Volume
from inference.model_servers.open_inference import InferenceClient
from inference.models.description import ModelDescription
from inference.models.devices import device, is_out_of_memory
from inference.pipeline import ProgressCallback
from inference.refusals import ModelUnusable, no_numbers

Found = TypeVar("Found")


@dataclass(frozen=True)
class Boxes:
    """What a detector found, the surest first.

    `corners_lps_mm`: shape (boxes, 2, 3), two opposite corners of each box, whose edges run
    along `axes_lps` (columns, unit vectors). `scores` from 0 to 1.
    """

    corners_lps_mm: NDArray[np.float64]
    axes_lps: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


def predict(
    bundle: ModelDescription,
    volume: Volume,
    threads: int,
    on_progress: ProgressCallback,
    channels: Sequence[NDArray[np.float32]] = (),
    prompts: Prompts | None = None,
    prepared: PreparedImage | None = None,
) -> NDArray[Any]:
    """What the bundle predicts for a volume, or for `channels` of the same shape on its grid;
    of a network that is asked for classes or shown points, what `prompts` ask. `prepared` keeps
    what the preprocessing makes of the image for the next call.

    Segmentation: shape (channels, slices, rows, columns) on the source grid. Classification
    and regression: shape (classes,). Raises ModelUnusable where the bundle does not do its work
    here.
    """
    import torch

    def work(parts: Parts) -> NDArray[Any]:
        asked = prompts if prompts is not None else _classes(bundle, parts)
        given = asked.given if asked is not None else {}
        one = prepared or PreparedImage()
        data = one.with_prompts(
            parts.preprocessing, lambda: _images(bundle, parts, volume, channels), given
        )
        on_progress("segment", 0.3)
        batch = data["image"][None].to(device())
        if asked is None or not parts.prompts:
            predicted = over_windows(parts.inferer, batch, parts.computing, subject_of(bundle))
            # Of a map NaN is where there is no value; VISTA3D's own, above, is where it has not
            # looked.
            may_lack_numbers = bundle.kind == "parametric-map" or not torch.is_tensor(predicted)
            if not (may_lack_numbers or torch.isfinite(predicted).all()):
                raise no_numbers(subject_of(bundle), "this series", remedy_of(bundle))
        else:
            data, predicted = prompted(parts, data, batch)
        on_progress("postprocess", 0.9)
        data["pred"] = predicted[0]
        if parts.postprocessing is not None:
            data = parts.postprocessing(data)
        found: NDArray[Any] = torch.as_tensor(data["pred"]).detach().cpu().numpy()
        return found

    found: NDArray[Any] = _guarded(bundle, threads, on_progress, work)
    if bundle.kind in ("classification", "regression"):
        if any(size != 1 for size in found.shape[1:]):
            raise ModelUnusable(
                f"The model {bundle.name} gives an array of shape {found.shape}; a {bundle.kind}"
                " gives one number for each class or output.",
                remedy=remedy_of(bundle),
            )
        return found.reshape(-1)
    return _on_source_grid(found, volume, bundle)


def detect(
    bundle: ModelDescription, volume: Volume, threads: int, on_progress: ProgressCallback
) -> Boxes:
    """The boxes that a detector of MONAI finds, in the patient. Raises ModelUnusable."""
    import torch

    def work(parts: Parts) -> Boxes:
        data = parts.preprocessing({"image": _image(volume)})
        on_progress("detect", 0.3)
        image = data["image"].to(device())
        (predicted,) = parts.inferer([image], parts.network)
        on_progress("postprocess", 0.9)
        found = {**predicted, "image": image}
        if parts.postprocessing is not None:
            found = parts.postprocessing(found)
        values = {
            key: torch.as_tensor(found[key]).detach().cpu().numpy()
            for key in ("box", "label", "label_scores")
        }
        if not all(np.isfinite(one).all() for one in values.values()):
            raise no_numbers(subject_of(bundle), "this series", remedy_of(bundle))
        return _placed(values, np.asarray(image.affine.cpu(), np.float64))

    return _guarded(bundle, threads, on_progress, work)


def probe(bundle: ModelDescription, threads: int = 0) -> dict[str, float]:
    """Load the bundle, and say what its network gives for noise. Raises ModelUnusable."""
    return load_parts(bundle, threads).answer


def precision_of(bundle: ModelDescription, threads: int) -> Precision | None:
    """Of a model whose card asks for half precision on this device: how it computes."""
    return load_parts(bundle, threads).precision


def computed_by(bundle: ModelDescription, threads: int) -> tuple[str, ...]:
    """Of a model that a server computes: which server and version did, in a sentence."""
    client = getattr(load_parts(bundle, threads).network, "client", None)
    return client.notes() if isinstance(client, InferenceClient) else ()


def _guarded(
    bundle: ModelDescription,
    threads: int,
    on_progress: ProgressCallback,
    work: Callable[[Parts], Found],
) -> Found:
    """Whatever a bundle raises at its work means that it is unusable, but for want of memory."""
    import torch

    on_progress("load_model", 0.05)
    parts = load_parts(bundle, threads)
    on_progress("preprocess", 0.15)
    try:
        with as_bundle(bundle), torch.inference_mode():
            return work(parts)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelUnusable(
            f"{subject_of(bundle)} failed at this series ({type(error).__name__}).",
            remedy=remedy_of(bundle),
        ) from error


def _classes(bundle: ModelDescription, parts: Parts) -> Prompts | None:
    """What a network is asked for where nobody asks: the classes that its card names, or all."""
    if not parts.prompts:
        return None
    named = tuple(sorted(int(value) for value in bundle.card.segments))
    return Prompts.of_classes(named or parts.prompts)


def _images(
    bundle: ModelDescription,
    parts: Parts,
    volume: Volume,
    channels: Sequence[NDArray[np.float32]],
) -> dict[str, Any]:
    """What the preprocessing is given: all channels as one image, or each under the key that it
    has in the configuration, which is then what the card calls it."""
    names = tuple(bundle.card.inputs)
    if not names or not set(names) <= set(parts.reads):
        return {"image": _image(volume, channels)}
    images = {name: _image(volume, planes=one) for name, one in zip(names, channels, strict=True)}
    # Bundles that ask for the header beside the image find it under its old key.
    return {**images, **{f"{name}_meta_dict": one.meta for name, one in images.items()}}


def _image(
    volume: Volume,
    channels: Sequence[NDArray[np.float32]] = (),
    planes: NDArray[np.float32] | None = None,
) -> Any:
    """The volume, or `planes` on its grid, as MONAI reads a file: indexed (i, j, k), with an
    affine to RAS. Several channels come first, as of several files."""
    import torch
    from monai.data import MetaTensor

    ras_from_ijk = (RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
    one = volume.voxels if planes is None else planes
    indexed = np.stack([channel.T for channel in channels]) if channels else one.T
    voxels = torch.from_numpy(np.ascontiguousarray(indexed))
    affine = torch.from_numpy(np.ascontiguousarray(ras_from_ijk))
    meta = {
        "original_channel_dim": 0 if channels else float("nan"),
        "space": "RAS",
        "filename_or_obj": "",
        # What transforms of clicks and of their inverse ask of the file that was read.
        "original_affine": ras_from_ijk.copy(),
        "spatial_shape": np.asarray(voxels.shape[1 if channels else 0 :]),
    }
    return MetaTensor(voxels, affine=affine, meta=meta)


def _on_source_grid(found: NDArray[Any], volume: Volume, bundle: ModelDescription) -> NDArray[Any]:
    if found.ndim != 4 or found.shape[1:] != volume.voxels.shape[::-1]:
        raise ModelUnusable(
            f"The bundle {bundle.name} gives an array of shape {found.shape} for a volume of"
            f" {volume.voxels.shape[::-1]}: its postprocessing does not lead back to the source.",
            remedy="Add Invertd to the bundle's postprocessing.",
        )
    moved: NDArray[Any] = np.transpose(found, (0, 3, 2, 1))
    return moved


def _placed(found: dict[str, NDArray[Any]], ras_from_index: NDArray[np.float64]) -> Boxes:
    """Boxes of indices (MONAI's xyzxyz) in the patient, the surest first."""
    boxes = np.asarray(found["box"], np.float64).reshape(-1, 6)
    scores = np.asarray(found["label_scores"], np.float64).reshape(-1)
    order = np.argsort(-scores, kind="stable")
    lps_from_index = RAS_FROM_LPS @ ras_from_index
    corners = boxes[order].reshape(-1, 2, 3) @ lps_from_index[:3, :3].T + lps_from_index[:3, 3]
    axes = lps_from_index[:3, :3] / np.linalg.norm(lps_from_index[:3, :3], axis=0)
    labels = np.asarray(found["label"], np.int64).reshape(-1)
    return Boxes(corners, axes, labels[order], scores[order])
