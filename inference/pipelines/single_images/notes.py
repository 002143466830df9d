"""What a job of a model of single images states beside its results, in sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from inference.imaging.frames import is_multiframe
from inference.pipeline import Acceptance, ImageResult
from inference.results.single_images.heat_map import is_placed

_REASONS_AT_MOST = 3


def notes_of(images: Sequence[Dataset], results: Sequence[ImageResult]) -> tuple[str, ...]:
    """Each once."""
    of_results = (note for one in results for note in one.notes)
    return tuple(dict.fromkeys((*of_results, *_without_map(images, results))))


def _without_map(images: Sequence[Dataset], results: Sequence[ImageResult]) -> Iterator[str]:
    """Of multi-frame images with a Frame of Reference whose frames state no plane in it: why there
    is no Parametric Map."""
    for dataset, result in zip(images, results, strict=True):
        has_space = is_multiframe(dataset) and dataset.get("FrameOfReferenceUID")
        heat = None if result.heated is None else result.heated.heat_map
        if has_space and heat is not None and not is_placed(dataset, heat.frame_number):
            yield (
                "The heat map of this multi-frame image becomes no Parametric Map, since its frames"
                " state no plane in the patient: it stands with the finding, and leaves as a"
                " picture (SC) or an outline (GSPS)."
            )


def why_none(judged: Sequence[Acceptance]) -> str:
    """Each reason once, with how many images it is of."""
    if not judged:
        return "The series holds no images."
    counts = Counter(one.reason for one in judged)
    if len(judged) == 1:
        return judged[0].reason
    reasons = [f"{count} not taken: {reason}" for reason, count in counts.most_common()]
    more = len(reasons) - _REASONS_AT_MOST
    return " ".join((*reasons[:_REASONS_AT_MOST], *([f"{more} reasons more."] if more > 0 else [])))
