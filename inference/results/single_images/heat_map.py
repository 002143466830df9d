"""A heat map as a Parametric Map, of an image that has a place in the patient (PS3.3 A.75).

The class has to name a Frame of Reference and where its planes lie in it, which no film does
(decision 0088): of those the heat map stays with its finding, and leaves as a picture.
"""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.frames import is_multiframe
from inference.imaging.headers import texts
from inference.imaging.heat_pixels import on_pixels
from inference.pipeline import ImageResult, ParametricMap, Pipeline
from inference.result_identity import image_object_uid
from inference.results.parametric_map import written_map
from inference.results.single_images.references import image_reference
from inference.results.source_frames import state_derivation
from storage.core.entities import Job
from storage.core.findings import NO_UNITS, Code
from storage.core.text.outside_text import clean_text

FALL = Code("PROBABILITYFALL", "99MEDIVIEW", "Fall of the probability where a part is hidden")
OF_MODEL = Code("MODELHEAT", "99MEDIVIEW", "Relevance of a part, as the model gives it")
_NOT_AT_RIGHT_ANGLES = 1e-3


def encode_heat_map(
    job: Job, pipeline: Pipeline, source: Dataset, image: ImageResult, number: int, derivation: str
) -> Dataset | None:
    """Of the rows and columns of its image; None where that has no place in the patient, and of
    a multi-frame image. `number` is that of the object in its series."""
    answer = image.heated
    if answer is None or answer.heat_map is None or not is_placed(source):
        return None
    values = on_pixels(answer.heat_map, int(source.Rows), int(source.Columns))
    result = written_map(
        job,
        pipeline,
        source,
        [image_reference(source)],
        ParametricMap(
            answer.label,
            FALL if answer.heat_map.method == "occlusion" else OF_MODEL,
            NO_UNITS,
            values[None],
            (0.0, float(np.nanmax(values))),
        ),
        number=number,
        sop_instance_uid=image_object_uid(job, "PM", image.sop_instance_uid),
        what="heat map",
    )
    state_derivation(result, clean_text(derivation, lines=True))
    return result


def is_placed(source: Dataset) -> bool:
    """Whether a plane in the patient can be stated that is the image's."""
    if is_multiframe(source) or not source.get("FrameOfReferenceUID"):
        return False
    position, axes, spacing = (
        _numbers(source, keyword)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    if (position.size, axes.size, spacing.size) != (3, 6, 2) or not spacing.min() > 0:
        return False
    two = axes.reshape(2, 3)
    return bool(np.abs(two @ two.T - np.eye(2)).max() < _NOT_AT_RIGHT_ANGLES)


def _numbers(source: Dataset, keyword: str) -> NDArray[np.float64]:
    """Empty where it is not there, or is no numbers."""
    try:
        values = np.array([float(one) for one in texts(source.get(keyword))])
    except ValueError:
        return np.empty(0)
    return values if np.isfinite(values).all() else np.empty(0)
