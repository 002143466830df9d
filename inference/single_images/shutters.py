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


def _integer(header: Dataset, keyword: str) -> int:
    return int(header[keyword].value) if keyword in header else int("")


def _polygon(header: Dataset, rows: int, columns: int) -> NDArray[np.bool_]:
    numbers = [int(one) - 1 for one in header.VerticesOfThePolygonalShutter]
    corners = list(zip(numbers[1::2], numbers[::2], strict=True))
    canvas = Image.new("1", (columns, rows))
    ImageDraw.Draw(canvas).polygon(corners, fill=1, outline=1)
    inside: NDArray[np.bool_] = np.asarray(canvas, bool)
    return inside
