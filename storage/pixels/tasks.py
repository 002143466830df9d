"""What a decoding process does. Each task returns values for JSON, and bytes."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from storage.errors import InvalidRequest
from storage.pixels.frame_encoding import FrameEncoding, decode_with_colours

Answer = tuple[dict[str, Any], bytes | memoryview]
PICTURE_FORMATS = ("PNG", "JPEG")
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError)


def answer_array(array: NDArray[Any]) -> Answer:
    """As `frame_encoding.array_of` reads it: little endian, in C order."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"dtype": plain.dtype.str, "shape": list(plain.shape)}, plain.data.cast("B")


def decode(frame: bytes, encoding: FrameEncoding) -> Answer:
    """One frame as an array, and its Photometric Interpretation."""
    array, photometric_interpretation = decode_with_colours(frame, encoding)
    values, body = answer_array(array)
    return {**values, "photometric_interpretation": photometric_interpretation}, body


def open_picture(data: bytes, unreadable: str) -> Answer:
    """A PNG or JPEG as RGB, turned as its EXIF orientation says. Raises InvalidRequest."""
    try:
        with Image.open(io.BytesIO(data), formats=PICTURE_FORMATS) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except _BROKEN as error:
        raise InvalidRequest(unreadable, remedy="Export it again and send it again.") from error
    return {"size": list(upright.size)}, upright.tobytes()
