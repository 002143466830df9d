"""What a display shutter leaves of an image (PS3.3 C.7.6.11)."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from inference.imaging.headers import texts


def open_part(header: Dataset, rows: int, columns: int) -> NDArray[np.bool_]:
    """bool, (rows, columns): what no shutter of the image covers; all where it states none.

    The standard counts pixels from 1. A pixel on the edge is open. Several shutters together
    leave what all of them leave. A shutter whose numbers cannot be read covers nothing.
    """
    left_open = np.ones((rows, columns), bool)
    row, column = np.ogrid[1 : rows + 1, 1 : columns + 1]
    for shape in texts(header.get("ShutterShape")):
        try:
            if shape.strip() == "RECTANGULAR":
                left_open &= (column >= _integer(header, "ShutterLeftVerticalEdge")) & (
                    column <= _integer(header, "ShutterRightVerticalEdge")
                )
                left_open &= (row >= _integer(header, "ShutterUpperHorizontalEdge")) & (
                    row <= _integer(header, "ShutterLowerHorizontalEdge")
                )
            elif shape.strip() == "CIRCULAR":
                centre = [int(one) for one in header.CenterOfCircularShutter]
                radius = _integer(header, "RadiusOfCircularShutter")
                left_open &= (row - centre[0]) ** 2 + (column - centre[1]) ** 2 <= radius**2
            elif shape.strip() == "POLYGONAL":
                left_open &= _polygon(header, rows, columns)
        except (TypeError, ValueError, AttributeError, IndexError):
            continue
    return left_open


def shutter_of(header: Dataset, frame_index: int) -> Dataset:
    """The attributes of the shutter of one frame: those of the image, or of its functional group
    (PS3.3 C.7.6.16.2.16), its own before that of all frames."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    shared = header.get("SharedFunctionalGroupsSequence") or []
    for group in (*per_frame[frame_index : frame_index + 1], *shared[:1]):
        items: list[Dataset] = list(group.get("FrameDisplayShutterSequence") or [])
        if items:
            return items[0]
    return header


def shutter_grey(shutter: Dataset) -> int:
    """What is shown behind it, 0 black to 255 white: its P-Value (PS3.3 C.7.6.11), or black."""
    try:
        stated = float(shutter.get("ShutterPresentationValue") or 0)
    except (TypeError, ValueError):
        return 0
    return round(255 * min(max(stated, 0.0), 65535.0) / 65535)


def _integer(header: Dataset, keyword: str) -> int:
    return int(header[keyword].value) if keyword in header else int("")


def _polygon(header: Dataset, rows: int, columns: int) -> NDArray[np.bool_]:
    numbers = [int(one) - 1 for one in header.VerticesOfThePolygonalShutter]
    corners = list(zip(numbers[1::2], numbers[::2], strict=True))
    canvas = Image.new("1", (columns, rows))
    ImageDraw.Draw(canvas).polygon(corners, fill=1, outline=1)
    inside: NDArray[np.bool_] = np.asarray(canvas, bool)
    return inside
