"""Bundles of single images: mammograms, endoscopy, planes of the heart.

A bundle whose network takes planes and whose inferer takes them one by one is of images; one that
goes through a volume slice by slice is of volumes (`inference.bundles.description`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.bundles.configuration import inference_file_of, read_configuration, targets_of
from inference.bundles.loading import Parts, as_bundle, load_parts
from inference.bundles.metadata import METADATA, Input, Metadata, check_taken, kind_of
from inference.models.cards.card_file import CARD_FILE, completed, parsed
from inference.models.description import ModelDescription, OutputKind, slug
from inference.models.devices import device
from inference.models.model_folders import files_of, install
from inference.refusals import ModelUnusable
from inference.single_images.card import ImageCard, Preprocessing
from inference.single_images.card import OutputKind as ImageOutputKind
from inference.single_images.description import ImageModelDescription
from storage.core.errors import InvalidRequest
from storage.settings import Settings

_KINDS: dict[OutputKind, ImageOutputKind] = {
    "classification": "image-classification",
    "segmentation": "image-segmentation",
    "landmarks": "image-landmarks",
}
_MODALITIES = {
    "MAMMOGRAM": ("MG",),
    "MG": ("MG",),
    # What is photographed in colour: endoscopes, and cameras outside the body.
    "REGULAR": ("ES", "XC"),
    "MR": ("MR",),
    "MRI": ("MR",),
    "CT": ("CT",),
}
_BACKGROUND = {"background", "bg"}
_WHITE = 255.0
_IMAGES_AT_MOST = 64


@dataclass(frozen=True)
class Landmarks:
    """`points` (points, 2): column, row in the image shown to the network, 0, 0 being the upper
    left corner of the upper left pixel."""

    points: NDArray[np.float64]


def is_image_bundle(folder: Path) -> bool:
    """Whether a folder holds a bundle of single images; one that cannot be read is none."""
    if not (folder / METADATA).is_file():
        return False
    try:
        image = parsed(Metadata, folder / METADATA).image
        if image is None or len(image.spatial_shape) != 2:
            return False
        return "SliceInferer" not in targets_of(read_configuration(inference_file_of(folder)))
    except InvalidRequest:
        return False


def describe_image_bundle(folder: Path) -> ImageModelDescription:
    """Read metadata and card. Raises InvalidRequest naming what is wrong."""
    metadata = parsed(Metadata, folder / METADATA)
    title = metadata.name or folder.name
    check_taken(metadata, title)
    kind, image = kind_of(metadata.output), metadata.image
    if image is None or kind not in _KINDS or image.num_channels not in (1, 3):
        raise InvalidRequest(
            f"The bundle {title} gives '{metadata.output.format or metadata.output.type}' for"
            f" images of {image.num_channels if image else 0} channels, which cannot be run here.",
            remedy="Bundles of grey and colour images that classify, segment or find points can.",
        )
    card = completed(
        ImageCard,
        folder / CARD_FILE,
        {
            "licence": metadata.license or metadata.copyright,
            "intended_use": metadata.intended_use or "Research use only.",
        },
        {"model": _model(metadata, image, title, kind)},
    )
    labels = {int(value): label for value, label in metadata.output.names.items()}
    if kind == "landmarks":
        count = next((int(size) for size in metadata.output.spatial_shape[1:]), 1)
        labels = {value: f"Point {value + 1}" for value in range(count)}
    background = next((v for v, label in labels.items() if label.lower() in _BACKGROUND), None)
    return ImageModelDescription(
        folder=folder,
        format="bundle",
        name=slug(title),
        version=metadata.version,
        title=card.title or title[:64],
        card=card,
        preprocessing=_preprocessing(kind, image),
        labels=labels,
        background=background,
        activation="none",
    )


def add_image_bundle(settings: Settings, folder: Path) -> ImageModelDescription:
    """Copy a bundle to where models lie, with the digest of every file. Raises InvalidRequest."""
    found = describe_image_bundle(folder)
    place = f"{found.name}@{found.version}"
    return describe_image_bundle(
        install(settings, folder, place, files_of(folder), keep_digests=True)
    )


class ImageBundle:
    """A bundle of images at work: its preprocessing, network, inferer and postprocessing."""

    def __init__(self, model: ImageModelDescription, threads: int) -> None:
        self._loaded = _for_loading(model)
        self._kind = self._loaded.kind
        self._parts: Parts = load_parts(self._loaded, threads)

    @property
    def answer(self) -> dict[str, float]:
        """What the network gives for the noise of its self-test."""
        return self._parts.answer

    def scores(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of an image (rows, columns, channels) from 0 to 1: the probability of each class."""
        found = np.asarray(self._of(_as_photograph(seen)), np.float32).reshape(-1)
        if not (found.min() >= 0.0 and found.max() <= 1.0):
            # The bundle decides for one class of several; how surely, its network says.
            powers = np.exp(found - found.max())
            found = powers / powers.sum()
        return np.asarray(found, np.float32)

    def classes(self, seen: NDArray[np.float32]) -> NDArray[np.int64]:
        """The class of each pixel of an image (rows, columns, channels): (rows, columns).
        Raises ModelUnusable."""
        found = np.asarray(self._of(_as_photograph(seen)), np.float32)
        if found.ndim != 3 or found.shape[1:] != seen.shape[1::-1]:
            raise ModelUnusable(
                f"The bundle {self._loaded.name} gives an array of shape {found.shape} for an image"
                f" of {seen.shape[1::-1]}: its postprocessing does not lead back to the source.",
                remedy="Add Invertd to the bundle's postprocessing.",
            )
        one = found.argmax(axis=0) if len(found) > 1 else np.rint(found[0])
        return np.asarray(one, np.int64).T

    def landmarks(self, seen: NDArray[np.float32]) -> Landmarks:
        """Points in a grey image (rows, columns, 1), in the bundle's order."""
        # As MONAI reads one plane of a cine: columns, rows, slices, times.
        found = np.asarray(self._of(seen[..., 0].T[..., None, None]), np.float64)
        return Landmarks(found.reshape(2, -1).T + 0.5)

    def _of(self, image: NDArray[np.float32]) -> Any:
        import torch

        parts = self._parts
        with as_bundle(self._loaded), torch.inference_mode():
            given = _tensor(image)
            seen = parts.preprocessing({"image": given} if parts.reads else given)
            batch = (seen["image"] if parts.reads else seen)[None].to(device())
            predicted = parts.inferer(batch, parts.network)
            data = seen if parts.reads else {}
            # Without keys nothing is taken out of the batch, as the bundle's evaluator has it.
            data["pred"] = predicted[0] if parts.reads else predicted
            if parts.postprocessing is not None:
                data = parts.postprocessing(data)
            return torch.as_tensor(data["pred"]).detach().float().cpu().numpy()


