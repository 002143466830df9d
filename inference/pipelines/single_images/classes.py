"""What the classes of a model of images are called and coded as, in its results."""

from inference.pipeline import Segment
from inference.pipelines.structures import LEFT, RIGHT
from inference.single_images.description import ImageModelDescription
from storage.core.findings import Code

_SIDES = {"left": LEFT, "right": RIGHT}


def segment_of(model: ImageModelDescription, value: int) -> Segment:
    """The segment of a class, by the card or under a code of the node's own."""
    stated = model.segment(value)
    return Segment(
        stated.label,
        Code(*stated.category),
        Code(*stated.code),
        model.color_rgb(value),
        _SIDES.get(stated.laterality or ""),
    )


def coded(model: ImageModelDescription, value: int) -> Code | None:
    """What the card codes a class as; None where it does not."""
    stated = model.card.segments.get(str(value))
    return None if stated is None else Code(*stated.code)
