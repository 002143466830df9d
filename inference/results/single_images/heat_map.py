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
from inference.imaging.stacks import with_frames
from inference.pipeline import ImageResult, ParametricMap, Pipeline
from inference.result_identity import image_object_uid
from inference.results.single_images.references import image_reference
from inference.results.source_frames import state_derivation
from storage.core.entities import Job
from storage.core.findings import NO_UNITS, Code
from storage.core.text.outside_text import clean_text

FALL = Code("PROBABILITYFALL", "99MEDIVIEW", "Fall of the probability where a part is hidden")
OF_MODEL = Code("MODELHEAT", "99MEDIVIEW", "Relevance of a part, as the model gives it")
_NOT_AT_RIGHT_ANGLES = 1e-3
_POSITION = "PlanePositionSequence"
_SHARED = ("PlaneOrientationSequence", "PixelMeasuresSequence")


def encode_heat_map(
    job: Job, pipeline: Pipeline, source: Dataset, image: ImageResult, number: int, derivation: str
) -> Dataset | None:
    """Of the rows and columns of its image, or of the frame of it that decided; None where that has
    no place in the patient. `number` is that of the object in its series."""
    answer = image.heated
    if answer is None or answer.heat_map is None:
        return None
    frame_number = answer.heat_map.frame_number
    if not is_placed(source, frame_number):
        return None
    # What decides whether a heat map can be placed needs nothing that writes objects.
    from inference.results.parametric_map import written_map

    values = on_pixels(answer.heat_map, int(source.Rows), int(source.Columns))
    result = written_map(
        job,
        pipeline,
        source,
        [_reference(source, frame_number)],
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
    if is_multiframe(source) and frame_number is not None:
        for groups in result.PerFrameFunctionalGroupsSequence:
            for item in groups.DerivationImageSequence:
                # The encoder saw an instance of this frame alone.
                item.SourceImageSequence[0].ReferencedFrameNumber = frame_number
    return result


def is_placed(source: Dataset, frame_number: int | None = None) -> bool:
    """Whether a plane in the patient can be stated that is the image's, or that of its frame."""
    if not source.get("FrameOfReferenceUID"):
        return False
    stated = source
    if is_multiframe(source):
        groups = None if frame_number is None else _groups(source, frame_number)
        if groups is None:
            return False
        stated = Dataset()
        for group in groups.values():
            stated.update(group)
    position, axes, spacing = (
        _numbers(stated, keyword)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    if (position.size, axes.size, spacing.size) != (3, 6, 2) or not spacing.min() > 0:
        return False
    two = axes.reshape(2, 3)
    return bool(np.abs(two @ two.T - np.eye(2)).max() < _NOT_AT_RIGHT_ANGLES)


def _groups(source: Dataset, frame_number: int) -> dict[str, Dataset] | None:
    """Where a frame of an enhanced image lies, stated of it or of all (PS3.3 C.7.6.16.2); None
    where that is not stated, as of a cine."""
    per_frame = source.get("PerFrameFunctionalGroupsSequence") or ()
    if not 1 <= frame_number <= len(per_frame):
        return None
    shared = source.get("SharedFunctionalGroupsSequence") or ()
    found = {}
    for keyword in (_POSITION, *_SHARED):
        items = [one.get(keyword) for one in (per_frame[frame_number - 1], *shared)]
        item = next((one[0] for one in items if one), None)
        if item is None:
            return None
        found[keyword] = item
    return found


def _reference(source: Dataset, frame_number: int | None) -> Dataset:
    """As the encoder is to see it: of an enhanced image the one frame, with its plane."""
    reference = image_reference(source)
    if not is_multiframe(source) or frame_number is None:
        return reference
    groups = _groups(source, frame_number) or {}
    shared, own = Dataset(), Dataset()
    for keyword in _SHARED:
        setattr(shared, keyword, [groups[keyword]])
    setattr(own, _POSITION, [groups[_POSITION]])
    found = with_frames(reference, [frame_number - 1])
    found.SharedFunctionalGroupsSequence = [shared]
    found.PerFrameFunctionalGroupsSequence = [own]
    return found


def _numbers(source: Dataset, keyword: str) -> NDArray[np.float64]:
    """Empty where it is not there, or is no numbers."""
    try:
        values = np.array([float(one) for one in texts(source.get(keyword))])
    except ValueError:
        return np.empty(0)
    return values if np.isfinite(values).all() else np.empty(0)
