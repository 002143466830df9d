"""Frames of a cine that show anything: one may begin or end blank."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from inference.pipeline import ImageResult
from inference.pipelines.single_images.frame_areas import numbered
from inference.single_images.frame import ImageFrame
from inference.single_images.preprocessing import NetworkInput
from inference.single_images.refusals import NothingShown


@dataclass
class ShownFrames:
    """`indices` from 0, each with what the network is given of it. Raises NothingShown where none
    shows anything.

    `more_than_one_grey`: what is not marked on an even frame is not missing there.
    """

    prepared: Callable[[int], NetworkInput]
    indices: Sequence[int]
    more_than_one_grey: bool = False
    _left_out: list[int] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[int, NetworkInput]]:
        nothing: NothingShown | None = None
        for index in self.indices:
            try:
                given = self.prepared(index)
            except NothingShown as error:
                nothing = error
                self._left_out.append(index + 1)
                continue
            if self.more_than_one_grey and is_of_one_grey(given):
                self._left_out.append(index + 1)
                continue
            yield index, given
        if nothing is not None and len(self._left_out) == len(self.indices):
            raise nothing

    def noted(self, result: ImageResult) -> ImageResult:
        """With a note of the frames that were left out."""
        if not self._left_out:
            return result
        note = f"Left out, since nothing is shown there: {numbered(self._left_out)} of the image."
        return replace(result, notes=(*result.notes, note))


def is_of_one_grey(given: NetworkInput) -> bool:
    # Few pixels tell that most frames are not.
    return all(_is_even(given.frame, step) for step in (16, 1))


def _is_even(frame: ImageFrame, step: int) -> bool:
    seen = frame.values[::step, ::step][frame.covered[::step, ::step]]
    return not len(seen) or bool((seen == seen[0]).all())
