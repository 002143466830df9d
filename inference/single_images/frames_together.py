"""Which frames of multi-frame images are given: of one alone, and of several images together."""

from collections.abc import Mapping

import numpy as np


def frames_taken(count: int, at_most: int) -> list[int]:
    """Indices from 0: so many at most, evenly over the image, the first and last among them."""
    even = np.linspace(0, count - 1, min(count, at_most)).round().astype(int)
    return [int(one) for one in np.unique(even)]


def frame_alike(frame_index: int, count: int, other_count: int) -> int:
    """Which frame of an image of `other_count` lies at the share of its length at which the frame
    lies of one of `count`; of single images the middle of the other."""
    if count < 2:
        return (other_count - 1) // 2
    # Rounded in whole numbers: a half goes up.
    return (2 * frame_index * (other_count - 1) + count - 1) // (2 * (count - 1))


def frames_together(counts: Mapping[str, int], at_most: int) -> list[dict[str, int]]:
    """What is given at once, time after time: frames of the longest image, and of each other the
    one alike. `counts`: of frames, by the role of each image."""
    longest = max(counts.values())
    return [
        {role: frame_alike(index, longest, count) for role, count in counts.items()}
        for index in frames_taken(longest, at_most)
    ]
