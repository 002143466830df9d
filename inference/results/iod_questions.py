"""What highdicom asks of the standard for each source image of a result, answered once a class.

It looks through all attributes of the class's IOD to say whether its images have frames, which
took 40% of encoding the mask of 384 slices. Nothing depends on this: where highdicom asks in
another way, its own answers hold.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps

from highdicom import _standard_utils

_Question = Callable[..., bool]


def answer_once() -> None:
    """Let highdicom remember, from now on."""
    asked: _Question | None = getattr(_standard_utils, "is_attribute_in_iod", None)
    if asked is not None and not hasattr(asked, "__wrapped__"):
        _standard_utils.is_attribute_in_iod = _remembering(asked)


def _remembering(ask: _Question) -> _Question:
    remembered = lru_cache(maxsize=512)(ask)

    @wraps(remembered)
    def is_attribute_in_iod(
        attribute: str, sop_class_uid: str, exclude_path_elements: Sequence[str] | None = None
    ) -> bool:
        excluded = None if exclude_path_elements is None else tuple(exclude_path_elements)
        return remembered(attribute, str(sop_class_uid), excluded)

    return is_attribute_in_iod
