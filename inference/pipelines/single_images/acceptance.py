"""Whether a series of single images is taken: image by image, by their headers."""

from collections.abc import Iterator, Mapping, Sequence

from pydicom.dataset import Dataset

from inference.models.cards.card_inputs import CardInput
from inference.pipeline import Acceptance
from inference.pipelines.single_images.notes import why_none
from inference.refusals import VolumeRefused
from inference.rules.card_condition import judge_card
from inference.single_images.refusals import ImageRefused
from storage.core.errors import LimitExceeded


def of_image(refusals: Iterator[str]) -> Acceptance:
    """`refusals`: what speaks against the image, the first thing first, or raises it."""
    try:
        refusal = next(refusals, "")
    except (ImageRefused, VolumeRefused, LimitExceeded) as error:
        refusal = f"{error.message} {error.remedy}".strip()
    return Acceptance(not refusal, refusal or "All that the model's card asks holds.")


def of_series(judged: Sequence[Acceptance], images_at_most: int) -> Acceptance:
    """A series is taken of which at least one image is, and not more than the card allows."""
    left = [one for one in judged if not one.accepted]
    taken = len(judged) - len(left)
    if taken > images_at_most:
        return Acceptance(
            False,
            f"The series has {taken} images that the model takes; its card takes {images_at_most}"
            " of one series at most (images_at_most).",
        )
    if not taken:
        return Acceptance(False, why_none(judged))
    which = "The image is" if len(judged) == 1 else f"{taken} of {len(judged)} are"
    why = f" {why_none(left)}" if left else ""
    return Acceptance(True, f"{which} taken: all that the model's card asks holds.{why}")


def of_role(
    taken: Acceptance, inputs: Mapping[str, CardInput], role: str, headers: Sequence[Dataset]
) -> Acceptance:
    """Of one of several images that are taken at once: `taken` for itself, and what the card asks
    of it in that role, which of a prior may be that of the input that it is the prior of."""
    stated = inputs[role]
    condition = stated.accepts or (inputs[stated.prior_of].accepts if stated.prior_of else None)
    if not taken.accepted or condition is None:
        return taken
    trace = judge_card(condition, headers)
    if trace is None or trace.holds:
        return taken
    return Acceptance(False, f"The card wants {trace.first_failure()}.")


def of_series_alone(title: str) -> Acceptance:
    """Where several images of a study are taken at once, a series is never the whole input."""
    return Acceptance(False, f"{title} takes several images of a study at once.")
