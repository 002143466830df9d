"""One frame of an instance as a picture for a model: windowed, with eight bits."""

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from inference.imaging.grayscale import frame_transforms, stated_window
from inference.model_servers.burned_in import burned_in
from inference.single_images.card import Grey
from inference.single_images.frame import read_frame
from inference.single_images.refusals import ImageRefused
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.index.repository import Index
from storage.language.questions import AnswerRequest

_PERCENTILES = (0.5, 99.5)


def instance_to_show(index: Index, request: AnswerRequest) -> tuple[Instance, int]:
    """The instance and the frame index that a question is about.

    Named, or the middle of the named series, or the middle of the study's largest received
    series. Raises NotFound, InvalidRequest.
    """
    study_uid = str(request["study_instance_uid"])
    if request.get("sop_instance_uid"):
        instance = index.instance(str(request["sop_instance_uid"]))
        if instance.study_instance_uid != study_uid:
            raise InvalidRequest(
                "The instance is not of that study.", remedy="Name the study that it is of."
            )
        return instance, int(request.get("frame_number") or 1) - 1
    series_uid = request.get("series_instance_uid")
    if not series_uid:
        received = [one for one in index.series_of(study_uid) if one.origin == "received"]
        series = max(received, key=lambda one: one.instance_count, default=None)
        if series is None:
            raise InvalidRequest("The study holds no images.", remedy="Name one that does.")
        series_uid = series.series_instance_uid
    index.series(study_uid, str(series_uid))
    instances = [one for one in index.instances_of(study_uid, str(series_uid)) if one.rows]
    if not instances:
        raise InvalidRequest("The series holds no images.", remedy="Name one that does.")
    middle = instances[len(instances) // 2]
    return middle, (middle.number_of_frames or 1) // 2


def check_may_leave(dataset: Dataset) -> None:
    """Raise InvalidRequest where an image may not go to a model server."""
    if why := burned_in(dataset):
        raise InvalidRequest(
            why, remedy="Ask about another image, or set a model that this node computes."
        )


def picture_of(dataset: Dataset, frame_index: int) -> Image.Image:
    """The frame as people see it (PS3.4 N.2): modality, window, polarity. Raises InvalidRequest.

    Where it states no window, from the darkest to the brightest value but for a few. Padding and
    what is behind a shutter are black.
    """
    stated = frame_transforms(dataset, frame_index)
    has_window = bool(stated.get("VOILUTSequence")) or stated_window(stated) is not None
    grey = Grey() if has_window else Grey(percentiles=_PERCENTILES)
    try:
        frame = read_frame(dataset, frame_index, grey)
    except ImageRefused as error:
        raise InvalidRequest(
            "The image cannot be decoded, or has no such frame.",
            remedy="Ask about another instance or frame.",
        ) from error
    values = np.where(frame.covered[..., None], frame.values, 0.0)
    shown = np.rint(values * 255).astype(np.uint8)
    return Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown).convert("RGB")
