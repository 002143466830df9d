"""One frame of an instance as a picture for a model: windowed, with eight bits."""

from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi_lut,
)

from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.core.padding import unpadded
from storage.pixels.decoding import decode_frame_of


def instance_to_show(storage: Storage, request: dict[str, Any]) -> tuple[Instance, int]:
    """The instance and the frame index that a question is about.

    Named, or the middle of the named series, or the middle of the study's largest received
    series. Raises NotFound, InvalidRequest.
    """
    study_uid = str(request["study_instance_uid"])
    if request.get("sop_instance_uid"):
        instance = storage.index.instance(str(request["sop_instance_uid"]))
        if instance.study_instance_uid != study_uid:
            raise InvalidRequest(
                "The instance is not of that study.", remedy="Name the study that it is of."
            )
        return instance, int(request.get("frame_number") or 1) - 1
    series_uid = request.get("series_instance_uid")
    if not series_uid:
        received = [one for one in storage.index.series_of(study_uid) if one.origin == "received"]
        series = max(received, key=lambda one: one.instance_count, default=None)
        if series is None:
            raise InvalidRequest("The study holds no images.", remedy="Name one that does.")
        series_uid = series.series_instance_uid
    storage.index.series(study_uid, str(series_uid))
    instances = [one for one in storage.index.instances_of(study_uid, str(series_uid)) if one.rows]
    if not instances:
        raise InvalidRequest("The series holds no images.", remedy="Name one that does.")
    middle = instances[len(instances) // 2]
    return middle, (middle.number_of_frames or 1) // 2


def picture_of(dataset: Dataset, frame_index: int) -> Image.Image:
    """The frame as people see it (PS3.4 N.2): modality, window, polarity. Raises InvalidRequest."""
    remedy = "Ask about another instance or frame."
    try:
        pixels: Any = decode_frame_of(dataset, frame_index)
        if int(dataset.get("SamplesPerPixel", 1)) > 1:
            return Image.fromarray(_bytes(pixels))
        photometric = unpadded(str(dataset.get("PhotometricInterpretation") or ""))
        if photometric == "PALETTE COLOR":
            return Image.fromarray(_bytes(apply_color_lut(pixels, dataset)))
        values = apply_voi_lut(apply_modality_lut(pixels, dataset), dataset).astype(np.float64)
    # pydicom and its plugins raise whatever their decoder raises.
    except (RuntimeError, ValueError, AttributeError, NotImplementedError, KeyError) as error:
        raise InvalidRequest(
            "The image cannot be decoded, or has no such frame.", remedy=remedy
        ) from error
    low, high = np.percentile(values, (0.5, 99.5))
    if "WindowCenter" in dataset:
        low, high = values.min(), values.max()
    grey = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    if photometric == "MONOCHROME1":
        grey = 1 - grey
    return Image.fromarray(np.rint(grey * 255).astype(np.uint8)).convert("RGB")


def _bytes(pixels: Any) -> Any:
    if pixels.dtype == np.uint8:
        return pixels
    return (pixels / max(int(pixels.max()), 1) * 255).astype(np.uint8)
