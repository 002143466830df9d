"""Whether lesions that are no targets have grown, of which a sum of targets says nothing.

RECIST 1.1 (4.3.4) asks whether that is unequivocal progression, which is for a person to say: until
then neither a response nor stable disease may be stated of the patient.
"""

from collections.abc import Callable, Iterable

from inference.lesions.course import Seen, Visit
from inference.lesions.measurable import is_measurable, is_node
from inference.lesions.response.sums import Size
from inference.lesions.response.target_sizes import MEASURABLE_NODE_MM

Grown = Callable[[Seen, float, float], bool]
"""Whether a lesion has grown by its size and the smallest that it had."""


def recist_grown(one: Seen, size_mm: float, smallest_mm: float) -> bool:
    """As a sum: by 20 % and 5 mm."""
    is_larger = size_mm >= 1.2 * smallest_mm and size_mm - smallest_mm >= 5
    return is_measurable(one.lesion) and is_larger


def lugano_grown(one: Seen, size_mm2: float, smallest_mm2: float) -> bool:
    """A lymph node longer than 15 mm whose product is 50 % above its smallest."""
    long_mm = one.lesion.long_axis_mm or 0.0
    return is_node(one.lesion) and long_mm > MEASURABLE_NODE_MM and size_mm2 >= 1.5 * smallest_mm2


class OtherLesions:
    """Of the studies so far, by which the next one is looked at."""

    def __init__(self, size: Size, has_grown: Grown) -> None:
        self._size = size
        self._has_grown = has_grown
        # By the lesion's group and the method that measured it: methods differ by a pixel.
        self._smallest: dict[tuple[str, str], float] = {}

    def have_grown(self, visit: Visit, targets: Iterable[Seen]) -> bool:
        """Whether one that is no target is above its smallest; all count for the next study.

        One that has merged with others is larger by them, and is followed from then on.
        """
        of_targets = {one.lesion.lesion_id for one in targets}
        merged = {one.later_lesion_id for one in visit.merged}
        grown = False
        for one in visit.seen:
            size = self._size(one)
            if one.lesion.lesion_id in of_targets or size is None:
                continue
            key = one.group, one.lesion.axes_method
            before = None if one.lesion.lesion_id in merged else self._smallest.get(key)
            if before is not None and self._has_grown(one, size, before):
                grown = True
            # What the images cut off may have been larger than it was measured.
            if not one.lesion.is_truncated:
                self._smallest[key] = size if before is None else min(before, size)
        return grown
