"""What a decoding process does. Each task returns values for JSON, and bytes."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID

from storage.core.errors import InvalidRequest
from storage.pixels.frame_decoder import decode_with_colours
from storage.pixels.frame_encoding import FrameEncoding

Answer = tuple[dict[str, Any], bytes | memoryview]
PICTURE_FORMATS = ("PNG", "JPEG")
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError)


def answer_array(array: NDArray[Any]) -> Answer:
    """As `frame_decoder.array_of` reads it: little endian, in C order."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"dtype": plain.dtype.str, "shape": list(plain.shape)}, plain.data.cast("B")


def decode(frame: bytes, encoding: FrameEncoding) -> Answer:
    """One frame as an array, and its Photometric Interpretation."""
    array, photometric_interpretation = decode_with_colours(frame, encoding)
    values, body = answer_array(array)
    return {**values, "photometric_interpretation": photometric_interpretation}, body


def transcode(
    frame: bytes, encoding: FrameEncoding, transfer_syntax_uid: str
) -> tuple[dict[str, Any], bytes]:
    """One frame decoded, and encoded without loss in another transfer syntax."""
    array, colours = decode_with_colours(frame, encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoded = get_encoder(UID(transfer_syntax_uid)).encode(
            np.ascontiguousarray(array),
            rows=encoding.rows,
            columns=encoding.columns,
            number_of_frames=1,
            samples_per_pixel=encoding.samples_per_pixel,
            bits_allocated=array.itemsize * 8,
            bits_stored=min(encoding.bits_stored, array.itemsize * 8),
            pixel_representation=encoding.pixel_representation,
            photometric_interpretation=colours,
            planar_configuration=0,
        )
    return {"photometric_interpretation": colours}, encoded


def open_picture(data: bytes, unreadable: str) -> Answer:
    """A PNG or JPEG as RGB, turned as its EXIF orientation says. Raises InvalidRequest."""
    try:
        with Image.open(io.BytesIO(data), formats=PICTURE_FORMATS) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except _BROKEN as error:
        raise InvalidRequest(unreadable, remedy="Export it again and send it again.") from error
    return {"size": list(upright.size)}, upright.tobytes()
