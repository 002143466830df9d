"""Window, viewport and quality of rendered resources (PS3.18 8.3.5)."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from inference.calibration.decision import calibration_of
from inference.imaging.grayscale import Window, window_function
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.whole_numbers import read_whole_number

_MAX_SIDE = 8192


@dataclass(frozen=True)
class Viewport:
    """The box that the picture must fit in, and the part of the image that it shows."""

    width: int
    height: int
    left: float = 0
    top: float = 0
    source_width: float = 0
    """0: to the edge; negative: mirrored (PS3.18 8.3.5.1.3)."""
    source_height: float = 0


def parse_window(text: str) -> Window:
    """`center,width[,function]`. Raises InvalidRequest."""
    pieces = text.split(",")
    function = window_function(pieces[2]) if len(pieces) == 3 else "LINEAR"
    try:
        if len(pieces) not in (2, 3) or function is None:
            raise ValueError
        window = Window(float(pieces[0]), float(pieces[1]), function)
        if not (np.isfinite([window.center, window.width]).all() and window.width > 0):
            raise ValueError
    except ValueError:
        raise InvalidRequest(
            "The window is not center,width[,function] with a width above 0.",
            remedy="Write for example window=40,400,linear.",
        ) from None
    return window


def parse_viewport(text: str) -> Viewport:
    """`width,height[,sx,sy,sw,sh]`. Raises InvalidRequest."""
    pieces = [piece.strip() for piece in text.split(",")]
    try:
        if len(pieces) not in (2, 6):
            raise ValueError
        width, height = int(pieces[0]), int(pieces[1])
        source = [float(piece or 0) for piece in pieces[2:]]
        sides_fit = 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE
        if not (sides_fit and np.isfinite(source).all()):
            raise ValueError
    except ValueError:
        raise InvalidRequest(
            f"The viewport is not width,height[,sx,sy,sw,sh] with sides from 1 to {_MAX_SIDE}.",
            remedy="Write for example viewport=512,512.",
        ) from None
    return Viewport(width, height, *source)


def parse_quality(text: str) -> int:
    """JPEG quality from 1 to 100. Raises InvalidRequest."""
    quality = read_whole_number(text)
    if quality is not None and 1 <= quality <= 100:
        return quality
    raise InvalidRequest(
        "The quality is not a whole number from 1 to 100.", remedy="Write for example quality=90."
    )


def placed(picture: Image.Image, viewport: Viewport, spacing: tuple[float, float]) -> Image.Image:
    """Crop, mirror and scale into the viewport, keeping the proportions in space."""
    sw, sh = viewport.source_width, viewport.source_height
    left, top = max(0.0, viewport.left), max(0.0, viewport.top)
    right = min(picture.width, left + abs(sw)) if sw else picture.width
    bottom = min(picture.height, top + abs(sh)) if sh else picture.height
    if right - left < 1 or bottom - top < 1:
        raise InvalidRequest(
            f"The viewport's region lies outside the image of {picture.width} by"
            f" {picture.height} pixels.",
            remedy="Choose sx, sy, sw and sh inside the image.",
        )
    picture = picture.crop((int(left), int(top), int(right), int(bottom)))
    if sw < 0:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if sh < 0:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    row_spacing, column_spacing = spacing
    height, width = picture.height * row_spacing, picture.width * column_spacing
    scale = min(viewport.width / width, viewport.height / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def proportions(header: Dataset, frame_index: int) -> tuple[float, float]:
    """Height and width of a pixel up to a factor; 1, 1 where unknown or absurd."""
    height, width = calibration_of(header, frame_index + 1).aspect
    return (height, width) if 0.02 < height / width < 50 else (1.0, 1.0)
