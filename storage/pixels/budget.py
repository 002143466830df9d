"""How many pixels may be decoded at once: the one place that decides, before any decoder runs."""

import math
from dataclasses import dataclass

from storage.core.errors import LimitExceeded
from storage.pixels.codec_headers import coded_size, scan_count

SETTING = "MEDIVIEW_MAX_FRAME_PIXELS"
DEFAULT_MAX_FRAME_PIXELS = 100_000_000
MAX_ANIMATION_PIXELS = 200_000_000
"""Of all frames of a GIF or MP4 together: it is in memory until it is written."""
MAX_SCANS = 100
"""Encoders write some ten, and 4 a colour at most."""
_SCANS_OF_ONE_LOOK = 4
"""Of colours that follow one another; more take longer than the pixels say."""
_COLOUR = 3
"""Values a pixel that cost no more than one pixel; what has more counts by its colours."""


@dataclass(frozen=True)
class PixelBudget:
    """The most pixels that one frame, page or picture may have."""

    max_frame_pixels: int = DEFAULT_MAX_FRAME_PIXELS

    def check_size(
        self, columns: int, rows: int, components: int = 1, *, what: str = "frame"
    ) -> None:
        """Raise LimitExceeded, naming the size and the setting."""
        weight = max(1, math.ceil(components / _COLOUR))
        if columns * rows * weight <= self.max_frame_pixels:
            return
        values = f" of {components} values each" if weight > 1 else ""
        raise LimitExceeded(
            f"The {what} has {columns} × {rows} pixels{values};"
            f" {self.max_frame_pixels:,} pixels are the most that the node decodes.",
            remedy=f"Retrieve it as stored, or raise {SETTING}.",
        )

    def check_frame(
        self, frame: bytes, columns: int, rows: int, components: int = 1, *, what: str = "frame"
    ) -> None:
        """Check Rows and Columns, and what the codestream says of itself.

        Raises LimitExceeded.
        """
        self.check_size(columns, rows, components, what=what)
        own = coded_size(frame)
        if own is not None:
            self.check_size(own.columns, own.rows, own.components, what=f"{what}'s codestream")
        if (scans := scan_count(frame)) > MAX_SCANS:
            raise LimitExceeded(
                f"The {what} has {scans:,} scans; {MAX_SCANS} are the most that the node decodes.",
                remedy="Retrieve it as stored.",
            )


def looks(frame: bytes) -> int:
    """How many times as long a frame takes to decode as one of as many pixels in one scan."""
    return math.ceil(scan_count(frame) / _SCANS_OF_ONE_LOOK)


def check_animation(columns: int, rows: int, count: int) -> None:
    """Raise LimitExceeded where `count` frames are too much for one file that moves."""
    if columns * rows * count > MAX_ANIMATION_PIXELS:
        raise LimitExceeded(
            f"{count} frames of {columns} by {rows} pixels are too many for one file.",
            remedy="Ask for fewer frames, or for a smaller viewport.",
        )
