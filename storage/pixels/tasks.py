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
_ONE_CHANNEL = ("1", "L", "P", "I;16", "I")
_ORIENTATION = 0x0112
_BIT_DEPTH_AT, _SPREAD = 24, {2: 85, 4: 17}
"""Of a PNG: where its header says how many bits a sample has."""
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


def label_picture(data: bytes, unreadable: str) -> Answer:
    """A PNG of one channel with the values that are stored, not as they are displayed.

    uint16, (rows, columns). Raises InvalidRequest.
    """
    try:
        with Image.open(io.BytesIO(data), formats=PICTURE_FORMATS[:1]) as image:
            if image.mode not in _ONE_CHANNEL:
                raise InvalidRequest("It is a coloured picture, and no label map.")
            if getattr(image, "n_frames", 1) > 1:
                raise InvalidRequest("It has several pictures.")
            values = np.asarray(image).astype(np.uint16)
            if image.getexif().get(_ORIENTATION, 1) != 1:
                raise InvalidRequest("It is to be turned, by its EXIF orientation.")
            mode = image.mode
    except _BROKEN as error:
        raise InvalidRequest(unreadable, remedy="Write it again.") from error
    # Pillow spreads 2 and 4 bits over 256 values.
    return answer_array(values // _SPREAD.get(data[_BIT_DEPTH_AT], 1) if mode == "L" else values)


def open_picture(data: bytes, unreadable: str) -> Answer:
    """A PNG or JPEG as RGB, turned as its EXIF orientation says. Raises InvalidRequest."""
    try:
        with Image.open(io.BytesIO(data), formats=PICTURE_FORMATS) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except _BROKEN as error:
        raise InvalidRequest(unreadable, remedy="Export it again and send it again.") from error
    return {"size": list(upright.size)}, upright.tobytes()