def _tensor(image: NDArray[np.float32]) -> Any:
    import torch
    from monai.data import MetaTensor

    values = torch.from_numpy(np.ascontiguousarray(image))
    last = values.ndim - 1
    header = {
        "original_channel_dim": last if values.ndim == 3 else float("nan"),
        "spatial_shape": np.asarray(values.shape[:2]),
        "filename_or_obj": "",
    }
    return MetaTensor(values, affine=torch.eye(4, dtype=torch.float64), meta=header)


def _as_photograph(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """As MONAI reads a PNG or JPEG: columns first, values to 255."""
    return np.asarray(seen.transpose(1, 0, 2) * _WHITE, np.float32)


def _model(metadata: Metadata, image: Input, title: str, kind: OutputKind) -> dict[str, Any]:
    modalities = _MODALITIES.get(image.modality.upper())
    if modalities is None:
        raise InvalidRequest(
            f"The metadata of {title} name the modality '{image.modality}', which is not known.",
            remedy=f"Known are {', '.join(sorted(_MODALITIES))}.",
        )
    frames: dict[str, Any] = {"frames": {}} if kind == "classification" else {}
    return {
        "name": title[:48],
        "version": metadata.version,
        "output": _KINDS[kind],
        "modalities": modalities,
        "images_at_most": _IMAGES_AT_MOST,
        **frames,
    }


def _preprocessing(kind: OutputKind, image: Input) -> Preprocessing:
    """What is done before the bundle's own: the bundle resizes, but where it wants one shape."""
    stated: dict[str, Any] = {"channels": image.num_channels}
    if kind == "landmarks":
        # Values as they were measured; the bundle scales them.
        stated["grey"] = {"percentiles": (0, 100)}
        if image.whole_shape is not None:
            columns, rows = image.whole_shape
            stated["resize"] = {"size": (rows, columns), "fit": "pad"}
    return Preprocessing.model_validate(stated)


def _for_loading(model: ImageModelDescription) -> ModelDescription:
    metadata = parsed(Metadata, model.folder / METADATA)
    image, kind = metadata.image, kind_of(metadata.output)
    if image is None or kind is None:
        raise InvalidRequest(f"{model.folder / CARD_FILE} is of a bundle without images.")
    return ModelDescription(
        folder=model.folder,
        inference_file=inference_file_of(model.folder),
        name=model.name,
        version=model.version,
        title=model.title,
        description=metadata.description,
        licence=model.card.licence,
        intended_use=model.card.intended_use,
        modality=image.modality.upper(),
        kind=kind,
        labels=model.labels,
        background=model.background,
        card=model.card,
        channels=image.num_channels,
        probe_shape=image.whole_shape,
    )
